"""Many changes in one request of a directory: references, refusals, limits."""

from typing import Any

import httpx
import pytest
from scim2_models import BulkOperation, BulkRequest

from saas.scim.resources import BULK_BYTES, BULK_MAX
from tests.integration.test_scim import PATCH, Directory, client_of, connect, refusal
from tests.support.cast import Cast
from tests.support.web import Web

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


@pytest.fixture
def directory(web: Web, cast: Cast) -> Any:
    with connect(web) as directory:
        yield directory


def sent(directory: Directory, *operations: Any, **more: Any) -> httpx.Response:
    body = {"schemas": [BULK], "Operations": list(operations), **more}
    return directory.post("/Bulk", json=body)


def done(directory: Directory, *operations: Any, **more: Any) -> list[dict[str, Any]]:
    answer = sent(directory, *operations, **more)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["Operations"])


def person(name: str, **data: Any) -> dict[str, Any]:
    data = {"userName": f"{name}@example.org", **data}
    return {"method": "POST", "path": "/Users", "bulkId": name, "data": data}


def statuses(answers: list[dict[str, Any]]) -> list[str]:
    return [one["status"] for one in answers]


def test_people_and_their_group_come_in_one_request(web: Web, directory: Directory) -> None:
    # The group comes before whom it names, and so does whoever has a manager.
    group = {
        "displayName": "Builders",
        "members": [{"value": "bulkId:ann"}, {"value": "bulkId:bob"}],
    }
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    answers = done(
        directory,
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": group},
        person("ann", **{enterprise: {"manager": {"value": "bulkId:bob"}}}),
        person("bob"),
        {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {
            "schemas": [PATCH],
            "Operations": [{"op": "replace", "path": "displayName", "value": "Makers"}],
        }},
    )  # fmt: skip
    assert statuses(answers) == ["201", "201", "201", "200"]
    assert [one.get("bulkId") for one in answers] == ["g", "ann", "bob", None]
    made, ann, bob, patched = answers
    assert patched["location"] == made["location"]
    shown = directory.get(made["location"])
    assert shown.headers["ETag"] == patched["version"] != made["version"]
    assert shown.json()["displayName"] == "Makers"
    ids = [one["location"].rpartition("/")[2] for one in (ann, bob)]
    assert {one["value"] for one in shown.json()["members"]} == set(ids)
    assert directory.get(ann["location"]).json()[enterprise]["manager"]["value"] == ids[1]

    gone = done(
        directory,
        {"method": "PUT", "path": f"/Users/{ids[0]}", "version": 'W/"old"',
         "data": {"userName": "ann@example.org"}},
        {"method": "DELETE", "path": f"/Users/{ids[0]}"},
    )  # fmt: skip
    assert statuses(gone) == ["412", "204"]
    assert gone[1]["location"] == ann["location"]
    refusal(directory.get(ann["location"]), 404)


def test_one_that_fails_fails_alone(web: Web, directory: Directory) -> None:
    wrong = [
        person("eve@other.example"),
        {"method": "POST", "path": "/Users", "data": {"userName": "x@example.org"}},
        {"method": "POST", "path": "/Nothing", "bulkId": "n", "data": {}},
        {"method": "POST", "path": "/Users/1", "bulkId": "p", "data": person("x")["data"]},
        {"method": "PATCH", "path": "/Users", "data": {"schemas": [PATCH], "Operations": [
            {"op": "replace", "path": "title", "value": "x"}]}},
        {"method": "DELETE", "path": "/Users"},
        {"method": "GET", "path": "/Users"},
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {
            "displayName": "G", "members": [{"value": "bulkId:eve@other.example"}]}},
        {"method": "POST", "path": "/Groups", "bulkId": "h", "data": {
            "displayName": "H", "members": [{"value": "bulkId:nobody"}]}},
        {"method": "POST", "path": "/Groups", "bulkId": "self", "data": {
            "displayName": "bulkId:self"}},
        {},
        {"method": "POST", "path": "/users", "bulkId": "u", "data": person("x")["data"]},
        {"method": ["POST"], "bulkId": {"a": 1}, "path": 7, "data": [], "version": 3},
        {"method": "POST", "bulkId": ["b"], "path": "/Users", "data": {"userName": []}},
    ]  # fmt: skip
    answers = done(directory, *wrong, person("ann"))
    assert statuses(answers) == [
        "400", "400", "400", "405", "405", "405", "400", "409", "409", "409", "400", "404",
        "400", "400", "201",
    ]  # fmt: skip
    for one in answers[:-1]:
        assert one["response"]["status"] == one["status"]
        assert one["response"]["detail"]
    assert directory.get("/Groups").json()["totalResults"] == 0
    # After so many refusals the rest is left; what was done stays.
    some = done(directory, person("bob"), wrong[0], wrong[2], person("kim"), failOnErrors=2)
    assert statuses(some) == ["201", "400", "400"]
    assert directory.get("/Users").json()["totalResults"] == 2


