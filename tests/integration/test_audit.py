"""The audit log: found by its words, exported, and changed by nobody without being noticed."""

import csv
import io

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from kernel import outbox
from kernel.db import unit_of_work
from saas.audit.verifying import verify
from saas.models import AuditEntry, AuditSeal
from saas.people import members, roles
from saas.people.members import Roles
from tests.support.cast import Cast
from tests.support.web import Client, Web

pytestmark = pytest.mark.usefixtures("nobody_is_woken")


def some_acts(cast: Cast) -> None:
    members.change_roles(cast.sysadmin, cast.bob.user_id, Roles("trainer"))
    members.suspend_person(cast.sysadmin, cast.bob.user_id, "=gone fishing")
    roles.create_role(cast.sysadmin, "Lighthouse", ["use"])


def test_entries_are_found_by_act_person_and_words(web: Web, cast: Cast) -> None:
    some_acts(cast)
    admin = Client(web, "admin")
    page = admin.get("/audit", limit=2).json()
    rest = admin.get("/audit", limit=2, cursor=page["next"]).json()
    acts = [one["action"] for one in page["items"] + rest["items"]]
    assert acts[:3] == ["role.created", "person.suspended", "person.roles_changed"]
    entry = page["items"][0]
    assert (entry["actor_name"], entry["after"]["name"]) == ("Sysadmin", "Lighthouse")
    for asked, count in (
        ({"q": "lighthouse"}, 1), ({"q": "fishing"}, 1), ({"q": "roles changed"}, 1),
        ({"action": "person"}, 2), ({"action": "person.suspended"}, 1),
        ({"actor_id": str(cast.ann.user_id)}, 0), ({"object_id": str(cast.bob.user_id)}, 2),
        ({"since": "2100-01-01T00:00:00Z"}, 0),
    ):  # fmt: skip
        assert len(admin.get("/audit", **asked).json()["items"]) == count, asked
    stats = admin.get("/audit/stats", action="person").json()["items"]
    assert {one["action"]: one["count"] for one in stats} == {
        "person.suspended": 1, "person.roles_changed": 1,
    }  # fmt: skip
    # Where an act came from is on the record, and another tenant's log is not.
    admin.post("/agents", {"name": "Noted"})
    assert admin.get("/audit", q="noted").json()["items"][0]["address"] == "127.0.0.1"
    assert Client(web, "stranger").get("/audit").json()["items"] == []
    assert Client(web, "ann").get("/audit").status_code == 403
    assert admin.get("/audit", of="platform").status_code == 403
    assert Client(web, "platform").get("/audit", of="platform").status_code == 200


def test_an_export_holds_every_entry_and_no_formula(web: Web, cast: Cast) -> None:
    some_acts(cast)
    admin = Client(web, "admin")
    lines = admin.get("/audit/export", form="jsonl").text.splitlines()
    assert [orjson.loads(line)["action"] for line in lines][:2] == [
        "role.created", "person.suspended",
    ]  # fmt: skip
    table = list(csv.DictReader(io.StringIO(admin.get("/audit/export", action="person").text)))
    assert [one["action"] for one in table] == ["person.suspended", "person.roles_changed"]
    assert "gone fishing" in table[0]["after"]
    assert not any(value.startswith(("=", "+", "@")) for one in table for value in one.values())


def tamper(statement: str, *values: object) -> None:
    """As somebody with the owner's password would."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("set session_replication_role = default")
    connections["owner"].close()


def test_the_chain_shows_what_was_changed_or_deleted(cast: Cast) -> None:
    some_acts(cast)
    outbox.drain()
    with unit_of_work(cast.acme):
        sealed = AuditSeal.objects.count()
        assert sealed == AuditEntry.objects.count() >= 3
        middle = AuditSeal.objects.get(seq=2).entry_id
    assert verify(cast.acme_id).problem == ""
    call_command("audit_verify")
    tamper("update saas_auditentry set after = '{}' where id = %s", middle)
    assert "was changed" in verify(cast.acme_id).problem
    with pytest.raises(CommandError, match="not as they were"):
        call_command("audit_verify")
    tamper("delete from saas_auditentry where id = %s", middle)
    assert "was deleted" in verify(cast.acme_id).problem
    tamper("delete from saas_auditseal where entry_id = %s", middle)
    assert "missing from the chain" in verify(cast.acme_id).problem
    assert verify(cast.globex_id).problem == ""
