"""Object types, relations and permissions, as data (the model of Zanzibar, Pang et al. 2019).

From this table come the embedded evaluator, the documentation, the permission names of the
interface and the schema of SpiceDB. Expressions are built of `one` (a relation of the object),
`via` (a permission of a related object), `either` and `both`. There is no exclusion: more facts
never take a permission away.

A relation whose name is that of a type points at one object of it; every other relation points at
people. The main and further roles of a person are relations of the tenant.
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
    """`relations`: to whom or what objects point. `permissions`: name -> expression.

    `grantable`: the relations that a person may be given on a single object, by whoever has the
    permission `shared_by` on it.
    """

    relations: tuple[str, ...]
    permissions: dict[str, Expression] = field(default_factory=dict)
    grantable: tuple[str, ...] = ()
    shared_by: str = ""


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


def given(permission: str) -> str:
    """The relation to the tenant by which a role of its own gives `permission`."""
    return f"given_{permission}"


def gives(relation: str) -> str | None:
    """The permission that a relation of the tenant gives by a role of its own; None: another."""
    return relation.removeprefix("given_") if relation.startswith("given_") else None


def _held_by(*roles: str) -> tuple[str, ...]:
    return roles


# Who has a permission of the tenant by a system role. The order is that of the documentation.
_TENANT: dict[str, tuple[str, ...]] = {
    "manage": _held_by("sysadmin"),
    "assign_roles": _held_by("sysadmin"),
    "view_billing": _held_by("sysadmin", "billing_admin"),
    "administrate": _held_by("sysadmin", "admin"),
    "see_settings": _held_by("sysadmin", "admin"),
    "manage_people": _held_by("sysadmin", "admin"),
    "see_people": _held_by("sysadmin", "admin", "security_auditor"),
    "see_audit": _held_by("sysadmin", "admin", "security_auditor"),
    "develop": _held_by("sysadmin", "admin", "developer"),
    "train": _held_by("sysadmin", "admin", "trainer"),
    "use": _held_by("sysadmin", "admin", "developer", "trainer", "member"),
    "view": _held_by(
        "sysadmin", "admin", "developer", "trainer", "member", "viewer",
        "billing_admin", "security_auditor",
    ),
}  # fmt: skip
ROLES: tuple[str, ...] = _TENANT["view"]
# Whoever holds one of these is touched by those with `assign_roles` only.
PRIVILEGED = frozenset({"sysadmin", "admin", "billing_admin", "security_auditor"})
# What a role of a tenant's own may be made of: never of what only sysadmins have.
GIVEABLE: tuple[str, ...] = tuple(
    name for name in _TENANT if name not in {"manage", "assign_roles", "view"}
)

_own = one("owner")
_own_and_use = both(_own, via("tenant", "use"))
_steers_agent = either(one("owner"), one("admin"), via("tenant", "administrate"))
_AGENT_PEOPLE = ("owner", "admin", "developer", "trainer", "user", "viewer")


def _of_agent(**permissions: Expression) -> ObjectType:
    """A thing that belongs to an agent."""
    return ObjectType(relations=("tenant", "agent"), permissions=permissions)


SCHEMA: dict[str, ObjectType] = {
    "platform": ObjectType(
        relations=("admin",),
        permissions={
            "administrate": one("admin"),
            "manage_models": one("admin"),
            "manage_tenants": one("admin"),
            "see_audit": one("admin"),
            "impersonate": one("admin"),
        },
    ),
    "tenant": ObjectType(
        relations=(*ROLES, *(given(name) for name in GIVEABLE)),
        permissions={
            name: either(
                *(one(role) for role in roles), *([one(given(name))] if name in GIVEABLE else [])
            )
            for name, roles in _TENANT.items()
        },
    ),
    "agent": ObjectType(
        relations=("tenant", *_AGENT_PEOPLE),
        grantable=_AGENT_PEOPLE,
        shared_by="manage_users",
        permissions={
            "view": either(*(one(name) for name in _AGENT_PEOPLE), via("tenant", "view")),
            "use": either(*(one(name) for name in _AGENT_PEOPLE[:-1]), via("tenant", "use")),
            "configure": _steers_agent,
            "manage_users": _steers_agent,
            "develop": either(_steers_agent, one("developer"), via("tenant", "develop")),
            # Looking into and changing how an agent learns and sleeps.
            "train": either(_steers_agent, one("trainer"), via("tenant", "train")),
        },
    ),
    "conversation": ObjectType(
        relations=("tenant", "agent", "owner", "viewer"),
        grantable=("viewer",),
        shared_by="delete",
        permissions={
            "read": both(either(_own, one("viewer")), via("tenant", "view")),
            "write": _own_and_use,
            "delete": _own_and_use,
        },
    ),
    "memory": ObjectType(
        relations=("tenant", "owner"),
        permissions={
            "read": both(_own, via("tenant", "view")),
            "write": _own_and_use,
            "delete": _own_and_use,
        },
    ),
    "cognitive_state": _of_agent(view=via("agent", "train"), edit=via("agent", "train")),
    "voice_session": _of_agent(use=via("agent", "use"), configure=via("agent", "configure")),
    "tool": _of_agent(execute=via("agent", "use"), configure=via("agent", "configure")),
    "file": ObjectType(
        relations=("tenant", "owner", "viewer"),
        grantable=("viewer",),
        shared_by="delete",
        permissions={
            "read": both(either(_own, one("viewer")), via("tenant", "view")),
            "write": _own_and_use,
            "delete": _own_and_use,
        },
    ),
    "api_key": ObjectType(
        relations=("tenant", "owner"),
        permissions={
            "view": either(both(_own, via("tenant", "use")), via("tenant", "administrate")),
            "manage": either(both(_own, via("tenant", "use")), via("tenant", "administrate")),
        },
    ),
    "project": ObjectType(
        relations=("tenant", "owner", "editor", "viewer"),
        grantable=("owner", "editor", "viewer"),
        shared_by="delete",
        permissions={
            "read": both(either(_own, one("editor"), one("viewer")), via("tenant", "view")),
            "write": both(either(_own, one("editor")), via("tenant", "use")),
            "delete": _own_and_use,
        },
    ),
    "job": ObjectType(
        relations=("tenant", "owner"),
        permissions={
            "view": both(either(_own, via("tenant", "administrate")), via("tenant", "view")),
            "cancel": either(_own_and_use, via("tenant", "administrate")),
        },
    ),
}


def permission_names() -> list[str]:
    """Every permission as `type.name`, in the order of the table."""
    return [f"{kind}.{name}" for kind, entry in SCHEMA.items() for name in entry.permissions]


def only_reads(permission: str) -> bool:
    """Whether a permission (its bare name) changes nothing: what is left in a suspended tenant."""
    return permission in {"view", "read"} or permission.startswith(("see_", "view_"))
