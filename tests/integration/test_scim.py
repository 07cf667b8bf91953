"""SCIM 2.0 as directories speak it: people, groups, what they may not reach, and how they err."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import PreconditionFailedException

from saas.models import Membership, User
from saas.provisioning import ensure_person
from tests.integration.test_sso import confirm
from tests.support.cast import Cast
from tests.support.web import Client, Web

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


class Directory(httpx.Client):
    """A company's directory at /scim/v2."""

    def __init__(self, web: Web, secret: str) -> None:
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/scim+json"}
        super().__init__(base_url=f"{web.base}/scim/v2", headers=headers, timeout=30)

    def add(self, name: str, /, **more: Any) -> dict[str, Any]:
        made = self.post("/Users", json={"userName": name, **more})
        assert made.status_code == 201, made.text
        return dict(made.json())

    def change(self, path: str, *operations: dict[str, Any]) -> httpx.Response:
        return self.patch(path, json={"schemas": [PATCH], "Operations": list(operations)})


def connect(web: Web, who: str = "sysadmin", domain: str = "example.org") -> Directory:
    """A directory that is connected to the tenant of `who`, whose domain is confirmed."""
    admin = Client(web, who)
    made = admin.post(
        "/sso/providers",
        {"name": "Dir", "kind": "github", "client_id": "c", "client_secret": "s"},
    )
    admin.post(f"/sso/providers/{made.json()['id']}/domains", {"domain": domain})
    confirm(made.json()["id"])
    answer = admin.post("/sso/scim", {"default_role": "viewer"})
    assert answer.status_code == 201, answer.text
    return Directory(web, answer.json()["secret"])


@pytest.fixture
def directory(web: Web, cast: Cast) -> Any:
    with connect(web) as directory:
        yield directory


