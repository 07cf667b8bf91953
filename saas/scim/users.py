"""People as the directory sends them.

A person is an account of an address in a domain that was confirmed for the tenant: an account of
any other address is never touched, nor a platform admin's. The link is made once; a later change
of `userName` changes the directory's name of the person, never the account's address. Who was
suspended or removed by hand stays so until somebody undoes it by hand.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import QuerySet
from scim2_models import (
    ForbiddenException,
    GroupMembership,
    InvalidValueException,
    NotFoundException,
    UniquenessException,
)

from kernel.actor import Actor
from kernel.clock import now
from kernel.db import platform_unit, unit_of_work
from saas.audit import audit
from saas.authz.rights import tell_rights
from saas.errors import LastSysadmin
from saas.identity import addresses, sessions
from saas.identity.passwords import NO_PASSWORD
from saas.models import Grant, Membership, User
from saas.people.members import translated
from saas.scim.models import ScimMember, ScimUser
from saas.scim.paging import page
from saas.scim.resources import WRITING, Check, Make, Person, kept, meta, row_id
from saas.scim.versions import stamped
from saas.sso.domains import domain_of
from saas.sso.models import SsoDomain

_COLUMNS = {
    "username": lambda text: {"user_name": text.lower()},
    "externalid": lambda text: {"external_id": text},
    "id": lambda text: {"id": row_id(text)},
}


def create(actor: Actor, given: Any, default_role: str, base: str) -> Any:
    """Make or recognise a person, and their membership. Raises: SCIMException."""
    account = _account(actor, given)
    try:
        with unit_of_work(actor.scope):
            row = ScimUser(tenant_id=actor.scope.tenant_id, user_id=account.id)
            _fill(row, given)
            row.save(force_insert=True)
            member, is_new = Membership.objects.get_or_create(
                user_id=account.id, tenant_id=row.tenant_id, defaults={"role": default_role}
            )
            audit(actor, "scim.person_added", "person", account.id, after=_audited(row))
            if is_new:
                audit(actor, "person.joined", "person", account.id, after={"role": member.role})
                tell_rights(row.tenant_id, account.id)
            _follow(actor, row, given.active)
            return _render([row], base)[0]
    except IntegrityError as exc:
        raise _refusal(exc) from exc


def see(actor: Actor, given_id: str, base: str) -> Any:
    """One person. Raises: NotFoundException."""
    with unit_of_work(actor.scope):
        return _render([_row(given_id)], base)[0]


def find(actor: Actor, search: Any, base: str) -> Any:
    """A page of people. Raises: InvalidFilterException."""
    with unit_of_work(actor.scope):
        rows: QuerySet[ScimUser] = ScimUser.objects.all()
        return page(search, rows, _COLUMNS, lambda some: _render(some, base), Person)


def remove(actor: Actor, given_id: str, base: str, check: Check) -> None:
    """End the membership and forget what the directory said; the account stays.

    Raises: NotFoundException, ForbiddenException (the last sysadmin), what `check` raises.
    """
    try:
        with unit_of_work(actor.scope):
            row = _row(given_id)
            check(_render([row], base)[0])
            _refuse_platform(row)
            member = _member(row)
            if member is not None:
                Grant.objects.filter(user_id=row.user_id).delete()
                member.delete()
            audit(actor, "scim.person_removed", "person", row.user_id, before=_audited(row))
            row.delete()
            tell_rights(row.tenant_id, row.user_id)
            sessions.end_sessions_in(row.user_id, row.tenant_id)
    except IntegrityError as exc:
        raise _refusal(exc) from exc


def change(actor: Actor, given_id: str, base: str, make: Make) -> Any:
    """Make a person what `make` makes of it, wholly or not at all. Raises: SCIMException."""
    try:
        with unit_of_work(actor.scope):
            row = _row(given_id)
            before, known = _audited(row), _render([row], base)[0]
            wanted = make(known)
            _fill(row, wanted)
            row.changed_at = now()
            row.save()
            _follow(actor, row, wanted.active)
            if _audited(row) != before:
                audit(actor, "scim.person_changed", "person", row.user_id, before, _audited(row))
            return _render([row], base)[0]
    except IntegrityError as exc:
        raise _refusal(exc) from exc


def _follow(actor: Actor, row: ScimUser, wanted: bool | None) -> None:
    """Suspend the membership, or let back in whom the directory itself had suspended."""
    member = _member(row)
    if wanted is None or member is None or wanted == (member.suspended_at is None):
        return
    if wanted and row.is_active:
        # Suspended by hand: the directory does not undo it.
        return
    _refuse_platform(row)
    member.suspended_at = None if wanted else now()
    member.save(update_fields=["suspended_at"])
    row.is_active = wanted
    row.save(update_fields=["is_active"])
    act = "person.resumed" if wanted else "person.suspended"
    audit(actor, act, "person", row.user_id, after={"reason": "said by the directory (SCIM)"})
    tell_rights(row.tenant_id, row.user_id)
    if not wanted:
        sessions.end_sessions_in(row.user_id, row.tenant_id)


def _account(actor: Actor, given: Any) -> User:
    address = _address(given)
    with unit_of_work(actor.scope):
        domain = SsoDomain.objects.filter(domain=domain_of(address), confirmed_at__isnull=False)
        if not domain.exists():
            raise InvalidValueException(
                detail="The domain of this address is not confirmed for the organisation."
            )
    made = User(email=address, display_name=_name(given, address), password_hash=NO_PASSWORD)
    with platform_unit("scim: whose address") as alias:
        User.objects.using(alias).bulk_create([made], ignore_conflicts=True)
        user = User.objects.using(alias).get(email__iexact=address)
    if user.is_platform_admin or not user.is_active:
        raise ForbiddenException(detail="This account is not the organisation's to manage.")
    return user


def _address(given: Any) -> str:
    emails = given.emails or []
    primary = next((one.value for one in emails if one.primary), None)
    candidates = [given.user_name, primary, *(one.value for one in emails)]
    found = next((text for text in candidates if text and "@" in text), "")
    try:
        return addresses.clean(found)
    except addresses.EmailRefused as exc:
        raise InvalidValueException(
            detail="userName, or the first of emails, must be an e-mail address."
        ) from exc


def _name(given: Any, address: str) -> str:
    name = given.name
    parts = (name.given_name, name.family_name) if name else ()
    text = given.display_name or (name and name.formatted) or " ".join(filter(None, parts))
    shown = "".join(letter for letter in text or "" if letter.isprintable()).strip()
    return shown[:200] or address.partition("@")[0]


def _fill(row: ScimUser, given: Any) -> None:
    row.data = kept(given)
    row.user_name = str(given.user_name).lower()
    row.external_id = given.external_id or ""
    if len(row.user_name) > 254 or len(row.external_id) > 300:
        raise InvalidValueException(detail="userName or externalId is too long.")


def _row(given_id: str) -> ScimUser:
    row: ScimUser | None = ScimUser.objects.select_for_update().filter(id=row_id(given_id)).first()
    if row is None:
        raise NotFoundException(detail="There is no such user.")
    return row


def _member(row: ScimUser) -> Membership | None:
    rows = Membership.objects.select_for_update()
    return rows.filter(tenant_id=row.tenant_id, user_id=row.user_id).first()


def _refuse_platform(row: ScimUser) -> None:
    if User.objects.filter(id=row.user_id, is_platform_admin=True).exists():
        raise ForbiddenException(detail="This account is not the organisation's to manage.")


def _render(rows: Sequence[ScimUser], base: str) -> list[Any]:
    members = {
        one.user_id: one.suspended_at is None
        for one in Membership.objects.filter(
            tenant_id__in={row.tenant_id for row in rows}, user_id__in=[row.user_id for row in rows]
        )
    }
    groups: dict[UUID, list[GroupMembership]] = {}
    for one in ScimMember.objects.filter(user__in=rows).select_related("group").order_by("id"):
        shown = GroupMembership(
            value=str(one.group_id),
            ref=f"{base}/Groups/{one.group_id}",
            display=one.group.display_name,
            type="direct",
        )
        groups.setdefault(one.user_id, []).append(shown)
    found = []
    for row in rows:
        person = Person.model_validate(row.data, scim_policy=WRITING)
        person.id = str(row.id)
        person.active = members.get(row.user_id, False)
        person.groups = groups.get(row.id)
        person.meta = meta("User", base, row.id, row.created_at, row.changed_at)
        found.append(stamped(person))
    return found


def _audited(row: ScimUser) -> dict[str, object]:
    return {"user_name": row.user_name, "external_id": row.external_id}


def _refusal(error: IntegrityError) -> Exception:
    found = translated(error)
    if isinstance(found, LastSysadmin):
        return ForbiddenException(detail="This is the organisation's last sysadmin.")
    return UniquenessException(detail="There is a user with this userName, or for this account.")
