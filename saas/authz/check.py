"""The embedded evaluator, and the two calls that verbs use: `require` and `visible`.

Facts: the actor's role in the actor's tenant (read with the session), and the relation columns of
the object (declared by the app that owns the table, with `relate`). An unknown permission or an
undeclared relation is a defect and raises; it never allows.
"""

from typing import Any

from django.db.models import Model, Q

from kernel.actor import Actor
from kernel.errors import Forbidden, NotFound
from saas.authz.schema import SCHEMA, Both, Either, Expression, One, Via
from saas.errors import PasswordChangeRequired

NOTHING = Q(pk__in=[])
EVERYTHING = Q()

_columns: dict[str, dict[str, str]] = {}


def relate(kind: str, **columns: str) -> None:
    """Declare which column of `kind`'s table holds each subject relation (owner="user_id")."""
    unknown = set(columns) - set(SCHEMA[kind].relations)
    if unknown:
        msg = f"{kind} has no relation {sorted(unknown)}"
        raise KeyError(msg)
    _columns[kind] = columns


def allowed(actor: Actor, permission: str, row: Model | None = None) -> bool:
    """Whether `actor` has `permission` ("type.name"), on `row` where the type has rows."""
    kind, _, name = permission.partition(".")
    return _holds(actor, kind, SCHEMA[kind].permissions[name], row)


def require(actor: Actor, permission: str, row: Model | None = None) -> None:
    """Raise unless allowed.

    Raises: PasswordChangeRequired; NotFound for a row that the actor may not even see; Forbidden.
    """
    if actor.must_change_password:
        raise PasswordChangeRequired
    if allowed(actor, permission, row):
        return
    if row is not None and not _may_see(actor, permission, row):
        raise NotFound
    raise Forbidden(f"This needs the permission {permission}.", permission=permission)


def _may_see(actor: Actor, permission: str, row: Model) -> bool:
    kind = permission.partition(".")[0]
    seeing = [f"{kind}.{name}" for name in ("view", "read") if name in SCHEMA[kind].permissions]
    return any(allowed(actor, one, row) for one in seeing)


def visible(actor: Actor, permission: str) -> Q:
    """The condition that narrows a list to the rows on which `actor` has `permission`."""
    if actor.must_change_password:
        raise PasswordChangeRequired
    kind, _, name = permission.partition(".")
    return _condition(actor, kind, SCHEMA[kind].permissions[name])


def granted(actor: Actor) -> list[str]:
    """The platform and tenant permissions of `actor`, for the interface."""
    names = [
        f"{kind}.{name}" for kind in ("platform", "tenant") for name in SCHEMA[kind].permissions
    ]
    return [name for name in names if allowed(actor, name)]


def _holds(actor: Actor, kind: str, expression: Expression, row: Model | None) -> bool:
    match expression:
        case One(relation):
            return _stands_in(actor, kind, relation, row)
        case Via(relation, permission):
            if row is not None and getattr(row, "tenant_id", None) != actor.tenant_id:
                return False
            return _holds(actor, relation, SCHEMA[relation].permissions[permission], None)
        case Either(terms):
            return any(_holds(actor, kind, term, row) for term in terms)
        case Both(terms):
            return all(_holds(actor, kind, term, row) for term in terms)


def _stands_in(actor: Actor, kind: str, relation: str, row: Model | None) -> bool:
    if kind == "platform":
        return actor.is_platform_admin
    if kind == "tenant":
        return actor.tenant_id is not None and actor.role == relation
    if row is None:
        # Before there is a row (creation), its maker is its owner.
        return relation in _columns[kind]
    subject: Any = getattr(row, _columns[kind][relation])
    return bool(subject == actor.user_id)


def _condition(actor: Actor, kind: str, expression: Expression) -> Q:
    match expression:
        case One(relation) if kind not in {"platform", "tenant"}:
            return Q(**{_columns[kind][relation]: actor.user_id})
        case One():
            return EVERYTHING if _holds(actor, kind, expression, None) else NOTHING
        case Via(relation, permission):
            inner = SCHEMA[relation].permissions[permission]
            if not _holds(actor, relation, inner, None):
                return NOTHING
            return Q(tenant_id=actor.tenant_id)
        case Either(terms):
            union = NOTHING
            for term in terms:
                union |= _condition(actor, kind, term)
            return union
        case Both(terms):
            meet = EVERYTHING
            for term in terms:
                meet &= _condition(actor, kind, term)
            return meet
