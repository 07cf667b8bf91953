"""The storage port: one suite over a folder and over a real object storage."""

import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import pytest

from kernel.actor import Scope
from kernel.breakers import Board
from kernel.resilience import CircuitBreaker
from kernel.storage.local import LocalStorage
from kernel.storage.ports import (
    CHUNK_BYTES,
    ObjectMissing,
    Storage,
    StorageAway,
    StorageRefused,
    UnsafeKey,
)
from kernel.storage.s3 import PART_BYTES, Patience, S3Place, S3Storage
from somaagent.config import load
from somaagent.wiring import storage_of
from tests.support.faulty_line import FAILING, STOPPED, WELL, Fault, Line, slow
from tests.support.s3 import line_to, place_at, place_behind

ROOT = Path(__file__).resolve().parents[2]
# Puts an object whose content stops after some parts, says so, and waits for its end.
DYING = """
import sys, time, uuid
from pathlib import Path
from kernel.actor import Scope
from kernel.storage.local import LocalStorage
from kernel.storage.s3 import PART_BYTES, S3Place, S3Storage

class Endless:
    given = 0
    def read(self, size):
        if self.given > 2 * PART_BYTES:
            print("half", flush=True)
            time.sleep(600)
        self.given += size
        return b"x" * size

{made}.put(Scope(uuid.UUID("{tenant}")), "k", Endless())
"""


@dataclass(frozen=True)
class Kept:
    """A storage, how another process makes it, and what lies in it that no reader sees."""

    storage: Storage
    made: str
    leftovers: Callable[[], int]


@pytest.fixture(params=["folder", "s3"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    if request.param == "folder":
        return Kept(
            LocalStorage(tmp_path),
            f'LocalStorage(Path("{tmp_path}"))',
            lambda: len([one for one in tmp_path.rglob(".*") if one.is_file()]),
        )
    place = place_at(request.getfixturevalue("s3"))
    storage = S3Storage(place)

    def unfinished() -> int:
        found = storage._client().list_multipart_uploads(Bucket=place.bucket)
        names = [one["Key"] for one in found.get("Uploads", ())]
        return len([name for name in names if name.startswith(place.prefix)])

    made = f'S3Storage(S3Place("{place.bucket}", "{place.endpoint}", "{place.region}", '
    made += f'"{place.key_id}", "{place.secret}", "{place.prefix}"))'
    return Kept(storage, made, unfinished)


@pytest.fixture
def storage(kept: Kept) -> Storage:
    return kept.storage


@pytest.fixture
def scope() -> Scope:
    return Scope(uuid4())


class Stream:
    """Zeros that are nowhere in memory, in pieces of an odd size; `dies`: in the end."""

    def __init__(self, size: int, *, dies: bool = False) -> None:
        self._left, self._dies = size, dies

    def read(self, size: int = -1) -> bytes:
        if not self._left and self._dies:
            raise OSError("the sender is gone")
        piece = bytes(min(size, self._left, 65_537))
        self._left -= len(piece)
        return piece


def content_of(storage: Storage, scope: Scope, key: str) -> bytes:
    return b"".join(storage.read(scope, key))


def stream(size: int, *, dies: bool = False) -> BinaryIO:
    return Stream(size, dies=dies)  # type: ignore[return-value]


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES + 1, PART_BYTES, 2 * PART_BYTES + 1])
def test_what_was_put_is_read_back(storage: Storage, scope: Scope, size: int) -> None:
    content = os.urandom(size)
    assert storage.put(scope, "a/b.bin", BytesIO(content)) == size
    assert content_of(storage, scope, "a/b.bin") == content
    assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in storage.read(scope, "a/b.bin"))
    assert storage.delete(scope, "a/b.bin") is True
    assert storage.delete(scope, "a/b.bin") is False
    with pytest.raises(ObjectMissing):
        storage.read(scope, "a/b.bin")


def test_a_key_is_of_one_tenant(storage: Storage, scope: Scope) -> None:
    other = Scope(uuid4())
    storage.put(scope, "same", BytesIO(b"mine"))
    with pytest.raises(ObjectMissing):
        storage.read(other, "same")
    storage.put(other, "same", BytesIO(b"theirs"))
    assert content_of(storage, scope, "same") == b"mine"
    assert storage.delete(other, "same") is True
    assert content_of(storage, scope, "same") == b"mine"