def test_those_who_wait_for_each_other_are_refused(directory: Directory) -> None:
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

    def under(name: str, manager: str) -> dict[str, Any]:
        return person(name, **{enterprise: {"manager": {"value": f"bulkId:{manager}"}}})

    answers = done(directory, under("ann", "bob"), under("bob", "ann"), person("kim"))
    assert statuses(answers) == ["409", "409", "201"]
    # A name stands for one of them.
    twice = {**person("eve"), "bulkId": "ann"}
    group = {"displayName": "G", "members": [{"value": "bulkId:ann"}]}
    makers = {"method": "POST", "path": "/Groups", "bulkId": "g", "data": group}
    answers = done(directory, person("ann"), twice, makers)
    assert statuses(answers) == ["201", "400", "201"]
    (member,) = directory.get(answers[2]["location"]).json()["members"]
    assert member["display"] == "ann@example.org"


def test_the_limits_are_told_and_kept(directory: Directory) -> None:
    told = directory.get("/ServiceProviderConfig").json()
    assert told["bulk"] == {
        "supported": True, "maxOperations": BULK_MAX, "maxPayloadSize": BULK_BYTES,
    }  # fmt: skip
    assert (told["sort"], told["etag"]) == ({"supported": True}, {"supported": True})
    one = {"method": "DELETE", "path": "/Users/x"}
    refusal(sent(directory, *[one] * (BULK_MAX + 1)), 413)
    refusal(sent(directory, person("ann", title="x" * BULK_BYTES)), 413)
    assert statuses(done(directory, *[one] * BULK_MAX)) == ["404"] * BULK_MAX
    refusal(directory.post("/Bulk", json=[]), 400, "invalidSyntax")
    refusal(directory.post("/Bulk", json={"schemas": [BULK]}), 400, "invalidSyntax")
    refusal(sent(directory, "x"), 400, "invalidSyntax")
    refusal(sent(directory, one, failOnErrors=0), 400, "invalidValue")
    refusal(directory.get("/Bulk"), 405)
    refusal(
        directory.post("/Bulk", json={"schemas": ["urn:x"], "Operations": [one]}),
        400,
        "invalidSyntax",
    )


def test_a_client_of_the_standard_reads_the_answer(directory: Directory) -> None:
    with client_of(directory) as client:
        user, group = client.get_resource_model("User"), client.get_resource_model("Group")
        assert user is not None
        assert group is not None
        request = BulkRequest[user | group](  # type: ignore[valid-type]
            operations=[
                BulkOperation[user](
                    method="POST", path="/Users", bulk_id="ann",
                    data=user(user_name="ann@example.org"),
                ),
                BulkOperation[group](
                    method="POST", path="/Groups", bulk_id="g",
                    data=group(display_name="G", members=[{"value": "bulkId:ann"}]),
                ),
                BulkOperation[user](method="DELETE", path="/Users/x"),
            ]
        )  # fmt: skip
        answer = client.bulk(request)
        assert [one.status for one in answer.operations] == [201, 201, 404]
        made = client.query(group, answer.operations[1].location.rpartition("/")[2])
        assert [one.display for one in made.members] == ["ann@example.org"]
