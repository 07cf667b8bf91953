"""People, roles, the audit log and organisations, as their administrators use them."""

import gzip
from datetime import timedelta

from playwright.sync_api import expect

from kernel.clock import now
from kernel.db import unit_of_work
from saas.audit.archiving import archive_all
from saas.models import AuditEntry
from tests.support.browser import NARROW, Visit
from tests.support.cast import Cast
from tests.support.simulator import SimulatedProvider


def test_a_sysadmin_makes_a_role_gives_it_asks_why_and_reads_it_in_the_log(
    visit: Visit, cast: Cast
) -> None:
    tab = visit.by("sysadmin").go("/people/roles")
    page = tab.page
    page.get_by_role("button", name="New role").click()
    page.get_by_label("Name").fill("Help desk")
    page.get_by_role("checkbox", name="See people and their roles").check()
    assert tab.violations() == []
    page.get_by_role("button", name="Save").click()
    role = page.locator('[data-role-name="Help desk"]')
    expect(role).to_contain_text("See people and their roles")
    tab.shoot("roles")

    page.get_by_role("link", name="People").click()
    page.get_by_role("button", name="Roles of Bob").click()
    page.get_by_label("Main role").select_option(label="Trainer")
    page.get_by_role("checkbox", name="Help desk").check()
    assert tab.violations() == []
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    bob = page.locator('[data-person="bob@example.org"]')
    expect(bob).to_contain_text("Trainer")
    expect(bob).to_contain_text("Help desk")
    page.get_by_role("button", name="Suspend Ann").click()
    page.get_by_test_id("reason-dialog").get_by_label("Reason").fill("On leave")
    page.get_by_test_id("reason-dialog").get_by_role("button", name="Suspend").click()
    ann = page.locator('[data-person="ann@example.org"]')
    expect(ann).to_contain_text("suspended")
    tab.shoot("people")
    assert tab.violations() == []
    ann.get_by_role("button", name="Let back in: Ann").click()
    expect(ann).not_to_contain_text("suspended")
    # Nobody changes their own roles.
    me = page.locator('[data-person="sysadmin@example.org"]')
    expect(me.get_by_role("button")).to_have_count(0)

    tab.go("/people/roles")
    page.get_by_role("combobox", name="Person").select_option(label="Bob · bob@example.org")
    page.get_by_role("combobox", name="May").select_option(label="See people and their roles")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_test_id("why")).to_contain_text("Has the role “Help desk”")
    page.get_by_role("combobox", name="May").select_option(label="See invoices and costs")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_test_id("why")).to_contain_text("No.")

    tab.go("/audit")
    rows = page.get_by_test_id("audit").locator("tbody tr")
    expect(rows.first).to_contain_text("person.resumed")
    page.get_by_label("Words").fill("leave")
    page.get_by_role("button", name="Find").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("On leave")
    tab.shoot("audit")
    assert tab.violations() == []
    with page.expect_download() as taken:
        page.get_by_role("link", name="Export as CSV").click()
    assert "On leave" in taken.value.path().read_text()


def test_entries_that_left_the_database_are_downloaded_from_the_page(
    visit: Visit, cast: Cast
) -> None:
    with unit_of_work(cast.acme):
        AuditEntry.objects.create(
            created_at=now() - timedelta(days=100), actor_id=cast.admin.user_id,
            action="thing.changed", object_type="thing", object_id="old",
        )  # fmt: skip
    assert archive_all() == 1
    tab = visit.by("admin").go("/audit")
    files = tab.page.get_by_test_id("audit-archives")
    expect(files).to_contain_text("entries: 1")
    tab.shoot("audit-archives")
    assert tab.violations() == []
    with tab.page.expect_download() as taken:
        files.get_by_role("link").click()
    assert b"thing.changed" in gzip.decompress(taken.value.path().read_bytes())


def test_a_suspension_ends_an_open_stream_and_a_resumption_brings_everything_back(
    visit: Visit, model: SimulatedProvider, cast: Cast
) -> None:
    model.script({"when": "slowly", "reply": "word " * 2000, "gap_ms": 40},
                 {"when": ".", "reply": "Here again."})  # fmt: skip
    ann = visit.by("ann").go()
    ann.say("slowly please")
    expect(ann.words).to_contain_text("word word word")

    platform = visit.by("platform").go("/platform/tenants")
    page = platform.page
    page.get_by_role("button", name="Suspend Acme").click()
    assert platform.violations() == []
    dialog = page.get_by_test_id("reason-dialog")
    expect(dialog.get_by_role("button", name="Suspend")).to_be_disabled()
    dialog.get_by_label("Reason").fill("No payment")
    dialog.get_by_role("button", name="Suspend").click()
    acme = page.locator('[data-tenant="acme"]')
    expect(acme).to_contain_text("No payment")
    platform.shoot("tenants")
    assert platform.violations() == []

    expect(ann.page.get_by_text("Your organisation is suspended")).to_be_visible()
    ann.shoot("suspended")
    acme.get_by_role("button", name="Resume Acme").click()
    expect(acme).to_contain_text("open")
    ann.page.reload()
    expect(ann.words).to_contain_text("word word word")
    ann.ended("cancelled")
    ann.say("and now?")
    expect(ann.words).to_contain_text("Here again.")


def test_the_pages_fit_a_phone_and_are_for_those_who_may(visit: Visit, cast: Cast) -> None:
    for who, path, shown in (
        ("admin", "/people", "people"), ("admin", "/people/roles", "roles"),
        ("sysadmin", "/audit", "audit-page"), ("platform", "/platform/tenants", "tenants"),
    ):  # fmt: skip
        tab = visit.by(who, size=NARROW).go(path)
        expect(tab.page.get_by_test_id(shown)).to_be_visible()
        assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert tab.page.evaluate("document.documentElement.scrollHeight <= window.innerHeight"), (
            path
        )
        tab.shoot(f"{shown}-narrow")
    for path in ("/people", "/people/roles", "/audit", "/platform/tenants"):
        member = visit.by("ann").go(path)
        expect(member.page.get_by_text("This page is for administrators")).to_be_visible()


def test_an_admin_gives_a_grant_takes_it_back_and_signs_a_person_out(
    visit: Visit, cast: Cast
) -> None:
    bob = visit.by("bob").go()
    expect(bob.field).to_be_visible()
    tab = visit.by("sysadmin").go("/people")
    page = tab.page
    page.get_by_role("button", name="Grants of Bob").click()
    grants = page.get_by_test_id("grants")
    expect(grants).to_contain_text("Nothing yet")
    grants.get_by_role("combobox", name="As").select_option(label="Trainer")
    grants.get_by_label("Reason").fill("Stands in for Ann")
    grants.get_by_label("Until").fill("2099-01-31T18:00")
    grants.get_by_role("button", name="Give").click()
    expect(grants).to_contain_text("Stands in for Ann")
    assert tab.violations() == []
    tab.shoot("grants")
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    tab.shoot("grants-narrow")
    grants.get_by_role("button", name="Take back: Trainer").click()
    expect(grants).to_contain_text("Nothing yet")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("button", name="Sign out Bob").click()
    expect(bob.page.get_by_label("Password")).to_be_visible()