@pytest.mark.parametrize(
    "key",
    ["../x", "a/../../x", "/etc/passwd", "a//b", "a/", "", ".hidden", "a\x00b", "a\\..\\b", "é",
     "a b", "a?b", "a/" * 400 + "b"],
)  # fmt: skip
def test_no_key_leads_out_of_its_tenant(storage: Storage, scope: Scope, key: str) -> None:
    for act in (
        lambda: storage.put(scope, key, BytesIO(b"x")),
        lambda: storage.read(scope, key),
        lambda: storage.delete(scope, key),
    ):
        with pytest.raises(UnsafeKey):
            act()


def test_a_new_object_takes_the_place_of_the_old(storage: Storage, scope: Scope) -> None:
    storage.put(scope, "k", BytesIO(b"old and longer"))
    storage.put(scope, "k", BytesIO(b"new"))
    assert content_of(storage, scope, "k") == b"new"


@pytest.mark.parametrize("size", [10, 2 * PART_BYTES])
def test_a_sender_that_fails_leaves_the_old_object(kept: Kept, scope: Scope, size: int) -> None:
    kept.storage.put(scope, "k", BytesIO(b"old"))
    with pytest.raises(OSError, match="the sender is gone"):
        kept.storage.put(scope, "k", stream(size, dies=True))
    assert content_of(kept.storage, scope, "k") == b"old"
    assert kept.leftovers() == 0


def test_a_killed_upload_leaves_nothing_to_read(kept: Kept, scope: Scope) -> None:
    script = DYING.format(made=kept.made, tenant=scope.tenant_id)
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.kill()
    assert kept.leftovers() == 1
    with pytest.raises(ObjectMissing):
        kept.storage.read(scope, "k")
    kept.storage.put(scope, "k", BytesIO(b"whole"))
    assert content_of(kept.storage, scope, "k") == b"whole"


def test_a_large_object_is_never_whole_in_memory(storage: Storage, scope: Scope) -> None:
    size = 6 * PART_BYTES + 7
    storage.put(scope, "warm", BytesIO(b"x"))  # The client is loaded.
    tracemalloc.start()
    try:
        assert storage.put(scope, "large", stream(size)) == size
        assert sum(map(len, storage.read(scope, "large"))) == size
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * PART_BYTES