def refusal(answer: httpx.Response, status: int, scim_type: str | None = None) -> str:
    """That it is refused in the standard's shape; the words."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/scim+json"
    body = answer.json()
    assert (body["schemas"], body["status"]) == ([ERROR], str(status))
    assert body.get("scimType") == scim_type, body
    return str(body["detail"])


def membership(email: str, cast: Cast) -> Membership | None:
    return Membership.objects.filter(user__email=email, tenant_id=cast.acme_id).first()


def test_a_person_is_made_found_suspended_let_back_in_and_removed(
    web: Web, cast: Cast, directory: Directory
) -> None:
    made = directory.add(
        "New@example.org", externalId="00u1", active=True, password="of the directory",
        name={"givenName": "New", "familyName": "Person"}, title="Gardener", groups=[],
        emails=[{"value": "new@example.org", "type": "work", "primary": True}],
        somethingOfOurOwn={"is": "ignored"},
    )  # fmt: skip
    assert "password" not in made
    assert made["meta"]["location"] == f"{web.base}/scim/v2/Users/{made['id']}"
    assert User.objects.get(email="new@example.org").display_name == "New Person"
    found = membership("new@example.org", cast)
    assert found is not None
    assert found.role == "viewer"
    assert Client(web).sign_in("new@example.org", "of the directory").status_code == 401
    assert refusal(
        directory.post("/Users", json={"userName": "NEW@example.org"}), 409, "uniqueness"
    )

    path = f"/Users/{made['id']}"
    for text, count in (
        ('userName eq "NEW@example.org"', 1), ('externalId eq "00u1"', 1),
        ('externalId eq "00U1"', 0), ('title co "garden" and active eq true', 1),
        ('emails[type eq "work"].value sw "new"', 1), ("meta.created pr", 1),
        ('name.familyName eq "Nobody"', 0), ('id eq "x"', 0),
    ):  # fmt: skip
        answer = directory.get("/Users", params={"filter": text})
        if text == 'id eq "x"':
            refusal(answer, 404)
            continue
        assert answer.json()["totalResults"] == count, (text, answer.text)
    few = directory.get(path, params={"attributes": "userName"}).json()
    assert set(few) == {"schemas", "id", "userName"}
    # As Okta, then as Entra ID, say it.
    gone = directory.change(path, {"op": "replace", "value": {"active": False}})
    assert gone.json()["active"] is False
    assert membership("new@example.org", cast).suspended_at is not None  # type: ignore[union-attr]
    back = directory.change(path, {"op": "Replace", "path": "active", "value": "True"})
    assert back.json()["active"] is True
    entra = directory.change(
        path,
        {"op": "Add", "path": 'emails[type eq "home"].value', "value": "h@example.org"},
        {"op": "Add", "value": {
            "name.familyName": "Other",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Trees",
        }},
    ).json()  # fmt: skip
    assert [one["value"] for one in entra["emails"]] == ["new@example.org", "h@example.org"]
    assert entra["name"] == {"givenName": "New", "familyName": "Other"}

    put = directory.put(path, json={"userName": "renamed@example.org", "active": True})
    assert (put.status_code, put.json()["userName"]) == (200, "renamed@example.org")
    # The directory's name of a person is not the account's address.
    assert User.objects.filter(email="renamed@example.org").count() == 0
    assert directory.delete(path).status_code == 204
    assert membership("new@example.org", cast) is None
    refusal(directory.get(path), 404)
    acts = [one["action"] for one in Client(web, "sysadmin").get("/audit").json()["items"]]
    for act in ("scim.connected", "scim.person_added", "person.suspended", "person.resumed",
                "scim.person_changed", "scim.person_removed"):  # fmt: skip
        assert act in acts, act


@contextmanager
def client_of(directory: Directory) -> Iterator[SyncSCIMClient]:
    """A client of the standard by others, which reads what the service announces."""
    with httpx2.Client(
        base_url=str(directory.base_url), headers=dict(directory.headers), timeout=30
    ) as http:
        client = SyncSCIMClient(http)
        client.discover()
        yield client


def test_a_change_for_another_version_is_refused(web: Web, directory: Directory) -> None:
    path = f"/Users/{directory.add('ann@example.org', title='First')['id']}"
    seen = directory.get(path)
    version = seen.headers["ETag"]
    assert seen.json()["meta"]["version"] == version
    # Of the whole, whatever is asked for; in lists and answers to changes too.
    assert directory.get(path, params={"attributes": "userName"}).headers["ETag"] == version
    listed = directory.get("/Users", params={"filter": f"meta.version eq {json.dumps(version)}"})
    assert listed.json()["Resources"][0]["meta"]["version"] == version
    unchanged = directory.get(path, headers={"If-None-Match": f'"x", {version}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["ETag"] == version
    change = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": "2"}]}
    changed = directory.patch(path, json=change, headers={"If-Match": version})
    assert changed.headers["ETag"] == changed.json()["meta"]["version"] != version
    late = {"If-Match": version}
    refusal(directory.patch(path, json=change, headers=late), 412)
    refusal(directory.put(path, json={"userName": "ann@example.org"}, headers=late), 412)
    refusal(directory.delete(path, headers=late), 412)
    refusal(directory.delete(path, headers={"If-None-Match": "*"}), 412)
    assert directory.get(path, headers={"If-None-Match": version}).json()["title"] == "2"
    # What comes by a group changes the person as well.
    before = directory.get(path).headers["ETag"]
    group = {"displayName": "G", "members": [{"value": path.rpartition("/")[2]}]}
    made = directory.post("/Groups", json=group)
    assert made.headers["Location"] == made.json()["meta"]["location"]
    assert directory.get(path).headers["ETag"] != before
    assert directory.delete(path, headers={"If-Match": "*"}).status_code == 204
    refusal(directory.delete(made.headers["Location"], headers={"If-Match": version}), 412)


def test_a_client_of_the_standard_keeps_to_the_versions(directory: Directory) -> None:
    with client_of(directory) as client:
        user = client.get_resource_model("User")
        assert user is not None
        mine = client.create(user(user_name="ann@example.org"))
        assert client.query(mine) is mine
        theirs = client.query(user, mine.id)
        theirs.title = "Gardener"
        client.replace(theirs)
        mine.title = "Overwritten"
        with pytest.raises(PreconditionFailedException):
            client.replace(mine)
        assert client.query(user, mine.id).title == "Gardener"


def test_a_list_comes_in_the_order_that_was_asked_for(directory: Directory) -> None:
    for name, title, family in (("b", "Zoo", "x"), ("C", None, "Y"), ("a", "apple", None)):
        directory.add(f"{name}@example.org", title=title, name={"familyName": family})

    def names(**asked: Any) -> list[str]:
        listed = directory.get("/Users", params=asked).json()
        searched = directory.post("/Users/.search", json=asked).json()
        assert listed["Resources"] == searched["Resources"]
        return [one["userName"][0] for one in listed["Resources"]]

    assert names() == ["b", "C", "a"]
    assert names(sortBy="userName") == ["a", "b", "C"]
    assert names(sortBy="userName", sortOrder="descending") == ["C", "b", "a"]
    # Who has no value comes last, and first the other way round.
    assert names(sortBy="title") == ["a", "b", "C"]
    assert names(sortBy="title", sortOrder="descending")[0] == "C"
    assert names(sortBy="name.familyName", startIndex=2, count=1) == ["C"]
    assert names(sortBy="userName", filter='userName ne "a@example.org"') == ["b", "C"]
    for wrong in ("nope", "name", "password"):
        refusal(directory.get("/Users", params={"sortBy": wrong}), 400, "invalidPath")
    order = {"sortBy": "userName", "sortOrder": "sideways"}
    refusal(directory.get("/Users", params=order), 400, "invalidValue")


@pytest.mark.asvs("7.4.2")
def test_a_suspension_ends_what_is_open_and_leaves_what_was_done_by_hand(
    web: Web, cast: Cast, directory: Directory
) -> None:
    ann, admin = Client(web, "ann"), Client(web, "sysadmin")
    path = f"/Users/{directory.add('ann@example.org')['id']}"
    found = membership("ann@example.org", cast)
    assert found is not None
    assert found.role == "member"
    assert ann.get("/auth/me").status_code == 200
    directory.change(path, {"op": "replace", "path": "active", "value": False})
    assert ann.get("/auth/me").status_code == 401
    directory.change(path, {"op": "replace", "path": "active", "value": True})
    assert Client(web, "ann").get("/auth/me").status_code == 200

    admin.post(f"/people/{cast.ann.user_id}/suspend", {"reason": "by hand"})
    for value in (True, False, True):
        said = directory.change(path, {"op": "replace", "path": "active", "value": value})
        assert said.json()["active"] is False


def test_groups_give_the_role_that_a_sysadmin_chose_and_take_it_back(
    web: Web, cast: Cast, directory: Directory
) -> None:
    admin = Client(web, "sysadmin")
    ann = directory.add("ann@example.org")["id"]
    bob = directory.add("bob@example.org")["id"]
    made = directory.post(
        "/Groups", json={"displayName": "Builders", "members": [{"value": ann}], "externalId": "g"}
    )
    assert made.status_code == 201, made.text
    path = f"/Groups/{made.json()['id']}"

    def roles(name: str) -> list[str]:
        found = membership(f"{name}@example.org", cast)
        assert found is not None
        return list(found.roles)

    assert roles("ann") == []
    (shown,) = admin.get("/sso/scim").json()["groups"]
    assert (shown["display_name"], shown["role"], shown["people"]) == ("Builders", "", 1)
    assert admin.put(f"/sso/scim/groups/{shown['id']}", {"role": "sysadmin"}).status_code == 422
    assert (
        Client(web, "admin").put(f"/sso/scim/groups/{shown['id']}", {"role": "admin"}).status_code
        == 403
    )
    assert admin.put(f"/sso/scim/groups/{shown['id']}", {"role": "developer"}).status_code == 204
    assert roles("ann") == ["developer"]
    # As Entra ID adds and removes, then as Okta replaces all.
    directory.change(path, {"op": "Add", "path": "members", "value": [{"value": bob}]})
    assert roles("bob") == ["developer"]
    directory.change(path, {"op": "Remove", "path": "members", "value": [{"value": ann}]})
    assert roles("ann") == []
    directory.change(path, {"op": "remove", "path": f'members[value eq "{bob}"]'})
    assert roles("bob") == []
    okta = {
        "op": "replace",
        "value": {"id": made.json()["id"], "displayName": "Makers"},
    }
    assert directory.change(path, okta).json()["displayName"] == "Makers"
    members = {"op": "replace", "path": "members", "value": [{"value": ann}, {"value": bob}]}
    assert len(directory.change(path, members).json()["members"]) == 2
    seen = directory.get(f"/Users/{ann}").json()["groups"]
    assert [(one["display"], one["type"]) for one in seen] == [("Makers", "direct")]

    # What somebody has by hand stays when the group goes.
    admin.put(
        f"/people/{cast.bob.user_id}/roles",
        {"role": "member", "roles": ["developer", "trainer"], "own_roles": []},
    )
    listed = directory.get("/Groups", params={"excludedAttributes": "members"}).json()
    assert "members" not in listed["Resources"][0]
    assert directory.delete(path).status_code == 204
    assert (roles("ann"), "trainer" in roles("bob")) == ([], True)
    refusal(
        directory.post("/Groups", json={"displayName": "X", "members": [{"value": "x"}]}),
        400,
        "invalidValue",
    )


@pytest.mark.asvs("6.8.1", "8.4.1")
def test_a_directory_reaches_only_people_of_confirmed_domains_and_its_own_tenant(
    web: Web, cast: Cast, directory: Directory
) -> None:
    ensure_person("s@other.example", "Sam", password=None)
    for name in ("s@other.example", "nobody@other.example", "a@example.org.other.example", "x"):
        detail = refusal(directory.post("/Users", json={"userName": name}), 400, "invalidValue")
        assert "confirmed" in detail or "e-mail" in detail
    assert not User.objects.filter(email="nobody@other.example").exists()
    # An address of a confirmed domain, but of whoever runs the platform.
    refusal(directory.post("/Users", json={"userName": "platform@example.org"}), 403)

    ann = directory.add("ann@example.org")["id"]
    with connect(web, "stranger", domain="globex.example") as other:
        refusal(other.get(f"/Users/{ann}"), 404)
        refusal(other.delete(f"/Users/{ann}"), 404)
        refusal(other.change(f"/Users/{ann}", {"op": "remove", "path": "title"}), 404)
        assert other.get("/Users").json()["totalResults"] == 0
        group = other.post("/Groups", json={"displayName": "G", "members": [{"value": ann}]})
        refusal(group, 400, "invalidValue")
        # The other tenant's domain is not confirmed for this one.
        refusal(other.post("/Users", json={"userName": "bob@example.org"}), 400, "invalidValue")

    # The last sysadmin stays.
    path = f"/Users/{directory.add('sysadmin@example.org')['id']}"
    assert "last sysadmin" in refusal(directory.delete(path), 403)
    stop = {"op": "replace", "path": "active", "value": False}
    assert "last sysadmin" in refusal(directory.change(path, stop), 403)
    assert Client(web, "sysadmin").get("/auth/me").status_code == 200


def test_mistakes_are_said_in_the_shape_of_the_standard(web: Web, directory: Directory) -> None:
    path = f"/Users/{directory.add('new@example.org')['id']}"
    for operation, scim_type in (
        ({"op": "replace", "path": "nonsense", "value": 1}, "invalidPath"),
        ({"op": "replace", "path": "emails[", "value": 1}, "invalidPath"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "frobnicate", "path": "title", "value": "x"}, "invalidValue"),
        ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
    ):
        refusal(directory.change(path, operation), 400, scim_type)
    refusal(directory.get("/Users", params={"filter": "userName near 1"}), 400, "invalidFilter")
    refusal(directory.get("/Users", params={"filter": "nope eq 1"}), 400, "invalidFilter")
    refusal(directory.post("/Users", content=b"{"), 400, "invalidSyntax")
    refusal(directory.post("/Users", json=[]), 400, "invalidSyntax")
    refusal(directory.post("/Users", content=b"[" * 100_000), 400, "invalidSyntax")
    for text in ("a\x00b", "a\ud800b"):
        body = json.dumps({"userName": "n@example.org", "title": text})
        refusal(directory.post("/Users", content=body), 400, "invalidValue")
    nul = {"filter": 'userName eq "a\x00"'}
    refusal(directory.get("/Users", params=nul), 400, "invalidValue")
    refusal(directory.post("/Users", json={"displayName": "X"}), 400, "invalidValue")
    refusal(directory.get(f"/Users/{uuid.uuid4()}"), 404)
    refusal(directory.get("/Nothing"), 404)
    refusal(directory.delete("/Users"), 405)
    # A bearer is a directory and no person.
    refusal(directory.get("/Me"), 501)
    for first, count, shown in ((1, 0, 0), (1, 1, 1), (2, 5, 0), (-4, -1, 0)):
        found = directory.get("/Users", params={"startIndex": first, "count": count}).json()
        assert (found["totalResults"], found["itemsPerPage"]) == (1, shown)


def test_the_bearer_is_shown_once_replaced_and_ended(
    web: Web, cast: Cast, directory: Directory
) -> None:
    admin = Client(web, "sysadmin")
    secret = directory.headers["Authorization"]
    assert secret.removeprefix("Bearer ") not in admin.get("/sso/scim").text
    for wrong in ("", "Bearer", f"{secret}x", secret[:-1], "Bearer soma_scim_x_y", "Basic eDp5"):
        headers = {"Authorization": wrong}
        answer = httpx.get(f"{web.base}/scim/v2/Users", headers=headers)
        refusal(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert Client(web, "admin").post("/sso/scim", {}).status_code == 403
    assert admin.post("/sso/scim", {"default_role": "admin"}).status_code == 422
    rotated = Directory(web, admin.post("/sso/scim", {}).json()["secret"])
    refusal(directory.get("/Users"), 401)
    assert rotated.get("/Users").status_code == 200
    seen = admin.get("/sso/scim").json()
    assert (seen["base_url"], seen["default_role"]) == (f"{web.base}/scim/v2", "member")
    assert seen["last_used_at"] is not None
    # Suspended with its tenant.
    platform = Client(web, "platform")
    platform.post(f"/saas/tenants/{cast.acme_id}/suspend", {"reason": "No payment"})
    refusal(rotated.get("/Users"), 403)
    platform.post(f"/saas/tenants/{cast.acme_id}/resume")
    assert admin.delete("/sso/scim").status_code == 204
    refusal(rotated.get("/Users"), 401)
    assert admin.delete("/sso/scim").status_code == 404


class _AtTheCompany(httpx2.HTTPTransport):
    """Gives the tester's random names the company's domain, without which nobody gets in."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        content = request.read()
        if content:
            body = json.loads(content)
            places = [body, *(one for one in body.get("Operations", ()))]
            for place in places:
                value = place.get("value")
                for at in (place, value if isinstance(value, dict) else {}):
                    if isinstance(at.get("userName"), str):
                        at["userName"] += "@example.org"
                if place.get("path") == "userName":
                    place["value"] += "@example.org"
            request = httpx2.Request(
                request.method, request.url, json=body,
                headers={"Authorization": request.headers["Authorization"],
                         "Content-Type": "application/scim+json"},
            )  # fmt: skip
        answer = super().handle_request(request)
        answer.read()
        answer.close()
        text = answer.text.replace("@example.org", "")
        headers = {"Content-Type": answer.headers["Content-Type"]}
        return httpx2.Response(answer.status_code, headers=headers, content=text.encode())


# A membership is active or suspended, never neither; the name shown of a member is ours to say.
OUR_WAY = ("did not remove attribute 'active'", "unexpected value for 'members'")


def test_a_conformance_tester_finds_nothing(web: Web, directory: Directory) -> None:
    from scim2_tester import Status, check_server

    with httpx2.Client(
        base_url=str(directory.base_url),
        headers=dict(directory.headers),
        transport=_AtTheCompany(),
        timeout=30,
    ) as http:
        client = SyncSCIMClient(http)
        client.discover()
        results = check_server(client)
    wrong = [
        f"{one.title}: {one.reason}"
        for one in results
        if one.status in (Status.ERROR, Status.CRITICAL)
        and not any(reason in str(one.reason) for reason in OUR_WAY)
    ]
    assert not wrong, "\n".join(wrong)
    assert sum(one.status == Status.SUCCESS for one in results) >= 100
