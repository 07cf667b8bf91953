"""Old entries go to object storage: as JSON lines, compressed, a file for a tenant and month.

Entries stay in the database for 30 days and until their month is over by that much. A file holds a
stretch of the chain: `audit/2026-09/000000000001.jsonl.gz`, named by its first link, each line
{seq, previous, digest, entry}. Written, read back and compared; only then, in one transaction, it
is noted and its rows are deleted, by a function of the database that refuses everything else.
Whoever is killed in between writes the same file again.
"""

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import orjson
import structlog
from django.db import connection

from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.errors import NotFound, SomaError
from kernel.storage.ports import STORAGE, StorageAway
from saas.audit import exploring, sealing
from saas.audit.exploring import AuditQuery
from saas.models import AuditArchive, AuditEntry, AuditSeal

HOT_FOR = timedelta(days=30)
# A month with more has several files.
LINES_AT_MOST = 10_000

log = structlog.get_logger(__name__)


class ArchiveUnknown(NotFound):
    """No such file of the audit log."""

    code, title = "archive-unknown", "There is no such file of the audit log"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Links of one month that follow on what is archived, checked; `content`: the file."""

    first: AuditSeal
    last: AuditSeal
    since: datetime
    until: datetime
    content: bytes

    @property
    def key(self) -> str:
        """Where it lies in the tenant's storage."""
        return f"audit/{self.since:%Y-%m}/{self.first.seq:012}.jsonl.gz"

    @property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.content).hexdigest()


def archive_all() -> int:
    """Seal all, archive what is old, of the platform and every tenant. How many entries left.

    A log that fails is tried again the next time; the others go on. While the storage is away they
    are sealed only: a service that does not answer must not keep the worker for each of them.
    """
    gone, is_away = 0, False
    for tenant_id in sealing.chains():
        try:
            with unit_of_work(Scope(tenant_id)):
                sealing.seal_all()
            while not is_away and (moved := _archive_next(tenant_id)):
                gone += moved
        except StorageAway as exc:
            reason = exc.data.get("reason")
            log.warning("audit.archive_waits", tenant_id=str(tenant_id), reason=reason)
            is_away = True
        except (SomaError, OSError):
            log.exception("audit.not_archived", tenant_id=str(tenant_id))
    return gone


def list_archives(actor: Actor, query: AuditQuery) -> list[AuditArchive]:
    """The files, newest first. Raises: Forbidden."""
    with exploring.reading(actor, query):
        return list(AuditArchive.objects.order_by("-first_seq"))


def read_archive(actor: Actor, archive_id: UUID, query: AuditQuery) -> Iterator[bytes]:
    """A file, in portions. Raises: Forbidden, ArchiveUnknown, ObjectMissing."""
    with exploring.reading(actor, query) as tenant_id:
        row = AuditArchive.objects.filter(id=archive_id).first()
    if row is None:
        raise ArchiveUnknown
    return STORAGE.get().read(Scope(tenant_id), row.key)


def lines_of(scope: Scope, archive: AuditArchive) -> Iterator[dict[str, Any]]:
    """What a file holds, after its digest was compared. Raises: ObjectMissing, ValueError."""
    content = b"".join(STORAGE.get().read(scope, archive.key))
    if hashlib.sha256(content).hexdigest() != archive.sha256:
        raise ValueError(archive.key)
    for line in gzip.decompress(content).splitlines():
        yield orjson.loads(line)


def _archive_next(tenant_id: UUID) -> int:
    """Archive the next file of a tenant; how many entries left."""
    scope = Scope(tenant_id)
    with unit_of_work(scope):
        stretch = _next_stretch()
    if stretch is None:
        return 0
    STORAGE.get().put(scope, stretch.key, BytesIO(stretch.content))
    if b"".join(STORAGE.get().read(scope, stretch.key)) != stretch.content:
        log.error("audit.archive_differs", tenant_id=str(tenant_id), key=stretch.key)
        return 0
    with unit_of_work(scope), connection.cursor() as cursor:
        sealing.lock()
        if sealing.archived_up_to()[0] != stretch.first.seq - 1:
            return 0  # Another worker was faster: with the same file.
        AuditArchive.objects.create(
            first_seq=stretch.first.seq,
            last_seq=stretch.last.seq,
            last_digest=stretch.last.digest,
            since=stretch.since,
            until=stretch.until,
            key=stretch.key,
            size_bytes=len(stretch.content),
            sha256=stretch.sha256,
        )
        cursor.execute("select saas_forget_archived(%s, %s)", [stretch.first.seq, stretch.last.seq])
        return int(cursor.fetchone()[0])


def _next_stretch() -> Stretch | None:
    """Of the open unit's tenant; None: nothing is old enough, or the chain is not whole."""
    seq, digest = sealing.archived_up_to()
    seals = list(AuditSeal.objects.filter(seq__gt=seq).order_by("seq")[:LINES_AT_MOST])
    found = AuditEntry.objects.in_bulk([one.entry_id for one in seals])
    lines: list[bytes] = []
    taken: list[tuple[AuditSeal, AuditEntry]] = []
    for seal in seals:
        entry = found.get(seal.entry_id)
        content = sealing.content_of(entry) if entry is not None else None
        problem = sealing.problem_of(seal, content, seq, digest)
        if problem or entry is None:
            log.error("audit.chain_broken", problem=problem)
            return None
        if not _is_old(entry) or (taken and _month(taken[0][1]) != _month(entry)):
            break
        seq, digest = seal.seq, seal.digest
        taken.append((seal, entry))
        link = {"seq": seal.seq, "previous": seal.previous, "digest": seal.digest, "entry": content}
        lines.append(orjson.dumps(link, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z) + b"\n")
    if not taken:
        return None
    times = [entry.created_at for _, entry in taken]
    # No time of day in the file, so that the same stretch is the same bytes.
    file = gzip.compress(b"".join(lines), mtime=0)
    return Stretch(taken[0][0], taken[-1][0], min(times), max(times), file)


def _is_old(entry: AuditEntry) -> bool:
    begin = (now() - HOT_FOR).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return bool(entry.created_at < begin)


def _month(entry: AuditEntry) -> tuple[int, int]:
    return entry.created_at.year, entry.created_at.month
