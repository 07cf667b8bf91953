"""People, roles, grants and suspension: who may change what, and how soon it holds everywhere."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connections

from kernel.actor import Actor
from kernel.clock import monotonic_s, now
from kernel.db import platform_unit, unit_of_work
from kernel.errors import Forbidden, NotFound, SomaError
from saas.authz.check import allowed, require, visible
from saas.errors import LastSysadmin, OwnRights, RoleInUse, TenantSuspended
from saas.models import AuditEntry, Grant, Membership
from saas.people import grants, members, roles
from saas.people.grants import GrantDraft
from saas.people.members import Roles
from saas.provisioning import member_actor
from tests.support.cast import Cast
from tests.support.signed_in import signed_in
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web, eventually


def again(actor: Actor) -> Actor:
    """The person as they are now."""
    assert actor.tenant_id is not None
    return member_actor(actor.user_id, actor.tenant_id)


def test_an_admin_handles_people_but_no_privileged_roles(cast: Cast) -> None:
    bob = members.change_roles(cast.admin, cast.bob.user_id, Roles("trainer", ["developer"]))
    assert (bob.role, bob.roles) == ("trainer", ["developer"])
    assert again(cast.bob).roles == {"trainer", "developer"}
    for wanted in (Roles("sysadmin"), Roles("member", ["billing_admin"])):
        with pytest.raises(Forbidden):
            members.change_roles(cast.admin, cast.bob.user_id, wanted)
    with pytest.raises(Forbidden):
        members.remove_person(cast.admin, cast.sysadmin.user_id)
    with pytest.raises(Forbidden):
        members.change_roles(cast.ann, cast.bob.user_id, Roles("viewer"))
    with pytest.raises(NotFound):
        members.change_roles(cast.sysadmin, cast.stranger.user_id, Roles("viewer"))


@pytest.mark.asvs("8.2.3")
def test_nobody_changes_their_own_rights(cast: Cast) -> None:
    for act in (
        lambda: members.change_roles(cast.sysadmin, cast.sysadmin.user_id, Roles("admin")),
        lambda: members.suspend_person(cast.sysadmin, cast.sysadmin.user_id, "why not"),
        lambda: members.remove_person(cast.sysadmin, cast.sysadmin.user_id),
    ):
        with pytest.raises(OwnRights):
            act()


def test_the_last_sysadmin_stays_also_when_two_remove_each_other_at_once(cast: Cast) -> None:
    members.change_roles(cast.sysadmin, cast.bob.user_id, Roles("member", ["sysadmin"]))
    pair = [again(cast.sysadmin), again(cast.bob)]
    for _ in range(5):
        start = threading.Barrier(2)

        def remove(acting: Actor, other: Actor, start: threading.Barrier = start) -> str:
            start.wait()
            try:
                members.change_roles(acting, other.user_id, Roles("member"))
            except (LastSysadmin, SomaError) as exc:
                return exc.code
            else:
                return "done"
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as pool:
            ends = list(pool.map(remove, pair, reversed(pair)))
        left = [
            one
            for one in Membership.objects.filter(tenant_id=cast.acme_id)
            if "sysadmin" in {one.role, *one.roles}
        ]
        assert ends.count("done") == 1
        assert len(left) == 1
        holder = member_actor(left[0].user_id, cast.acme_id)
        other = next(one for one in pair if one.user_id != holder.user_id)
        with pytest.raises(OwnRights):
            members.change_roles(holder, holder.user_id, Roles("member"))
        members.change_roles(holder, other.user_id, Roles("sysadmin"))
        pair = [again(one) for one in pair]


def test_a_role_of_a_tenants_own_gives_exactly_what_it_names(cast: Cast) -> None:
    role = roles.create_role(cast.sysadmin, "Counter", ["view_billing"])
    assert role.role_id is not None
    members.change_roles(cast.sysadmin, cast.bob.user_id, Roles("viewer", [], [role.role_id]))
    assert allowed(again(cast.bob), "tenant.view_billing")
    assert not allowed(again(cast.bob), "tenant.see_people")
    roles.update_role(cast.sysadmin, role.role_id, None, ["see_people", "see_audit"])
    assert not allowed(again(cast.bob), "tenant.view_billing")
    assert allowed(again(cast.bob), "tenant.see_people")
    with pytest.raises(RoleInUse):
        roles.delete_role(cast.sysadmin, role.role_id)
    for name in ("manage", "assign_roles", "fly"):
        with pytest.raises(SomaError):
            roles.create_role(cast.sysadmin, "Too much", [name])
    with pytest.raises(Forbidden):
        roles.create_role(cast.admin, "Mine", ["use"])


def shared(web: Web, cast: Cast) -> tuple[str, UUID]:
    """A conversation of Ann's, and the grant by which Bob sees it."""
    conversation = Client(web, "ann").conversation("Plans")
    draft = GrantDraft(
        cast.bob.user_id, "conversation", UUID(conversation), "viewer", "works with me"
    )
    return conversation, grants.give(cast.ann, draft).id


