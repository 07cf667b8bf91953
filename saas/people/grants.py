"""What a person was given on one object, with a reason and, mostly, an end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from kernel.actor import Actor
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.errors import NotFound, Unprocessable
from kernel.text import checked
from saas.audit import audit
from saas.authz.check import require, tables
from saas.authz.rights import tell_rights
from saas.authz.schema import SCHEMA
from saas.errors import GrantUnknown, OwnRights, PersonUnknown
from saas.models import Grant, Membership

REASON_MAX = 300


@dataclass(frozen=True, slots=True)
class GrantDraft:
    """A relation for a person to one object. `expires_at` None: until it is taken back."""

    user_id: UUID
    object_type: str
    object_id: UUID
    relation: str
    reason: str
    expires_at: datetime | None = None


def list_grants(actor: Actor, user_id: UUID | None, limit: int) -> list[Grant]:
    """The newest grants of the tenant, or of one person. Raises: Forbidden."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.see_people")
        rows = Grant.objects.order_by("-id")
        if user_id is not None:
            rows = rows.filter(user_id=user_id)
        return list(rows[:limit])


def give(actor: Actor, draft: GrantDraft) -> Grant:
    """Give it; the same one again gets the new reason and end.

    Raises: Forbidden, NotFound, OwnRights, PersonUnknown, Unprocessable.
    """
    reason = _refuse_nonsense(draft)
    with unit_of_work(actor.scope):
        _access(actor, draft.object_type, draft.object_id)
        if draft.user_id in (actor.user_id, actor.acted_by):
            raise OwnRights
        member = _member(actor, draft.user_id)
        if member is None:
            raise PersonUnknown
        try:
            with transaction.atomic():
                row, _ = Grant.objects.update_or_create(
                    tenant_id=actor.scope.tenant_id,
                    user_id=draft.user_id,
                    object_type=draft.object_type,
                    object_id=draft.object_id,
                    relation=draft.relation,
                    defaults={
                        "reason": reason,
                        "expires_at": draft.expires_at,
                        "granted_by": actor.user_id,
                    },
                )
        except IntegrityError as exc:
            raise GrantUnknown from exc
        if not member.has_grants:
            member.has_grants = True
            member.save(update_fields=["has_grants"])
        audit(actor, "grant.given", draft.object_type, draft.object_id, after=_audited(row))
        tell_rights(actor.scope.tenant_id, draft.user_id)
    made: Grant = row
    return made


def take_back(actor: Actor, grant_id: UUID) -> None:
    """End a grant everywhere within a second. Raises: Forbidden, GrantUnknown."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.view")
        row: Grant | None = Grant.objects.select_for_update().filter(id=grant_id).first()
        if row is None:
            raise GrantUnknown
        try:
            _access(actor, row.object_type, row.object_id)
        except NotFound as exc:
            raise GrantUnknown from exc
        member = _member(actor, row.user_id)
        audit(actor, "grant.taken_back", row.object_type, row.object_id, before=_audited(row))
        user_id = row.user_id
        row.delete()
        if member is not None and not Grant.objects.filter(user_id=user_id).exists():
            member.has_grants = False
            member.save(update_fields=["has_grants"])
        tell_rights(actor.scope.tenant_id, user_id)


def _access(actor: Actor, kind: str, object_id: UUID) -> Any:
    """The object, if the actor may share it. Raises: NotFound, Forbidden."""
    require(actor, "tenant.view")
    model, _ = tables()[kind]
    row = model.objects.filter(pk=object_id).first()
    if row is None:
        raise NotFound
    require(actor, f"{kind}.{SCHEMA[kind].shared_by}", row)
    return row


def _member(actor: Actor, user_id: UUID) -> Membership | None:
    # Locked: `has_grants` and the grants change together.
    rows = Membership.objects.select_for_update()
    return rows.filter(tenant_id=actor.scope.tenant_id, user_id=user_id).first()


def _refuse_nonsense(draft: GrantDraft) -> str:
    errors = []
    entry = SCHEMA.get(draft.object_type)
    if entry is None or not entry.grantable or draft.object_type not in tables():
        kinds = [kind for kind in tables() if SCHEMA[kind].grantable]
        errors.append({"pointer": "/object_type", "detail": f"of {', '.join(sorted(kinds))}"})
    elif draft.relation not in entry.grantable:
        errors.append({"pointer": "/relation", "detail": f"of {', '.join(entry.grantable)}"})
    reason = checked(draft.reason, "/reason").strip()
    if not 3 <= len(reason) <= REASON_MAX:
        errors.append({"pointer": "/reason", "detail": f"3 to {REASON_MAX} characters"})
    if draft.expires_at is not None and draft.expires_at <= now():
        errors.append({"pointer": "/expires_at", "detail": "lies in the past"})
    if errors:
        raise Unprocessable(errors=errors)
    return reason


def _audited(row: Grant) -> dict[str, object]:
    return {
        "user_id": str(row.user_id),
        "relation": row.relation,
        "reason": row.reason,
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
    }
