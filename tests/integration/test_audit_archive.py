"""Old entries of the audit log: put away, still provable, never deleted before they are safe."""

import gzip
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from kernel.actor import Scope
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.storage.local import LocalStorage
from kernel.storage.ports import STORAGE
from kernel.storage.s3 import S3Storage
from saas.audit.archiving import archive_all
from saas.audit.verifying import verify
from saas.models import AuditArchive, AuditEntry, AuditSeal
from tests.support.cast import Cast
from tests.support.faulty_line import STOPPED, WELL
from tests.support.s3 import line_to, place_behind
from tests.support.signed_in import signed_in

pytestmark = pytest.mark.usefixtures("nobody_is_woken", "no_worker")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Path]:
    before = STORAGE.get()
    STORAGE.bind(LocalStorage(tmp_path))
    yield tmp_path
    STORAGE.bind(before)


def month(back: int) -> datetime:
    """The tenth of a month, `back` months ago."""
    day = now().replace(day=10)
    for _ in range(back):
        day = (day.replace(day=1) - timedelta(days=1)).replace(day=10)
    return day


def record(cast: Cast, *moments: datetime) -> None:
    with unit_of_work(cast.acme):
        for number, at in enumerate(moments):
            AuditEntry.objects.create(
                created_at=at, actor_id=cast.admin.user_id, action="thing.changed",
                object_type="thing", object_id=str(number), after={"size": 1.5, "name": "é"},
            )  # fmt: skip


def entries(cast: Cast) -> int:
    with unit_of_work(cast.acme):
        return int(AuditEntry.objects.filter(action="thing.changed").count())


def test_old_months_are_put_away_and_the_chain_goes_through_them(cast: Cast, storage: Path) -> None:
    record(cast, month(4), month(4), month(3), month(0))
    assert archive_all() == 3
    assert archive_all() == 0
    assert entries(cast) == 1
    record(cast, month(0))
    assert verify(cast.acme_id).problem == ""
    assert verify(cast.acme_id).entries == 5
    call_command("audit_verify")

    admin = signed_in("admin")
    files = admin.get("/audit/archives").json()["items"]
    assert [(one["first_seq"], one["last_seq"]) for one in files] == [(3, 3), (1, 2)]
    answer = admin.get(f"/audit/archives/{files[1]['id']}")
    lines = [
        json.loads(line)
        for line in gzip.decompress(b"".join(answer.streaming_content)).splitlines()
    ]
    assert [line["seq"] for line in lines] == [1, 2]
    assert lines[0]["entry"]["after"] == {"size": 1.5, "name": "é"}
    assert signed_in("ann").get("/audit/archives").status_code == 403
    assert signed_in("stranger").get("/audit/archives").json()["items"] == []
    assert signed_in("stranger").get(f"/audit/archives/{files[1]['id']}").status_code == 404


def test_everything_of_a_quiet_tenant_may_be_put_away(cast: Cast, storage: Path) -> None:
    record(cast, month(4))
    assert archive_all() == 1
    record(cast, month(0))
    assert verify(cast.acme_id).problem == ""
    assert verify(cast.acme_id).entries == 2


class Unreliable(LocalStorage):
    """Says that it wrote, and did not."""

    def put(self, scope: Scope, key: str, content: BinaryIO) -> int:
        return super().put(scope, key, BytesIO(content.read()[:-1]))


def test_nothing_is_deleted_before_the_file_is_proven(cast: Cast, storage: Path) -> None:
    record(cast, month(4), month(4))
    STORAGE.bind(Unreliable(storage))
    assert archive_all() == 0
    assert entries(cast) == 2
    # Whoever is killed after the file was written left this behind: it is written again.
    STORAGE.bind(LocalStorage(storage))
    assert archive_all() == 2
    assert verify(cast.acme_id).problem == ""


def test_in_a_bucket_it_waits_while_that_is_away_and_is_proven_from_there(
    cast: Cast, storage: Path, s3: str
) -> None:
    record(cast, month(4), month(3))
    with unit_of_work(cast.globex):
        AuditEntry.objects.create(
            created_at=month(4), actor_id=cast.stranger.user_id, action="thing.changed"
        )
    with line_to(s3) as to_s3:
        bucket = S3Storage(place_behind(to_s3))
        STORAGE.bind(bucket)
        to_s3.set(STOPPED)
        assert archive_all() == 0
        # The other tenant's log did not try as well, and is sealed all the same.
        assert bucket.breaker.standing.failures == 1
        with unit_of_work(cast.globex):
            assert AuditSeal.objects.count() == 1
        assert entries(cast) == 2
        to_s3.set(WELL)
        bucket.breaker.reset()
        assert archive_all() == 3
        assert entries(cast) == 0
        call_command("audit_verify")
        assert verify(cast.acme_id).entries == 2
        admin = signed_in("admin")
        file = admin.get("/audit/archives").json()["items"][0]
        answer = admin.get(f"/audit/archives/{file['id']}")
        assert gzip.decompress(b"".join(answer.streaming_content)).count(b"\n") == 1

        to_s3.set(STOPPED)
        assert "cannot be read" in verify(cast.acme_id).problem
        with pytest.raises(CommandError):
            call_command("audit_verify")
        refused = admin.get(f"/audit/archives/{file['id']}")
        assert (refused.status_code, refused.json()["code"]) == (503, "storage-away")
        assert refused.headers["Retry-After"]
    assert list(storage.rglob("*")) == []


def test_the_database_lets_nothing_else_be_deleted(cast: Cast, storage: Path) -> None:
    record(cast, month(4), month(0))
    assert verify(cast.acme_id).entries == 2
    claim = {
        "first_seq": 1, "last_digest": "0" * 64, "since": now(), "until": now(), "key": "k",
        "size_bytes": 1, "sha256": "0" * 64,
    }  # fmt: skip
    for claimed in (None, {**claim, "last_seq": 1}, {**claim, "last_seq": 2}):
        with (
            pytest.raises(DatabaseError),
            unit_of_work(cast.acme),
            connection.cursor() as cursor,
        ):
            if claimed:
                AuditArchive.objects.create(**claimed)
            cursor.execute("select saas_forget_archived(1, %s)", [2])
    with pytest.raises(DatabaseError), unit_of_work(cast.acme), connection.cursor() as cursor:
        cursor.execute("select set_config('soma.archiving', 'on', true)")
        cursor.execute("delete from saas_auditentry")
    assert entries(cast) == 2


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_a_file_that_was_harmed_is_found(cast: Cast, storage: Path, harm: str) -> None:
    record(cast, month(4))
    assert archive_all() == 1
    (file,) = storage.rglob("*.gz")
    if harm == "missing":
        file.unlink()
    else:
        text = gzip.decompress(file.read_bytes()).replace(b"thing.changed", b"thing.removed")
        file.write_bytes(gzip.compress(text, mtime=0))
    assert harm in verify(cast.acme_id).problem
    with pytest.raises(CommandError):
        call_command("audit_verify")