def test_a_grant_opens_one_object_until_it_is_taken_back(web: Web, cast: Cast) -> None:
    from chat.models import Conversation

    other = Client(web, "ann").conversation("Not shared")
    bob = Client(web, "bob")
    conversation, grant_id = shared(web, cast)
    assert bob.get(f"/chat/conversations/{conversation}").status_code == 200
    assert bob.get(f"/chat/conversations/{other}").status_code == 404
    assert bob.delete(f"/chat/conversations/{conversation}").status_code == 403
    with unit_of_work(cast.acme):
        seen = Conversation.objects.filter(visible(again(cast.bob), "conversation.read"))
        assert {str(one.id) for one in seen} == {conversation}
    why = Client(web, "admin").get(
        f"/people/{cast.bob.user_id}/why",
        permission="conversation.read", object_id=conversation,
    ).json()  # fmt: skip
    assert why["is_allowed"]
    assert "works with me" in why["paths"][0][0]
    grants.take_back(cast.ann, grant_id)
    eventually(
        lambda: bob.get(f"/chat/conversations/{conversation}").status_code == 404,
        "still seen",
    )  # fmt: skip
    assert not again(cast.bob).has_grants


def test_a_grant_ends_by_itself_and_is_for_members_only(web: Web, cast: Cast) -> None:
    conversation, _ = shared(web, cast)
    with unit_of_work(cast.acme):
        Grant.objects.update(expires_at=now() - timedelta(seconds=1))
        bob = again(cast.bob)
        row = type("Row", (), {"pk": UUID(conversation), "tenant_id": cast.acme_id,
                               "user_id": cast.ann.user_id, "agent_id": uuid4()})()  # fmt: skip
        assert not allowed(bob, "conversation.read", row)
    for user_id, code in ((cast.stranger.user_id, "person-unknown"),
                          (cast.ann.user_id, "own-rights")):  # fmt: skip
        with pytest.raises(SomaError) as refused:
            grants.give(cast.ann, GrantDraft(
                user_id, "conversation", UUID(conversation), "viewer", "because"))  # fmt: skip
        assert refused.value.code == code


def test_an_agents_trainer_by_grant_trains_that_agent_alone(web: Web, cast: Cast) -> None:
    agent = Client(web, "ann").agent_id()
    bob = Client(web, "bob")
    assert bob.get("/cognitive/adaptation", agent_id=agent).status_code == 403
    body = {"user_id": str(cast.bob.user_id), "object_type": "agent", "object_id": agent,
            "relation": "trainer", "reason": "learns the ropes"}  # fmt: skip
    assert Client(web, "ann").post("/people/grants", body).status_code == 403
    made = Client(web, "admin").post("/people/grants", body)
    assert made.status_code == 201
    assert bob.get("/cognitive/adaptation", agent_id=agent).status_code == 200
    listed = Client(web, "admin").get("/people/grants", user_id=str(cast.bob.user_id)).json()
    assert [one["reason"] for one in listed["items"]] == ["learns the ropes"]
    gone = Client(web, "admin").delete(f"/people/grants/{made.json()['id']}")
    assert gone.status_code == 204


def test_people_and_roles_over_http(web: Web, cast: Cast) -> None:
    admin, sysadmin = Client(web, "admin"), Client(web, "sysadmin")
    page = admin.get("/people", limit=2).json()
    rest = admin.get("/people", limit=50, cursor=page["next"]).json()
    people = {one["email"]: one for one in page["items"] + rest["items"]}
    assert len(people) == 5
    assert people["ann@example.org"]["role"] == "member"
    assert [one["email"] for one in admin.get("/people", q="bob@").json()["items"]] == [
        "bob@example.org"
    ]
    bob = cast.bob.user_id
    changed = admin.put(f"/people/{bob}/roles", {"role": "viewer", "roles": ["trainer"]})
    assert changed.json()["roles"] == ["trainer"]
    assert Client(web, "bob").get("/auth/me").json()["roles"] == ["trainer", "viewer"]
    assert admin.post(f"/people/{bob}/suspend", {"reason": "on leave"}).json()["suspended_at"]
    assert Client(web, "bob").get("/auth/me").json()["tenant"] is None
    assert admin.post(f"/people/{bob}/resume", {}).json()["suspended_at"] is None
    assert admin.get(f"/people/{bob}").json()["role"] == "viewer"
    made = sysadmin.post("/people/roles", {"name": "Desk", "permissions": ["see_people"]}).json()
    role = made["role_id"]
    assert (
        sysadmin.patch(f"/people/roles/{role}", {"name": "Help desk"}).json()["name"] == "Help desk"
    )
    names = [one["name"] for one in sysadmin.get("/people/roles").json()["items"]]
    assert names[0] == "sysadmin"
    assert names[-1] == "Help desk"
    assert sysadmin.delete(f"/people/roles/{role}").status_code == 204
    assert admin.delete(f"/people/{bob}").status_code == 204
    assert admin.get(f"/people/{bob}").status_code == 404
    with platform_unit("test"):
        acts = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"person.roles_changed", "person.suspended", "person.resumed", "person.removed",
            "role.created", "role.updated", "role.deleted"} <= acts  # fmt: skip


