"""Groups of the directory. What role a group gives is a sysadmin's choice, not the directory's."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from scim2_models import (
    Group,
    GroupMember,
    InvalidValueException,
    NotFoundException,
)

from kernel.actor import Actor
from kernel.clock import now
from kernel.db import unit_of_work
from saas.audit import audit
from saas.scim.models import ScimGroup, ScimMember, ScimUser
from saas.scim.paging import page
from saas.scim.resources import Check, Make, meta, row_id
from saas.scim.roles import people_of, settle
from saas.scim.versions import stamped

_COLUMNS = {
    "displayname": lambda text: {"display_name__iexact": text},
    "externalid": lambda text: {"external_id": text},
    "id": lambda text: {"id": row_id(text)},
}


def create(actor: Actor, given: Any, base: str) -> Any:
    """A new group with its members. Raises: InvalidValueException."""
    with unit_of_work(actor.scope):
        row = ScimGroup(tenant_id=actor.scope.tenant_id)
        _fill(row, given)
        row.save(force_insert=True)
        _set_members(actor, row, given.members)
        audit(actor, "scim.group_added", "scim_group", row.id, after=_audited(row))
        return _render([row], base)[0]


def see(actor: Actor, given_id: str, base: str) -> Any:
    """One group with its members. Raises: NotFoundException."""
    with unit_of_work(actor.scope):
        return _render([_row(given_id)], base)[0]


def find(actor: Actor, search: Any, base: str) -> Any:
    """A page of groups. Raises: InvalidFilterException."""
    with unit_of_work(actor.scope):
        rows: QuerySet[ScimGroup] = ScimGroup.objects.all()
        return page(search, rows, _COLUMNS, lambda some: _render(some, base), Group)


def remove(actor: Actor, given_id: str, base: str, check: Check) -> None:
    """Delete a group; its members lose what it gave. Raises: NotFoundException, as `check`."""
    with unit_of_work(actor.scope):
        row = _row(given_id)
        check(_render([row], base)[0])
        people = people_of(row.id)
        audit(actor, "scim.group_removed", "scim_group", row.id, before=_audited(row))
        row.delete()
        settle(actor, people)


def change(actor: Actor, given_id: str, base: str, make: Make) -> Any:
    """Make a group what `make` makes of it, wholly or not at all. Raises: SCIMException."""
    with unit_of_work(actor.scope):
        row = _row(given_id)
        before, known = _audited(row), _render([row], base)[0]
        wanted = make(known)
        _fill(row, wanted)
        row.changed_at = now()
        row.save()
        _set_members(actor, row, wanted.members)
        if _audited(row) != before:
            audit(actor, "scim.group_changed", "scim_group", row.id, before, _audited(row))
        return _render([row], base)[0]


def _set_members(actor: Actor, row: ScimGroup, given: Sequence[Any] | None) -> None:
    wanted = {_user_of(one) for one in given or ()}
    known = people_of(row.id)
    added, gone = wanted - known, known - wanted
    if ScimUser.objects.filter(id__in=added).count() != len(added):
        raise InvalidValueException(detail="A member is no user of this organisation.")
    ScimMember.objects.filter(group_id=row.id, user_id__in=gone).delete()
    ScimMember.objects.bulk_create(
        ScimMember(tenant_id=row.tenant_id, group_id=row.id, user_id=one) for one in added
    )
    settle(actor, added | gone)


def _user_of(given: Any) -> UUID:
    """Which user a member is. Raises: InvalidValueException (groups in groups too)."""
    try:
        return UUID(given.value or "")
    except ValueError as exc:
        raise InvalidValueException(detail="A member is no user of this organisation.") from exc


def _fill(row: ScimGroup, given: Any) -> None:
    row.display_name = given.display_name or ""
    row.external_id = given.external_id or ""
    if not 0 < len(row.display_name) <= 300 or len(row.external_id) > 300:
        raise InvalidValueException(detail="displayName has 1 to 300 characters.")


def _row(given_id: str) -> ScimGroup:
    found = ScimGroup.objects.select_for_update().filter(id=row_id(given_id))
    row: ScimGroup | None = found.first()
    if row is None:
        raise NotFoundException(detail="There is no such group.")
    return row


def _render(rows: Sequence[ScimGroup], base: str) -> list[Any]:
    members: dict[UUID, list[GroupMember]] = {}
    for one in ScimMember.objects.filter(group__in=rows).select_related("user").order_by("id"):
        shown = GroupMember(
            value=str(one.user_id),
            ref=f"{base}/Users/{one.user_id}",
            display=one.user.user_name,
            type="User",
        )
        members.setdefault(one.group_id, []).append(shown)
    return [
        stamped(
            Group(
                id=str(row.id),
                display_name=row.display_name,
                external_id=row.external_id or None,
                members=members.get(row.id),
                meta=meta("Group", base, row.id, row.created_at, row.changed_at),
            )
        )
        for row in rows
    ]


def _audited(row: ScimGroup) -> dict[str, object]:
    people = ScimMember.objects.filter(group_id=row.id).count()
    return {"name": row.display_name, "external_id": row.external_id, "people": people}
