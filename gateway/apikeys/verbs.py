"""What people do with keys. A person sees and makes their own; tenant admins all of the tenant."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID

from gateway.apikeys.principal import tell_keys
from gateway.apikeys.token import SCOPES, digest, new_secret, shown
from gateway.drafts import Findings
from gateway.models import ApiKey, Budget
from kernel.actor import Actor
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.errors import Forbidden, NotFound
from kernel.ids import uuid7
from kernel.text import checked
from saas.facade import allowed, audit, require, require_step_up

ADMINISTRATE = "tenant.administrate"
KEYS_OF_A_TENANT = 1_000
OVERLAP_AT_MOST = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class KeyDraft:
    """A key to be made or changed. None: as it is (new: nothing of the kind)."""

    name: str | None = None
    is_personal: bool = True
    scopes: Sequence[str] | None = None
    allowed_models: Sequence[str] | None = None
    networks: Sequence[str] | None = None
    requests_a_minute: int | None = None
    tokens_a_minute: int | None = None
    expires_at: datetime | None = None
    # What the key may cost in a month, in micro-dollars.
    monthly_micros: int | None = None
    given: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key with its secret, which is told this once."""

    key: ApiKey
    secret: str


def list_keys(actor: Actor, limit: int, after: UUID | None) -> list[ApiKey]:
    """Keys by age (one more than `limit`, when there are more). Raises: Forbidden."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.use")
        rows = ApiKey.objects.order_by("id")
        if not allowed(actor, ADMINISTRATE):
            rows = rows.filter(user_id=actor.user_id, is_personal=True)
        if after is not None:
            rows = rows.filter(id__gt=after)
        return list(rows[: limit + 1])


def create_key(actor: Actor, draft: KeyDraft) -> MadeKey:
    """A new key. Raises: Forbidden, StepUpRequired, Unprocessable."""
    secret = new_secret()
    with unit_of_work(actor.scope):
        require(actor, "tenant.use" if draft.is_personal else ADMINISTRATE)
        require_step_up(actor)
        if ApiKey.objects.filter(revoked_at=None).count() >= KEYS_OF_A_TENANT:
            raise Forbidden("There are too many keys: revoke some first.")
        row = ApiKey(
            id=uuid7(),
            tenant_id=actor.scope.tenant_id,
            user_id=actor.user_id,
            is_personal=draft.is_personal,
            prefix=shown(secret),
            secret_hash=digest(secret),
            scopes=list(SCOPES),
        )
        _apply(row, draft, names=_names(draft) | {"name"})
        row.save(force_insert=True)
        if draft.monthly_micros is not None:
            Budget.objects.create(
                metric="usd",
                subject=Budget.Subject.KEY,
                subject_id=row.id,
                period=Budget.Period.MONTH,
                limit_micros=draft.monthly_micros,
                alerts=[80, 100],
            )
        audit(actor, "api_key.created", "api_key", row.id, after=_audited(row))
    return MadeKey(row, secret)


def update_key(actor: Actor, key_id: UUID, draft: KeyDraft) -> ApiKey:
    """Change a key; acts in every process within a second. Raises: NotFound, Unprocessable."""
    with unit_of_work(actor.scope):
        row = _access(actor, key_id)
        before = _audited(row)
        _apply(row, draft, names=_names(draft))
        row.updated_at = now()
        row.save()
        audit(actor, "api_key.updated", "api_key", row.id, before, _audited(row))
    tell_keys()
    return row


def rotate_key(actor: Actor, key_id: UUID, overlap_s: int) -> MadeKey:
    """A new secret for the same key; the old one stays good for `overlap_s`.

    Raises: NotFound, StepUpRequired.
    """
    secret = new_secret()
    with unit_of_work(actor.scope):
        row = _access(actor, key_id)
        require_step_up(actor)
        overlap = min(timedelta(seconds=overlap_s), OVERLAP_AT_MOST)
        row.previous_hash, row.previous_until = row.secret_hash, now() + overlap
        row.secret_hash, row.prefix = digest(secret), shown(secret)
        row.updated_at = now()
        row.save()
        audit(actor, "api_key.rotated", "api_key", row.id, after={"overlap_s": overlap_s})
    tell_keys()
    return MadeKey(row, secret)


def revoke_key(actor: Actor, key_id: UUID) -> None:
    """End a key, in every process within a second; its usage stays. Raises: NotFound."""
    with unit_of_work(actor.scope):
        row = _access(actor, key_id)
        row.revoked_at = row.updated_at = now()
        row.save()
        audit(actor, "api_key.revoked", "api_key", row.id, before=_audited(row))
    tell_keys()


def _access(actor: Actor, key_id: UUID) -> ApiKey:
    require(actor, "tenant.use")
    row: ApiKey | None = (
        ApiKey.objects.select_for_update().filter(id=key_id, revoked_at=None).first()
    )
    is_own = row is not None and row.is_personal and row.user_id == actor.user_id
    if row is None or not (is_own or allowed(actor, ADMINISTRATE)):
        raise NotFound
    return row


def _names(draft: KeyDraft) -> set[str]:
    return set(draft.given) - {"is_personal", "monthly_micros"}


def _apply(row: ApiKey, draft: KeyDraft, names: set[str]) -> None:
    """Put the named fields of the draft into the row. Raises: Unprocessable."""
    findings = Findings()
    for name in names:
        value: Any = getattr(draft, name)
        match name:
            case "name":
                value = checked(value or "", "/name").strip()
                if not value or len(value) > 100:
                    findings.add("/name", "1 to 100 characters")
            case "scopes":
                value = list(dict.fromkeys(value or SCOPES))
                if not set(value) <= set(SCOPES):
                    findings.add("/scopes", f"of {', '.join(SCOPES)}")
            case "networks":
                value = [_network(one, findings) for one in value or ()]
            case "allowed_models":
                value = [checked(one, "/allowed_models")[:200] for one in value or ()]
            case "expires_at":
                if value is not None and value <= now():
                    findings.add("/expires_at", "lies in the past")
        setattr(row, name, value)
    findings.settle()


def _network(text: str, findings: Findings) -> str:
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError:
        findings.add("/networks", "addresses or ranges such as 10.0.0.0/8")
        return ""


def _audited(row: ApiKey) -> dict[str, object]:
    return {
        "name": row.name,
        "prefix": row.prefix,
        "is_personal": row.is_personal,
        "scopes": row.scopes,
        "allowed_models": row.allowed_models,
        "networks": row.networks,
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
    }
