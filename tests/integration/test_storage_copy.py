"""Files move from the folder to the bucket and back: all of them, once, and never over others."""

from collections.abc import Iterator
from io import BytesIO, StringIO
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from kernel.actor import Scope
from kernel.storage.local import LocalStorage
from kernel.storage.ports import STORAGE, ObjectMissing
from kernel.storage.s3 import PART_BYTES, S3Storage
from tests.support.faulty_line import STOPPED, WELL, Line
from tests.support.s3 import line_to, place_behind

FILES = {"audit/2026-01/1.jsonl.gz": b"one", "empty": b"", "big": b"b" * (PART_BYTES + 300_001)}


@pytest.fixture
def to_s3(s3: str) -> Iterator[Line]:
    with line_to(s3) as made:
        yield made


@pytest.fixture
def bucket(to_s3: Line, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Storage]:
    made = S3Storage(place_behind(to_s3))
    changes = {"storage_adapter": "s3", "s3_bucket": "b", "var_dir": tmp_path}
    monkeypatch.setattr(settings, "SOMA", settings.SOMA.model_copy(update=changes))
    before = STORAGE.get()
    STORAGE.bind(made)
    yield made
    STORAGE.bind(before)


@pytest.fixture
def folder(bucket: S3Storage) -> LocalStorage:
    return LocalStorage(settings.SOMA.objects_dir)


def copy(*options: str) -> str:
    said = StringIO()
    call_command("storage_copy", *options, stdout=said, stderr=said)
    return said.getvalue()


def content_of(storage: S3Storage | LocalStorage, scope: Scope, key: str) -> bytes:
    return b"".join(storage.read(scope, key))


def test_all_files_are_copied_once_and_back(folder: LocalStorage, bucket: S3Storage) -> None:
    tenants = [Scope(uuid4()), Scope(uuid4())]
    for scope in tenants:
        for key, content in FILES.items():
            folder.put(scope, key, BytesIO(content + bytes(scope.tenant_id.bytes)))
    assert copy() == "copied 6, there already 0\n"
    assert copy() == "copied 0, there already 6\n"
    assert set(bucket.objects()) == set(folder.objects())
    for scope, key in bucket.objects():
        assert content_of(bucket, scope, key) == content_of(folder, scope, key)
        assert folder.delete(scope, key)
    assert copy("--back") == "copied 6, there already 0\n"
    for scope, key in bucket.objects():
        assert content_of(bucket, scope, key) == content_of(folder, scope, key)


def test_what_is_different_there_stays_until_somebody_says_so(
    folder: LocalStorage, bucket: S3Storage
) -> None:
    scope = Scope(uuid4())
    folder.put(scope, "k", BytesIO(b"old"))
    bucket.put(scope, "k", BytesIO(b"newer"))
    with pytest.raises(CommandError, match="1 files are different"):
        copy()
    assert content_of(bucket, scope, "k") == b"newer"
    assert copy("--replace") == "copied 1, there already 0\n"
    assert content_of(bucket, scope, "k") == b"old"


def test_a_copy_that_is_broken_off_is_begun_again(
    folder: LocalStorage, bucket: S3Storage, to_s3: Line
) -> None:
    scope = Scope(uuid4())
    folder.put(scope, "k", BytesIO(b"x"))
    to_s3.set(STOPPED)
    with pytest.raises(CommandError, match="Run it again"):
        copy()
    to_s3.set(WELL)
    bucket.breaker.reset()
    with pytest.raises(ObjectMissing):
        bucket.read(scope, "k")
    assert copy() == "copied 1, there already 0\n"


def test_without_a_bucket_it_says_so() -> None:
    with pytest.raises(CommandError, match="there is no bucket"):
        copy()
