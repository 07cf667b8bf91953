"""The calls that verbs use: `require`, `allowed` and `visible`.

Evaluated in three values: what the actor and the row at hand say decides first; what stays open is
asked of the authority (`saas.authz.ports`) in one go. An unknown permission or an undeclared
relation is a defect and raises; it never allows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, Func, Model, Q, QuerySet

from kernel.actor import Actor
from kernel.errors import Forbidden, NotFound
from kernel.tenancy import TenantModel
from saas.authz.ports import AUTHORITY, Question
from saas.authz.schema import SCHEMA, Both, Either, Expression, One, Via, only_reads
from saas.errors import PasswordChangeRequired, SecondFactorRequired, TenantSuspended

NOTHING = Q(pk__in=[])
EVERYTHING = Q()

_columns: dict[str, dict[str, str]] = {}
_models: dict[str, type[TenantModel]] = {}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Union, with what is known filled in."""

    terms: tuple["Bound", ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Intersection, with what is known filled in."""

    terms: tuple["Bound", ...]


Bound = bool | Question | AnyOf | AllOf


@dataclass(frozen=True, slots=True)
class _Target:
    """Where an arrow leads: enough of a row, because no type that is pointed at has columns."""

    pk: UUID
    tenant_id: UUID


def relate(kind: str, model: type[TenantModel] | None = None, **columns: str) -> None:
    """Declare the table of `kind`, and which of its columns hold relations (owner="user_id")."""
    unknown = set(columns) - set(SCHEMA[kind].relations)
    if unknown:
        msg = f"{kind} has no relation {sorted(unknown)}"
        raise KeyError(msg)
    _columns[kind] = columns
    if model is not None:
        _models[kind] = model


def tables() -> dict[str, tuple[type[TenantModel], dict[str, str]]]:
    """The declared tables with their relation columns."""
    return {kind: (model, _columns[kind]) for kind, model in _models.items()}


def allowed(actor: Actor, permission: str, row: Model | None = None) -> bool:
    """Whether `actor` has `permission` ("type.name"), on `row` where the type has rows.

    Raises: AuthorityAway.
    """
    kind, _, name = permission.partition(".")
    expression = SCHEMA[kind].permissions[name]
    if _is_closed(actor, kind, name):
        return False
    authority = AUTHORITY.get()
    bound = _bind(actor, kind, expression, row)
    first = decide(bound, lambda question: authority.known(actor, question))
    if first is not None:
        return first
    asked = [one for one in set(_questions(bound)) if authority.known(actor, one) is None]
    answers = dict(zip(asked, authority.ask(actor, asked), strict=True))
    known = lambda one: answers.get(one, authority.known(actor, one))  # noqa: E731
    return bool(decide(bound, known))


def require(actor: Actor, permission: str, row: Model | None = None) -> None:
    """Raise unless allowed.

    Raises: PasswordChangeRequired, SecondFactorRequired; TenantSuspended; NotFound for a row that
    the actor may not even see; Forbidden; AuthorityAway.
    """
    _refuse_unready(actor)
    if allowed(actor, permission, row):
        return
    kind, _, name = permission.partition(".")
    if _is_closed(actor, kind, name):
        raise TenantSuspended
    if row is not None and not _may_see(actor, permission, row):
        raise NotFound
    raise Forbidden(f"This needs the permission {permission}.", permission=permission)


def _refuse_unready(actor: Actor) -> None:
    if actor.must_change_password:
        raise PasswordChangeRequired
    if actor.must_enrol:
        raise SecondFactorRequired


def visible(actor: Actor, permission: str) -> Q:
    """The condition that narrows a list to the rows on which `actor` has `permission`."""
    _refuse_unready(actor)
    kind, _, name = permission.partition(".")
    if _is_closed(actor, kind, name):
        return NOTHING
    return _condition(actor, kind, SCHEMA[kind].permissions[name])


def granted(actor: Actor) -> list[str]:
    """The platform and tenant permissions of `actor`, for the interface."""
    names = [
        f"{kind}.{name}" for kind in ("platform", "tenant") for name in SCHEMA[kind].permissions
    ]
    return [name for name in names if allowed(actor, name)]


def decide(bound: Bound, known: Callable[[Question], bool | None]) -> bool | None:
    """The value of an expression in three-valued logic (Kleene); None: still open."""
    match bound:
        case bool():
            return bound
        case Question():
            return known(bound)
        case AnyOf(terms):
            return _fold((decide(term, known) for term in terms), decisive=True)
        case AllOf(terms):
            return _fold((decide(term, known) for term in terms), decisive=False)


def _questions(bound: Bound) -> Iterator[Question]:
    match bound:
        case Question():
            yield bound
        case AnyOf(terms) | AllOf(terms):
            for term in terms:
                yield from _questions(term)


def _fold(values: Iterator[bool | None], *, decisive: bool) -> bool | None:
    result: bool | None = not decisive
    for value in values:
        if value is decisive:
            return decisive
        if value is None:
            result = None
    return result


def _is_closed(actor: Actor, kind: str, name: str) -> bool:
    """Whether the tenant's suspension denies it: admins may go on reading."""
    if not actor.is_suspended or kind == "platform":
        return False
    return not (only_reads(name) and actor.roles & {"sysadmin", "admin"})


def _may_see(actor: Actor, permission: str, row: Model) -> bool:
    kind = permission.partition(".")[0]
    seeing = [f"{kind}.{name}" for name in ("view", "read") if name in SCHEMA[kind].permissions]
    return any(allowed(actor, one, row) for one in seeing)


def _bind(actor: Actor, kind: str, expression: Expression, row: Any) -> Bound:
    """The expression with what the row says filled in; what the row cannot say are questions."""
    match expression:
        case Either(terms):
            return AnyOf(tuple(_bind(actor, kind, term, row) for term in terms))
        case Both(terms):
            return AllOf(tuple(_bind(actor, kind, term, row) for term in terms))
    if kind == "platform":
        return Question(kind, None, _name(expression))
    if kind == "tenant":
        return Question(kind, actor.tenant_id, _name(expression))
    if row is not None and getattr(row, "tenant_id", None) != actor.tenant_id:
        return False
    if isinstance(expression, Via) and expression.relation == "tenant":
        return Question("tenant", actor.tenant_id, expression.permission)
    if isinstance(expression, Via):
        inner = SCHEMA[expression.relation].permissions[expression.permission]
        return _bind(actor, expression.relation, inner, _target(kind, expression, row))
    column = _columns[kind].get(expression.relation)
    if column is None:
        return Question(kind, getattr(row, "pk", None), expression.relation)
    # Before there is a row (creation), its maker is its owner.
    return row is None or bool(getattr(row, column) == actor.user_id)


def _target(kind: str, arrow: Via, row: Any) -> "_Target | None":
    if row is None:
        return None
    return _Target(getattr(row, _columns[kind][arrow.relation]), row.tenant_id)


def _name(leaf: One | Via) -> str:
    return leaf.relation if isinstance(leaf, One) else leaf.permission


def _condition(actor: Actor, kind: str, expression: Expression) -> Q:
    match expression:
        case One() | Via():
            return _leaf_condition(actor, kind, expression)
        case Either(terms):
            some = [one for term in terms if (one := _condition(actor, kind, term)) != NOTHING]
            return _any(some) if some else NOTHING
        case Both(terms):
            meet = EVERYTHING
            for term in terms:
                meet &= _condition(actor, kind, term)
            return meet


def _any(conditions: list[Q]) -> Q:
    union = conditions[0]
    for condition in conditions[1:]:
        union |= condition
    return union


def _leaf_condition(actor: Actor, kind: str, leaf: One | Via) -> Q:
    if kind in {"platform", "tenant"} or (isinstance(leaf, Via) and leaf.relation == "tenant"):
        where = kind if isinstance(leaf, One) else leaf.relation
        if not holds(actor, Question(where, actor.tenant_id, _name(leaf))):
            return NOTHING
        return EVERYTHING if kind in {"platform", "tenant"} else Q(tenant_id=actor.tenant_id)
    if isinstance(leaf, Via):
        inner = _condition(actor, leaf.relation, SCHEMA[leaf.relation].permissions[leaf.permission])
        of_all = Q(tenant_id=actor.tenant_id)
        if inner in (NOTHING, of_all):
            return inner
        targets: Any = _models[leaf.relation].objects.filter(inner).values("id")
        return _among(_columns[kind][leaf.relation], targets)
    column = _columns[kind].get(leaf.relation)
    if column is not None:
        return Q(**{column: actor.user_id})
    ids = AUTHORITY.get().granted(actor, kind, leaf.relation)
    return NOTHING if ids is None else Q(tenant_id=actor.tenant_id) & _among("id", ids)


class _AnyOf(Func):
    """`column = any (array (select …))`.

    Evaluated once and then looked up in an index, beside the condition on the owner: with `in
    (select …)` the planner reads every row of the tenant as soon as both are joined by `or`.
    """

    template = "%(expressions)s)"
    arg_joiner = " = any ("
    output_field = BooleanField()


def _among(column: str, ids: QuerySet[Any] | Sequence[UUID]) -> Q:
    if isinstance(ids, QuerySet):
        return Q(_AnyOf(F(column), ArraySubquery(ids)))
    return Q(**{f"{column}__in": ids})


def holds(actor: Actor, question: Question) -> bool:
    """The answer to one question. Raises: AuthorityAway."""
    authority = AUTHORITY.get()
    known = authority.known(actor, question)
    return known if known is not None else authority.ask(actor, [question])[0]
