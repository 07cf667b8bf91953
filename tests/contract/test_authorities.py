"""The authorisation port: one contract, the embedded authority and a real SpiceDB."""

import os
import random
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command

from chat.models import Agent, Conversation
from kernel import outbox
from kernel.actor import Actor, Scope
from kernel.db import unit_of_work
from saas.authz.check import allowed, visible
from saas.authz.embedded import EmbeddedAuthority
from saas.authz.mirroring import mirror_all
from saas.authz.ports import Authority, AuthorityAway, Question
from saas.authz.schema import SCHEMA
from saas.authz.spicedb.authority import SpiceDBAuthority, SpiceDBPlace
from saas.authz.spicedb.tuples import Tuple, object_name, person_name
from saas.people import grants, members
from saas.people.grants import GrantDraft
from saas.people.members import Roles
from saas.provisioning import member_actor
from tests.support.authorities import World, asking, random_world, spicedb_at
from tests.support.cast import Cast

# Questions of one run; `SOMA_TEST_QUESTIONS=100000` asks as many as the acceptance wants.
QUESTIONS = int(os.environ.get("SOMA_TEST_QUESTIONS", "5000"))

pytestmark = pytest.mark.usefixtures("nobody_is_woken")


@pytest.fixture(params=["embedded", "spicedb"])
def authority(request: pytest.FixtureRequest, cast: Cast) -> Iterator[Authority]:
    """The adapter, which knows what the cast may."""
    made: Authority = (
        EmbeddedAuthority()
        if request.param == "embedded"
        else spicedb_at(request.getfixturevalue("spicedb"))
    )
    with asking(made):
        mirror_all()
        yield made


def again(actor: Actor) -> Actor:
    assert actor.tenant_id is not None
    return member_actor(actor.user_id, actor.tenant_id)


def agent_of(cast: Cast) -> Agent:
    with unit_of_work(cast.acme):
        return Agent.objects.get()


def test_roles_give_what_the_table_says(authority: Authority, cast: Cast) -> None:
    assert allowed(cast.sysadmin, "tenant.manage")
    assert not allowed(cast.admin, "tenant.manage")
    assert allowed(cast.viewer, "tenant.view")
    assert not allowed(cast.viewer, "tenant.use")
    assert allowed(cast.platform, "platform.manage_tenants")
    assert not allowed(cast.sysadmin, "platform.manage_tenants")
    assert not allowed(Actor(cast.ann.user_id, cast.globex_id), "tenant.view")


def test_a_changed_role_is_seen_once_it_was_delivered(authority: Authority, cast: Cast) -> None:
    members.change_roles(cast.sysadmin, cast.bob.user_id, Roles("viewer", ["trainer"]))
    outbox.drain()
    assert allowed(again(cast.bob), "agent.train", agent_of(cast))
    members.change_roles(cast.sysadmin, cast.bob.user_id, Roles("viewer"))
    outbox.drain()
    assert not allowed(again(cast.bob), "agent.train", agent_of(cast))
    assert not allowed(again(cast.bob), "tenant.use")


def test_whoever_changed_a_role_reads_what_was_written(authority: Authority, cast: Cast) -> None:
    """Nothing was delivered by the outbox yet."""
    members.change_roles(cast.sysadmin, cast.bob.user_id, Roles("viewer"))
    assert not allowed(again(cast.bob), "tenant.use")
    members.change_roles(cast.sysadmin, cast.bob.user_id, Roles("member", ["trainer"]))
    assert allowed(again(cast.bob), "agent.train", agent_of(cast))
    outbox.drain()
    assert allowed(again(cast.bob), "agent.train", agent_of(cast))


def test_a_grant_opens_and_ends_on_one_object(authority: Authority, cast: Cast) -> None:
    agent = agent_of(cast)
    draft = GrantDraft(cast.viewer.user_id, "agent", agent.id, "trainer", "for a while")
    row = grants.give(cast.admin, draft)
    outbox.drain()
    viewer = again(cast.viewer)
    with unit_of_work(cast.acme):
        assert allowed(viewer, "agent.train", agent)
        assert not allowed(viewer, "agent.configure", agent)
        assert list(Agent.objects.filter(visible(viewer, "agent.train"))) == [agent]
        assert not Agent.objects.filter(visible(viewer, "agent.configure")).exists()
    grants.take_back(cast.admin, row.id)
    outbox.drain()
    with unit_of_work(cast.acme):
        assert not allowed(viewer, "agent.train", agent)
        assert not Agent.objects.filter(visible(viewer, "agent.train")).exists()