def test_readers_see_one_whole_object_while_writers_meet(storage: Storage, scope: Scope) -> None:
    contents = [bytes([number]) * 300_000 for number in range(4)]
    storage.put(scope, "k", BytesIO(contents[0]))
    stop = threading.Event()
    odd: list[int] = []

    def watch() -> None:
        while not stop.is_set():
            found = content_of(storage, scope, "k")
            if found not in contents:
                odd.append(len(found))

    watcher = threading.Thread(target=watch)
    watcher.start()
    writers = [
        threading.Thread(
            target=lambda own: [storage.put(scope, "k", BytesIO(own)) for _ in range(10)],
            args=(content,),
        )
        for content in contents
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    watcher.join()
    assert odd == []


def test_everything_of_every_tenant_is_found_and_nothing_else(
    kept: Kept, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.storage.s3.PAGE", 2)
    assert list(kept.storage.objects()) == []
    other = Scope(uuid4())
    wanted = {(scope, "a/b"), (scope, "a/c"), (scope, "d"), (other, "a/b"), (other, "e.txt")}
    for whose, key in wanted:
        kept.storage.put(whose, key, BytesIO(b"x"))
    with pytest.raises(OSError, match="gone"):
        kept.storage.put(scope, "never", stream(10, dies=True))
    kept.storage.probe()
    assert set(kept.storage.objects()) == wanted


def test_a_probe_writes_reads_and_leaves_nothing(kept: Kept) -> None:
    assert kept.storage.probe().ok
    assert kept.storage.probe().ok
    assert kept.leftovers() == 0


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path, scope: Scope) -> None:
    (tmp_path / "file").write_text("in the way")
    storage = LocalStorage(tmp_path / "file")
    with pytest.raises(StorageAway) as away:
        storage.put(scope, "k", BytesIO(b"x"))
    assert away.value.data["reason"]
    found = storage.probe()
    assert not found.ok
    assert str(tmp_path) in found.advice


# --- a service that is away ------------------------------------------------------------------

ONCE = Patience(connect_s=3, silence_s=15, attempts=1)
HASTY = Patience(connect_s=3, silence_s=0.2, attempts=1)


@pytest.fixture
def to_s3(s3: str) -> Iterator[Line]:
    with line_to(s3) as made:
        yield made


class Behind(S3Storage):
    """One whose breaker's time is set by the test."""

    def __init__(self, to_s3: Line) -> None:
        self.at_s = 0.0
        guard = CircuitBreaker("storage", clock=lambda: self.at_s)
        super().__init__(place_behind(to_s3), ONCE, guard)


@pytest.mark.parametrize("fault", [STOPPED, FAILING, slow(3)], ids=["cut", "503", "mute"])
def test_a_service_that_is_away_is_said_left_alone_and_found_again(
    to_s3: Line, scope: Scope, fault: Fault
) -> None:
    storage = Behind(to_s3)
    hasty = S3Storage(storage._place, HASTY, storage.breaker)
    storage.put(scope, "k", BytesIO(b"before"))
    to_s3.set(fault)
    for act in (
        lambda: hasty.put(scope, "other", BytesIO(b"lost")),
        lambda: hasty.read(scope, "k"),
        lambda: hasty.delete(scope, "k"),
    ):
        with pytest.raises(StorageAway) as away:
            act()
        assert away.value.retry_after
        assert not isinstance(away.value, StorageRefused)
    assert storage.breaker.state == "open"
    assert not storage.probe().ok
    to_s3.set(WELL)
    with pytest.raises(StorageAway) as resting:
        storage.read(scope, "k")
    assert resting.value.data["reason"] == "resting"
    assert storage.probe().ok
    storage.at_s = 31
    assert content_of(storage, scope, "k") == b"before"
    assert storage.breaker.state == "closed"


def test_a_large_upload_that_is_cut_leaves_nothing(to_s3: Line, scope: Scope) -> None:
    storage = Behind(to_s3)

    class Cutting(Stream):
        def read(self, size: int = -1) -> bytes:
            if self._left < 2 * PART_BYTES:
                to_s3.set(STOPPED)
            return super().read(size)

    with pytest.raises(StorageAway):
        storage.put(scope, "k", Cutting(4 * PART_BYTES))  # type: ignore[arg-type]
    to_s3.set(WELL)
    storage.at_s = 31
    with pytest.raises(ObjectMissing):
        storage.read(scope, "k")


def test_a_read_that_is_cut_is_an_error_and_no_short_object(to_s3: Line, scope: Scope) -> None:
    storage = Behind(to_s3)
    storage.put(scope, "k", stream(32 * 1024 * 1024))
    chunks = storage.read(scope, "k")
    next(chunks)
    to_s3.set(STOPPED)
    with pytest.raises(StorageAway):
        list(chunks)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"secret": "wrong-secret"}, "SignatureDoesNotMatch"), ({"bucket": "absent"}, "NoSuchBucket")],
)
def test_a_service_that_refuses_us_says_why_and_shows_no_secret(
    s3: str, scope: Scope, changes: dict[str, str], reason: str
) -> None:
    place: S3Place = place_at(s3, **changes)
    storage = S3Storage(place)
    with pytest.raises(StorageRefused) as refused:
        storage.put(scope, "k", BytesIO(b"x"))
    assert refused.value.data["reason"] == reason
    assert reason in storage.probe().detail
    assert place.secret not in f"{place!r} {refused.value.problem()} {storage.probe()}"
    # Whoever refuses is there: the breaker stays closed, and what is mended works at once.
    assert storage.breaker.state == "closed"


def test_the_settings_name_the_bucket_and_its_breaker_is_known_to_health() -> None:
    s3 = {"SA01_STORAGE_ADAPTER": "s3", "SA01_S3_BUCKET": "files", "SA01_S3_REGION": "eu-west-3"}
    board = Board(is_alone=True)
    storage = storage_of(load(s3), board)
    assert isinstance(storage, S3Storage)
    assert storage.breaker is board.get("storage")
    assert storage._client().meta.endpoint_url == "https://s3.eu-west-3.amazonaws.com"
    assert isinstance(storage_of(load({}), board), LocalStorage)


def test_without_a_key_and_without_a_role_it_says_so(
    s3: str, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    storage = S3Storage(replace(place_at(s3), key_id=None, secret=None))
    with pytest.raises(StorageRefused) as refused:
        storage.put(scope, "k", BytesIO(b"x"))
    assert refused.value.data["reason"] == "NoCredentialsError"