def test_a_suspended_tenant_is_read_only_for_admins_and_closed_for_the_rest(
    web: Web, model: SimulatedProvider, cast: Cast
) -> None:
    platform, ann, admin = (Client(web, name) for name in ("platform", "ann", "admin"))
    conversation = ann.conversation("Work")
    ann.say(conversation, "Hello")
    before = ann.messages(conversation)
    secret = ann.post("/gateway/keys", {"name": "Script"}).json()["secret"]
    key = {"Authorization": f"Bearer {secret}"}
    assert ann.http.get(f"{web.base}/v1/models", headers=key).status_code == 200
    with ann.socket() as socket:
        socket.receive(timeout=10)
        found = platform.post(f"/saas/tenants/{cast.acme_id}/suspend", {"reason": "No payment"})
        assert found.json()["status"] == "suspended"
        with pytest.raises(Exception, match="4003"):
            while True:
                socket.receive(timeout=15)
    for client, status in ((ann, 403), (admin, 200)):
        assert client.get("/agents").status_code == status
        assert client.post("/agents", {"name": "New"}).status_code == 403
    assert ann.get("/agents").json()["code"] == "tenant-suspended"
    assert admin.get("/auth/me").json()["tenant"]["is_suspended"]
    eventually(
        lambda: ann.http.get(f"{web.base}/v1/models", headers=key).status_code in (401, 403),
        "the key still answers", deadline_s=15,
    )  # fmt: skip
    with pytest.raises(TenantSuspended):
        require(again(cast.ann), "tenant.use")
    listed = platform.get("/saas/tenants", q="acm").json()["items"]
    assert [(one["slug"], one["suspended_why"]) for one in listed] == [("acme", "No payment")]
    assert platform.post(f"/saas/tenants/{cast.acme_id}/resume", {}).json()["status"] == "active"
    assert ann.messages(conversation) == before
    eventually(
        lambda: ann.http.get(f"{web.base}/v1/models", headers=key).status_code == 200,
        "the key is not back", deadline_s=15,
    )  # fmt: skip


def test_a_lost_right_closes_an_open_socket(web: Web, cast: Cast) -> None:
    with Client(web, "bob").socket() as socket:
        socket.receive(timeout=10)
        members.remove_person(cast.admin, cast.bob.user_id)
        with pytest.raises(Exception, match=r"4001|4003"):
            while True:
                socket.receive(timeout=15)


def test_a_lost_right_ends_an_open_stream_with_the_reason(
    web: Web, model: SimulatedProvider, cast: Cast
) -> None:
    model.script({"when": "slowly", "reply": "word " * 500, "gap_ms": 40})
    bob = Client(web, "bob")
    body = {"conversation_id": bob.conversation(), "content": "slowly", "client_key": "k",
            "stream": True}  # fmt: skip
    with bob.http.stream("POST", "/chat/messages", json=body) as answer:
        lines = answer.iter_lines()
        assert any(line.startswith("event: chat.delta") for line in lines)
        members.suspend_person(cast.admin, cast.bob.user_id, "at once")
        started = monotonic_s()
        rest = "\n".join(lines)
    assert monotonic_s() - started < 15  # the answer itself goes on for twenty seconds
    assert '"status":403' in rest.replace(" ", "")


@pytest.mark.asvs("7.4.5")
def test_an_admin_signs_a_person_out_of_the_organisation(cast: Cast) -> None:
    bob, ann = signed_in("bob"), signed_in("ann")
    admin = signed_in("admin")
    answer = admin.post(f"/people/{cast.bob.user_id}/sign-out")
    assert answer.json() == {"count": 1}
    assert bob.get("/auth/me").status_code == 401
    assert ann.get("/auth/me").status_code == 200
    assert ann.post(f"/people/{cast.bob.user_id}/sign-out").status_code == 403
    assert admin.post(f"/people/{cast.sysadmin.user_id}/sign-out").status_code == 403
    assert admin.post(f"/people/{cast.stranger.user_id}/sign-out").status_code == 404
    with unit_of_work(cast.acme):
        assert AuditEntry.objects.get(action="person.signed_out").after == {"sessions": 1}
