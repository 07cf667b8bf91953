"""Both authorities, and random worlds to ask them about."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from chat.models import Agent, Conversation
from kernel.actor import Actor, Scope
from kernel.db import platform_unit, unit_of_work
from saas.authz.ports import AUTHORITY, Authority
from saas.authz.rights import GRANTS
from saas.authz.schema import GIVEABLE, ROLES, SCHEMA
from saas.authz.spicedb.authority import SpiceDBAuthority, SpiceDBPlace
from saas.models import Grant, Membership, Tenant, User
from saas.provisioning import member_actor


def spicedb_at(address: str) -> SpiceDBAuthority:
    """The adapter, with the schema written."""
    authority = SpiceDBAuthority(SpiceDBPlace(address, "soma-spicedb", tls=False))
    authority.prepare()
    return authority


@contextmanager
def asking(authority: Authority) -> Iterator[None]:
    """Bind it for a while."""
    before = AUTHORITY.get()
    AUTHORITY.bind(authority)
    GRANTS.forget()
    try:
        yield
    finally:
        AUTHORITY.bind(before)
        GRANTS.forget()


@dataclass
class World:
    """Tenants with people (actors), and the rows that may be asked about."""

    actors: list[Actor] = field(default_factory=list)
    rows: dict[UUID, list[tuple[str, Agent | Conversation]]] = field(default_factory=dict)


def random_world(chance: random.Random, tenants: int, people: int, agents: int) -> World:
    """Roles, own rights, suspended members and grants at random; each person may be in two."""
    world = World()
    with platform_unit("test") as alias:
        users = User.objects.using(alias).bulk_create(
            User(email=f"{number}@world.example", display_name="x", password_hash="x")
            for number in range(people)
        )
        made = Tenant.objects.using(alias).bulk_create(
            Tenant(name=f"World {number}", slug=f"world-{number}") for number in range(tenants)
        )
        Membership.objects.using(alias).bulk_create(
            Membership(
                tenant=tenant, user=user, role=chance.choice(ROLES),
                roles=chance.sample(ROLES, chance.randrange(3)),
                rights=chance.sample(GIVEABLE, chance.choice((0, 0, 1, 2))),
                has_grants=True,
                suspended_at=tenant.created_at if chance.random() < 0.1 else None,
            )
            for tenant in made for user in chance.sample(users, people * 2 // 3)
        )  # fmt: skip
        members = list(Membership.objects.using(alias).filter(tenant__in=made))
    for tenant in made:
        mine = [one for one in members if one.tenant_id == tenant.id]
        with unit_of_work(Scope(tenant.id)):
            world.rows[tenant.id] = _fill(chance, tenant.id, [one.user_id for one in mine], agents)
        world.actors += [
            member_actor(one.user_id, tenant.id) for one in mine if not one.suspended_at
        ]
    return world


def _fill(
    chance: random.Random, tenant_id: UUID, users: list[UUID], agents: int
) -> list[tuple[str, Agent | Conversation]]:
    made = Agent.objects.bulk_create(
        Agent(tenant_id=tenant_id, name=f"A{number}", slug=f"a{number}") for number in range(agents)
    )
    talks = Conversation.objects.bulk_create(
        Conversation(tenant_id=tenant_id, user_id=chance.choice(users), agent=chance.choice(made))
        for _ in range(agents * 4)
    )
    rows: list[tuple[str, Agent | Conversation]] = [("agent", one) for one in made]
    rows += [("conversation", one) for one in talks]
    wanted = {
        (chance.choice(users), kind, row.id, chance.choice(SCHEMA[kind].grantable))
        for kind, row in rows for _ in range(chance.randrange(5))
    }  # fmt: skip
    Grant.objects.bulk_create(
        Grant(
            tenant_id=tenant_id, user_id=user_id, object_type=kind, object_id=object_id,
            relation=relation, granted_by=user_id, reason="by chance",
        )
        for user_id, kind, object_id, relation in wanted
    )  # fmt: skip
    return rows
