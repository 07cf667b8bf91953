"""Why can this person do that? The paths through the relations, in words."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kernel.actor import Actor
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.errors import NotFound, Unprocessable
from saas.authz.check import allowed, require, tables
from saas.authz.schema import SCHEMA, Both, Either, Expression, One, Via, gives, permission_names
from saas.errors import PersonUnknown
from saas.models import Grant, Membership, Role, Tenant, TenantRole
from saas.people.standing import standing_of


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether, and why: each path is a list of sentences that together are enough.

    `lacking`: in words, what would have been needed; empty when allowed.
    """

    is_allowed: bool
    paths: list[list[str]]
    lacking: str


def explain(
    actor: Actor, user_id: UUID, permission: str, object_id: UUID | None = None
) -> Explanation:
    """Why a member has a permission of the tenant, or on one object.

    Raises: Forbidden, PersonUnknown, NotFound, Unprocessable.
    """
    kind, _, name = permission.partition(".")
    if permission not in permission_names() or (kind != "tenant" and kind not in tables()):
        detail = "a permission of the tenant or of one of its objects"
        raise Unprocessable(errors=[{"pointer": "/permission", "detail": detail}])
    with unit_of_work(actor.scope):
        require(actor, "tenant.see_people")
        member = (
            Membership.objects.select_related("tenant", "user")
            .filter(tenant_id=actor.scope.tenant_id, user_id=user_id)
            .first()
        )
        if member is None:
            raise PersonUnknown
        if not member.user.is_active or member.suspended_at is not None:
            return Explanation(False, [], "This person is suspended.")
        row = _row(kind, object_id)
        subject = Actor(user_id, **standing_of(member))
        expression = SCHEMA[kind].permissions[name]
        if not allowed(subject, permission, row):
            closed = member.tenant.status == Tenant.Status.SUSPENDED
            needed = f"Needed: {_needed(expression)}."
            return Explanation(False, [], "The organisation is suspended." if closed else needed)
        walk = _Walk(subject, member)
        return Explanation(True, walk.paths(kind, expression, row), "")


def _row(kind: str, object_id: UUID | None) -> Any:
    if kind == "tenant":
        return None
    row = tables()[kind][0].objects.filter(pk=object_id).first()
    if row is None:
        raise NotFound
    return row


class _Walk:
    """Walks an expression and keeps the paths that hold for one member."""

    def __init__(self, subject: Actor, member: Membership) -> None:
        self._subject = subject
        self._own = list(TenantRole.objects.filter(id__in=member.own_roles))

    def paths(self, kind: str, expression: Expression, row: Any) -> list[list[str]]:
        """Every way in which the expression holds; none: it does not."""
        match expression:
            case One(relation):
                return [[said] for said in self._relation(kind, relation, row)]
            case Via(relation, permission):
                target = None
                if relation != "tenant":
                    column = tables()[kind][1][relation]
                    target = _row(relation, getattr(row, column))
                inner = self.paths(relation, SCHEMA[relation].permissions[permission], target)
                step = f"This needs “{permission}” on its {relation.replace('_', ' ')}."
                return [[*path, step] for path in inner]
            case Either(terms):
                return [path for term in terms for path in self.paths(kind, term, row)]
            case Both(terms):
                joined: list[list[str]] = [[]]
                for term in terms:
                    found = self.paths(kind, term, row)
                    joined = [[*one, *more] for one in joined for more in found[:1]]
                return joined

    def _relation(self, kind: str, relation: str, row: Any) -> list[str]:
        if kind == "tenant":
            return self._in_tenant(relation)
        column = tables()[kind][1].get(relation)
        if column is not None:
            is_it = getattr(row, column) == self._subject.user_id
            return [f"Is the {relation} of this {kind}."] if is_it else []
        found = Grant.objects.filter(
            user_id=self._subject.user_id, object_type=kind, object_id=row.pk, relation=relation
        ).first()
        if found is None or (found.expires_at is not None and found.expires_at <= now()):
            return []
        until = f" until {found.expires_at:%Y-%m-%d %H:%M} UTC" if found.expires_at else ""
        return [f"Was given “{relation}” on this {kind}{until}: {found.reason}"]

    def _in_tenant(self, relation: str) -> list[str]:
        right = gives(relation)
        if right is not None:
            names = [role.name for role in self._own if right in role.permissions]
            return [f"Has the role “{name}”, which includes “{right}”." for name in names]
        if relation in self._subject.roles:
            return [f"Has the role “{Role(relation).label}” in the organisation."]
        return []


def _needed(expression: Expression) -> str:
    match expression:
        case One(relation):
            right = gives(relation)
            return f"a role with {right}" if right else relation.replace("_", " ")
        case Via(relation, permission):
            return f"{permission} on the {relation}"
        case Either(terms):
            return " or ".join(_needed(term) for term in terms)
        case Both(terms):
            return " and ".join(_needed(term) for term in terms)
