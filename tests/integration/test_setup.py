"""How far an organisation is set up: stored, resumed, its name and colour on the record."""

import pytest

from kernel.db import unit_of_work
from saas.identity.port import IDENTITY
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
    assert not found["is_put_off"]
    later = admin.put("/saas/setup/later").json()
    assert (later["is_put_off"], later["steps"]) == (True, found["steps"])
    reopened = signed_in("sysadmin").put("/saas/setup/steps/agent", {"state": "open"}).json()
    assert not reopened["is_finished"]
    assert admin.patch("/saas/setup/organisation", {"name": " "}).status_code == 422
    assert admin.patch("/saas/setup/organisation", {"name": "Acme 2"}).json()["name"] == "Acme 2"
    with unit_of_work(cast.acme):
        entry = AuditEntry.objects.get(action="tenant.changed")
    assert (entry.before, entry.after) == ({"name": "Acme"}, {"name": "Acme 2"})
    assert signed_in("stranger").get("/saas/setup").json()["name"] == "Globex"


def test_a_sysadmin_changes_the_address_and_everything_else_goes_on(cast: Cast) -> None:
    sysadmin, ann = signed_in("sysadmin"), signed_in("ann")
    assert signed_in("admin").put("/saas/setup/address", {"address": "acme-2"}).status_code == 403
    for wrong in (
        "", "a", "Acme", "acme 2", "-acme", "acme-", "ac--me", "acmé", "a/b", "x" * 61, 7,
        # A command that takes an address or an id would mean the other tenant.
        str(cast.globex_id), cast.globex_id.hex,
    ):  # fmt: skip
        refused = sysadmin.put("/saas/setup/address", {"address": wrong})
        assert refused.status_code == 422, wrong
        assert refused.json()["errors"][0]["pointer"].endswith("/address")
    for taken in ("globex", "home"):
        refused = sysadmin.put("/saas/setup/address", {"address": taken})
        assert (refused.status_code, refused.json()["code"]) == (409, "slug-taken")
    changed = sysadmin.put("/saas/setup/address", {"address": " acme-2 "}).json()
    assert (changed["name"], changed["address"]) == ("Acme", "acme-2")
    assert ann.get("/auth/me").json()["tenant"]["slug"] == "acme-2"
    assert ann.get("/agents").status_code == 200
    with unit_of_work(cast.acme):
        (entry,) = AuditEntry.objects.filter(action="tenant.changed")
    assert (entry.before, entry.after) == ({"slug": "acme"}, {"slug": "acme-2"})
    # The one before is free.
    freed = signed_in("stranger").put("/saas/setup/address", {"address": "acme"})
    assert freed.json()["address"] == "acme"


def test_where_keycloak_knows_the_tenant_by_its_address_it_stays(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(IDENTITY.get()), "is_mirror", True)
    sysadmin = signed_in("sysadmin")
    fixed = sysadmin.put("/saas/setup/address", {"address": "acme-2"})
    assert (fixed.status_code, fixed.json()["code"]) == (409, "address-fixed")
    assert sysadmin.get("/saas/setup").json()["is_address_fixed"]


def test_the_brand_colour_is_checked_and_every_member_is_told(cast: Cast) -> None:
    admin = signed_in("admin")
    for wrong in ("teal", "#fff", "#12345g", "#123456\n", "#123456;", 7):
        refused = admin.patch("/saas/setup/organisation", {"brand_colour": wrong})
        assert refused.status_code == 422, wrong
        assert refused.json()["errors"][0]["pointer"].endswith("/brand_colour")
    changed = admin.patch("/saas/setup/organisation", {"brand_colour": "#AA2244"}).json()
    assert (changed["name"], changed["brand_colour"]) == ("Acme", "#aa2244")
    assert signed_in("ann").get("/auth/me").json()["tenant"]["brand_colour"] == "#aa2244"
    assert signed_in("stranger").get("/auth/me").json()["tenant"]["brand_colour"] == ""
    admin.patch("/saas/setup/organisation", {"brand_colour": ""})
    with unit_of_work(cast.acme):
        told = AuditEntry.objects.filter(action="tenant.changed").order_by("id")
        assert [one.after for one in told] == [{"brand_colour": "#aa2244"}, {"brand_colour": ""}]
