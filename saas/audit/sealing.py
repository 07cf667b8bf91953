"""A chain of digests over each tenant's entries, so that a change or a gap shows.

An entry is sealed right after its commit, by who hears `AuditRecorded`: sealing in the transaction
itself would make all acts of a tenant wait for one another. Until then the entry is protected by
the append-only table alone; `manage.py audit_verify` seals what is open and checks all the rest
(`saas.audit.verifying`).

Digest: SHA-256 over the digest before it and the entry as JSON with sorted keys.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import Exists, OuterRef

from kernel.clock import now
from kernel.events import Arrivals, subscribe_many
from kernel.locks import take_turns
from kernel.scope import PLATFORM_TENANT, require_scope
from saas.models import AuditArchive, AuditEntry, AuditSeal, Tenant
from saas.told import AuditRecorded

FIRST = "0" * 64
AT_ONCE = 1_000
# An entry whose transaction took longer than this to commit is found by `audit_verify`.
LOOKED_BACK = timedelta(hours=1)


@subscribe_many(AuditRecorded, name="audit.seal")
def seal_recorded(_: Arrivals) -> None:
    """Seal what is open of the tenant, in the unit of the inbox rows."""
    seal_open(now() - LOOKED_BACK)


def seal_open(since: object = None) -> int:
    """Seal every entry of the open unit's tenant that has no seal. Returns how many."""
    tenant_id = require_scope().tenant_id
    lock()
    sealed = AuditSeal.objects.filter(entry_id=OuterRef("id"))
    waiting = AuditEntry.objects.filter(~Exists(sealed)).order_by("id")
    if since is not None:
        waiting = waiting.filter(created_at__gte=since)
    last = AuditSeal.objects.order_by("-seq").first()
    seq, digest = (last.seq, last.digest) if last else archived_up_to()
    seals = []
    for entry in waiting[:AT_ONCE]:
        seq, before = seq + 1, digest
        digest = digest_of(before, content_of(entry))
        seals.append(
            AuditSeal(
                tenant_id=tenant_id, seq=seq, entry_id=entry.id, previous=before, digest=digest
            )
        )
    AuditSeal.objects.bulk_create(seals)
    return len(seals)


def seal_all() -> None:
    """Seal whatever is open of the open unit's tenant."""
    while seal_open() == AT_ONCE:
        pass


def lock() -> None:
    """One at a time works on the chain of the open unit's tenant, until the unit ends."""
    with connection.cursor() as cursor:
        take_turns(cursor, [f"audit {require_scope().tenant_id}"])


def archived_up_to() -> tuple[int, str]:
    """Number and digest of the last link that is archived, of the open unit's tenant."""
    last = AuditArchive.objects.order_by("-first_seq").first()
    return (last.last_seq, last.last_digest) if last else (0, FIRST)


def digest_of(before: str, content: Mapping[str, Any]) -> str:
    """The digest of an entry (see `content_of`) that follows on `before`."""
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
    return hashlib.sha256(before.encode() + text).hexdigest()


def content_of(entry: AuditEntry) -> dict[str, Any]:
    """What is sealed of an entry; the same as JSON has the same digest."""
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
    return content


def chains() -> list[UUID]:
    """Whose logs there are: the platform's and every tenant's."""
    return [PLATFORM_TENANT, *Tenant.objects.order_by("slug").values_list("id", flat=True)]


def problem_of(seal: AuditSeal, content: Mapping[str, Any] | None, seq: int, digest: str) -> str:
    """What is wrong with a link that must follow on (`seq`, `digest`); empty: nothing."""
    if seal.seq != seq + 1:
        return f"entry {seq + 1} is missing from the chain"
    if content is None:
        return f"entry {seal.seq} ({seal.entry_id}) was deleted"
    if seal.previous != digest or seal.digest != digest_of(digest, content):
        return f"entry {seal.seq} ({seal.entry_id}) was changed"
    return ""