@pytest.mark.parametrize("authority", ["spicedb"], indirect=True)
def test_what_was_lost_on_the_way_is_repaired(authority: SpiceDBAuthority, cast: Cast) -> None:
    assert mirror_all().repaired == 0
    delete = authority._v1.RelationshipUpdate.OPERATION_DELETE
    touch = authority._v1.RelationshipUpdate.OPERATION_TOUCH
    ann = person_name(cast.acme_id, cast.ann.user_id)
    authority.write(
        cast.acme_id,
        [
            (delete, Tuple("tenant", str(cast.acme_id), "member", ann)),
            (touch, Tuple("tenant", str(cast.acme_id), "sysadmin", ann)),
        ],
    )
    assert allowed(cast.ann, "tenant.manage")
    call_command("spicedb_sync")
    assert not allowed(cast.ann, "tenant.manage")
    assert allowed(cast.ann, "tenant.use")
    assert mirror_all().repaired == 0


def test_an_engine_that_is_away_denies_and_says_so(cast: Cast) -> None:
    gone = SpiceDBAuthority(SpiceDBPlace("127.0.0.1:9", "soma-spicedb", tls=False))
    with asking(gone):
        with pytest.raises(AuthorityAway) as refused:
            allowed(cast.sysadmin, "tenant.manage")
        assert refused.value.status == 503
        assert not gone.probe().ok
        with pytest.raises(CommandError, match="does not answer"):
            call_command("spicedb_sync")
    with pytest.raises(CommandError, match="nothing to write"):
        call_command("spicedb_sync")


def test_both_engines_agree_on_every_question(
    database: None, spicedb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole table in SpiceDB's own words, objects included, against the embedded evaluator."""
    chance = random.Random(20261121)
    world = random_world(chance, tenants=4, people=60, agents=60)
    engine = spicedb_at(spicedb)
    mirrored = _mirror(engine, world)
    assert mirrored > 3000
    answers = {True: 0, False: 0}
    batch = 200
    for _ in range(QUESTIONS // batch):
        actor = chance.choice(world.actors)
        assert actor.tenant_id is not None
        asked = []
        with unit_of_work(actor.scope):
            for _ in range(batch):
                kind, row = chance.choice(world.rows[actor.tenant_id])
                name = chance.choice(list(SCHEMA[kind].permissions))
                asked.append((Question(kind, row.id, name), allowed(actor, f"{kind}.{name}", row)))
        said = engine.ask(actor, [question for question, _ in asked])
        for (question, ours), theirs in zip(asked, said, strict=True):
            assert ours == theirs, (actor, question)
            answers[ours] += 1
    assert min(answers.values()) > QUESTIONS // 20
    asking_for_lists = min(len(world.actors), max(10, QUESTIONS // 500))
    with capsys.disabled():
        asked_in_all = sum(answers.values())
        print(f"\n{asked_in_all} questions over {mirrored} tuples, {answers[True]} times yes")
        print(f"{2 * asking_for_lists} lists")
    for actor in chance.sample(world.actors, asking_for_lists):
        for kind, model in (("agent", Agent), ("conversation", Conversation)):
            name = chance.choice(list(SCHEMA[kind].permissions))
            with unit_of_work(actor.scope):
                seen = model.objects.filter(visible(actor, f"{kind}.{name}"))
                ours = set(seen.values_list("id", flat=True))
            assert ours == set(engine.granted(actor, kind, name) or ()), (actor, kind, name)


def _mirror(engine: SpiceDBAuthority, world: World) -> int:
    """Everything of the world, with what rows say of themselves. Returns how many tuples."""
    touch = engine._v1.RelationshipUpdate.OPERATION_TOUCH
    total = mirror_tuples = 0
    for tenant_id, rows in world.rows.items():
        with unit_of_work(Scope(tenant_id)):
            mirror_tuples += engine.mirror(tenant_id, None)
        updates = []
        for kind, row in rows:
            name = object_name(tenant_id, kind, row.id)
            updates.append(_arrow(engine, kind, name, "tenant", str(tenant_id)))
            if isinstance(row, Conversation):
                agent = object_name(tenant_id, "agent", row.agent_id)
                updates.append(_arrow(engine, kind, name, "agent", agent))
                owner = Tuple(kind, name, "owner", person_name(tenant_id, row.user_id))
                engine.write(tenant_id, [(touch, owner)])
                total += 1
        for first in range(0, len(updates), 500):
            request = engine._v1.WriteRelationshipsRequest(updates=updates[first : first + 500])
            engine._keep_token(
                tenant_id, engine._client.WriteRelationships(request).written_at.token
            )
        total += len(updates)
    return total + mirror_tuples


def _arrow(engine: SpiceDBAuthority, kind: str, name: str, relation: str, target: str) -> object:
    v1 = engine._v1
    return v1.RelationshipUpdate(
        operation=v1.RelationshipUpdate.OPERATION_TOUCH,
        relationship=v1.Relationship(
            resource=v1.ObjectReference(object_type=kind, object_id=name),
            relation=relation,
            subject=v1.SubjectReference(
                object=v1.ObjectReference(object_type=relation, object_id=target)
            ),
        ),
    )
