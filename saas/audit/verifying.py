"""`manage.py audit_verify`: each chain from its first link, through archive and database."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from kernel.actor import Scope
from kernel.db import unit_of_work
from kernel.storage.ports import ObjectMissing, StorageAway
from saas.audit import archiving, sealing
from saas.models import AuditArchive, AuditEntry, AuditSeal


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check of one tenant's chain found; `problem` empty: everything is as it was."""

    tenant_id: UUID
    entries: int
    problem: str = ""


def verify_all() -> Iterator[Verdict]:
    """Check the chain of the platform and of every tenant, one after the other."""
    for tenant_id in sealing.chains():
        yield verify(tenant_id)


def verify(tenant_id: UUID) -> Verdict:
    """Check one chain from its beginning, after sealing what was open."""
    scope = Scope(tenant_id)
    with unit_of_work(scope):
        sealing.seal_all()
        archives = list(AuditArchive.objects.order_by("first_seq"))
    seq, digest = 0, sealing.FIRST
    for archive in archives:
        try:
            seq, digest = _archived(scope, archive, seq, digest)
        except ObjectMissing:
            return Verdict(tenant_id, seq, f"the file {archive.key} is missing")
        except StorageAway as exc:
            return Verdict(tenant_id, seq, f"the file {archive.key} cannot be read: {exc.detail}")
        except (OSError, KeyError, ValueError):
            return Verdict(tenant_id, seq, f"the file {archive.key} was changed")
    with unit_of_work(scope):
        return _hot(tenant_id, seq, digest)


def _archived(scope: Scope, archive: AuditArchive, seq: int, digest: str) -> tuple[int, str]:
    """The last link of a file. Raises: ObjectMissing; ValueError, KeyError when it was changed."""
    for line in archiving.lines_of(scope, archive):
        seal = AuditSeal(seq=line["seq"], previous=line["previous"], digest=line["digest"])
        problem = sealing.problem_of(seal, line["entry"], seq, digest)
        if problem:
            raise ValueError(problem)
        seq, digest = seal.seq, seal.digest
    if (seq, digest) != (archive.last_seq, archive.last_digest):
        raise ValueError(archive.key)
    return seq, digest


def _hot(tenant_id: UUID, seq: int, digest: str) -> Verdict:
    """The links in the database, which follow on the archive."""
    while True:
        seals = AuditSeal.objects.filter(seq__gt=seq).order_by("seq")[: sealing.AT_ONCE]
        if not seals:
            return Verdict(tenant_id, seq)
        found = AuditEntry.objects.in_bulk([one.entry_id for one in seals])
        for seal in seals:
            entry = found.get(seal.entry_id)
            content = sealing.content_of(entry) if entry is not None else None
            problem = sealing.problem_of(seal, content, seq, digest)
            if problem:
                return Verdict(tenant_id, seq, problem)
            seq, digest = seal.seq, seal.digest
