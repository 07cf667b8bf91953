"""Object types, relations and permissions, as data (the model of Zanzibar, Pang et al. 2019).

From this table come the embedded evaluator, the documentation, the permission names of the
interface and, later, the schema of a networked engine. Expressions are built of `one` (a relation
of the object), `via` (a permission of a related object), `either` and `both`.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class One:
    """The subject stands in `relation` to the object."""

    relation: str


@dataclass(frozen=True, slots=True)
class Via:
    """The subject has `permission` on the object's `relation` (an arrow)."""

    relation: str
    permission: str


@dataclass(frozen=True, slots=True)
class Either:
    """Any of the terms (union)."""

    terms: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Both:
    """All of the terms (intersection)."""

    terms: tuple["Expression", ...]


Expression = One | Via | Either | Both


@dataclass(frozen=True, slots=True)
class ObjectType:
    """`relations`: to whom or what objects point. `permissions`: name -> expression."""

    relations: tuple[str, ...]
    permissions: dict[str, Expression] = field(default_factory=dict)


def one(relation: str) -> One:
    """A relation of the object."""
    return One(relation)


def via(relation: str, permission: str) -> Via:
    """A permission on a related object."""
    return Via(relation, permission)


def either(*terms: Expression) -> Either:
    """Any of the terms."""
    return Either(terms)


def both(*terms: Expression) -> Both:
    """All of the terms."""
    return Both(terms)


_own_and_use = both(one("owner"), via("tenant", "use"))

SCHEMA: dict[str, ObjectType] = {
    "platform": ObjectType(
        relations=("admin",),
        permissions={
            "administrate": one("admin"),
            "manage_models": one("admin"),
            "manage_tenants": one("admin"),
        },
    ),
    "tenant": ObjectType(
        relations=("sysadmin", "admin", "member", "viewer"),
        permissions={
            "manage": one("sysadmin"),
            "administrate": either(one("sysadmin"), one("admin")),
            "use": either(one("sysadmin"), one("admin"), one("member")),
            "view": either(one("sysadmin"), one("admin"), one("member"), one("viewer")),
        },
    ),
    "agent": ObjectType(
        relations=("tenant",),
        permissions={
            "view": via("tenant", "view"),
            "use": via("tenant", "use"),
            "configure": via("tenant", "administrate"),
            # Looking into and changing how an agent learns and sleeps.
            "train": via("tenant", "administrate"),
        },
    ),
    "conversation": ObjectType(
        relations=("tenant", "owner"),
        permissions={
            "read": both(one("owner"), via("tenant", "view")),
            "write": _own_and_use,
            "delete": _own_and_use,
        },
    ),
    "memory": ObjectType(
        relations=("tenant", "owner"),
        permissions={
            "read": both(one("owner"), via("tenant", "view")),
            "write": _own_and_use,
            "delete": _own_and_use,
        },
    ),
}


def permission_names() -> list[str]:
    """Every permission as `type.name`, in the order of the table."""
    return [f"{kind}.{name}" for kind, entry in SCHEMA.items() for name in entry.permissions]
