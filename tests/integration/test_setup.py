"""How far an organisation is set up: stored, resumed, and its name on the record."""

import pytest

from kernel.db import unit_of_work
from saas.models import AuditEntry
from tests.support.cast import Cast
from tests.support.signed_in import signed_in

pytestmark = pytest.mark.usefixtures("nobody_is_woken")


def test_steps_are_kept_and_the_new_name_is_audited(cast: Cast) -> None:
    admin = signed_in("admin")
    assert {one["state"] for one in admin.get("/saas/setup").json()["steps"]} == {"open"}
    for step, state in (
        ("organisation", "done"), ("model", "skipped"), ("agent", "done"), ("people", "done"),
    ):  # fmt: skip
        found = admin.put(f"/saas/setup/steps/{step}", {"state": state}).json()
    assert found["is_finished"]
    assert [one["state"] for one in found["steps"]] == ["done", "skipped", "done", "done"]
    reopened = signed_in("sysadmin").put("/saas/setup/steps/agent", {"state": "open"}).json()
    assert not reopened["is_finished"]
    assert admin.patch("/saas/setup/organisation", {"name": " "}).status_code == 422
    assert admin.patch("/saas/setup/organisation", {"name": "Acme 2"}).json()["name"] == "Acme 2"
    with unit_of_work(cast.acme):
        entry = AuditEntry.objects.get(action="tenant.renamed")
    assert (entry.before, entry.after) == ({"name": "Acme"}, {"name": "Acme 2"})
    assert signed_in("stranger").get("/saas/setup").json()["name"] == "Globex"
