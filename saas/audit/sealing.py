"""A chain of digests over each tenant's entries, so that a change or a gap shows.

An entry is sealed right after its commit, by who hears `AuditRecorded`: sealing in the transaction
itself would make all acts of a tenant wait for one another. Until then the entry is protected by
the append-only table alone; `manage.py audit_verify` seals what is open and checks all the rest.

Digest: SHA-256 over the digest before it and the entry as JSON with sorted keys.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import Exists, OuterRef

from kernel.actor import Scope
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.events import Arrivals, subscribe_many
from kernel.scope import PLATFORM_TENANT, require_scope
from saas.models import AuditEntry, AuditSeal, Tenant
from saas.told import AuditRecorded

FIRST = "0" * 64
AT_ONCE = 1_000
# An entry whose transaction took longer than this to commit is found by `audit_verify`.
LOOKED_BACK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check of one tenant's chain found; `problem` empty: everything is as it was."""

    tenant_id: UUID
    entries: int
    problem: str = ""


@subscribe_many(AuditRecorded, name="audit.seal")
def seal_recorded(_: Arrivals) -> None:
    """Seal what is open of the tenant, in the unit of the inbox rows."""
    seal_open(now() - LOOKED_BACK)


def seal_open(since: object = None) -> int:
    """Seal every entry of the open unit's tenant that has no seal. Returns how many."""
    tenant_id = require_scope().tenant_id
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_advisory_xact_lock(hashtextextended('audit ' || %s, 0))", [str(tenant_id)]
        )
    sealed = AuditSeal.objects.filter(entry_id=OuterRef("id"))
    waiting = AuditEntry.objects.filter(~Exists(sealed)).order_by("id")
    if since is not None:
        waiting = waiting.filter(created_at__gte=since)
    last = AuditSeal.objects.order_by("-seq").first()
    seq, digest = (last.seq, last.digest) if last else (0, FIRST)
    seals = []
    for entry in waiting[:AT_ONCE]:
        seq, before = seq + 1, digest
        digest = digest_of(before, entry)
        seals.append(
            AuditSeal(
                tenant_id=tenant_id, seq=seq, entry_id=entry.id, previous=before, digest=digest
            )
        )
    AuditSeal.objects.bulk_create(seals)
    return len(seals)


def digest_of(before: str, entry: AuditEntry) -> str:
    """The digest of an entry that follows on `before`."""
    content = {
        "id": entry.id,
        "tenant_id": entry.tenant_id,
        "created_at": entry.created_at,
        "actor_id": entry.actor_id,
        "action": entry.action,
        "object_type": entry.object_type,
        "object_id": entry.object_id,
        "before": entry.before,
        "after": entry.after,
        "request_id": entry.request_id,
        "address": entry.address,
    }
    if entry.as_user_id is not None:
        # Not in entries of before there was the column: their digests stay what they were.
        content["as_user_id"] = entry.as_user_id
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
    return hashlib.sha256(before.encode() + text).hexdigest()


def verify_all() -> Iterator[Verdict]:
    """Check the chain of the platform and of every tenant, one after the other."""
    tenants = list(Tenant.objects.order_by("slug").values_list("id", flat=True))
    for tenant_id in [PLATFORM_TENANT, *tenants]:
        yield verify(tenant_id)


def verify(tenant_id: UUID) -> Verdict:
    """Check one chain from its beginning, after sealing what was open."""
    with unit_of_work(Scope(tenant_id)):
        while seal_open() == AT_ONCE:
            pass
        seq, digest = 0, FIRST
        while True:
            seals = list(AuditSeal.objects.filter(seq__gt=seq).order_by("seq")[:AT_ONCE])
            if not seals:
                return Verdict(tenant_id, seq)
            found = AuditEntry.objects.in_bulk([one.entry_id for one in seals])
            for seal in seals:
                problem = _problem(seal, found.get(seal.entry_id), seq, digest)
                if problem:
                    return Verdict(tenant_id, seq, problem)
                seq, digest = seal.seq, seal.digest


def _problem(seal: AuditSeal, entry: AuditEntry | None, seq: int, digest: str) -> str:
    if seal.seq != seq + 1:
        return f"entry {seq + 1} is missing from the chain"
    if entry is None:
        return f"entry {seal.seq} ({seal.entry_id}) was deleted"
    if seal.previous != digest or seal.digest != digest_of(digest, entry):
        return f"entry {seal.seq} ({seal.entry_id}) was changed"
    return ""
