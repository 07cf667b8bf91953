"""A platform admin acts as a person: from the button to the end, seen from both sides."""

from datetime import timedelta

from playwright.sync_api import expect

from kernel.clock import now
from kernel.db import platform_unit
from saas.identity import impersonation
from saas.identity.models import Impersonation
from saas.identity.policy import SignInPolicy, set_sign_in_policy
from saas.models import Session
from saas.provisioning import ensure_person
from tests.support.browser import NARROW, Visit
from tests.support.cast import PASSWORD, Cast
from tests.support.simulator import SimulatedProvider


def test_an_admin_acts_as_a_person_and_the_organisation_reads_of_it(
    visit: Visit, model: SimulatedProvider, cast: Cast
) -> None:
    model.script({"when": ".", "reply": "Here it is."})
    ann = visit.by("ann").go()
    platform = visit.by("platform").go("/platform/tenants")
    page = platform.page
    # What acting needs is a fresh sign-in.
    Session.objects.filter(user_id=cast.platform.user_id).update(
        authenticated_at=now() - timedelta(minutes=6)
    )
    page.get_by_role("link", name="Act as somebody of Acme").click()
    page.get_by_role("button", name="Act as Ann").click()
    assert platform.violations() == []
    why = page.get_by_test_id("reason-dialog")
    why.get_by_label("Reason").fill("Her invoice page is empty")
    why.get_by_role("button", name="Act as this person").click()
    page.get_by_label("Password, or a code of your app").fill(PASSWORD)
    page.get_by_test_id("step-up").get_by_role("button", name="Confirm").click()

    banner = page.get_by_test_id("acting")
    expect(banner).to_contain_text("Platform acts as Ann")
    expect(banner).to_contain_text("60 min left")
    # Chat works in her name, over the socket.
    platform.say("Show me the invoice")
    expect(platform.words).to_contain_text("Here it is.")
    assert platform.violations() == []
    platform.shoot("acting")
    for path in ("/agents", "/memory", "/usage"):
        platform.go(path)
        expect(banner).to_be_visible()
    # What is her own is closed, and said to be.
    platform.go("/profile")
    expect(page.get_by_text("Not while you act as somebody else").first).to_be_visible()
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    platform.go("/chat")
    expect(banner.get_by_role("button", name="End")).to_be_in_viewport()
    assert platform.violations() == []
    platform.shoot("acting-narrow")

    # She sees who is there, and the keyboard ends it on the other side.
    ann.go()
    expect(ann.items).to_have_count(1)
    ann.go("/profile")
    expect(ann.page.get_by_test_id("sessions")).to_contain_text("Platform, acting as you")
    banner.get_by_role("button", name="End").focus()
    page.keyboard.press("Enter")
    expect(banner).to_have_count(0)
    page.set_viewport_size({"width": 1280, "height": 800})
    platform.go("/platform/acting")
    requests = page.get_by_test_id("acting-requests")
    expect(requests).to_contain_text("Platform as Ann, Acme")
    expect(requests).to_contain_text("by hand")
    assert platform.violations() == []
    platform.shoot("acting-requests")

    sysadmin = visit.by("sysadmin").go("/audit")
    rows = sysadmin.page.get_by_test_id("audit").locator("tbody tr")
    expect(rows.first).to_contain_text("impersonation.ended")
    expect(sysadmin.page.get_by_test_id("audit")).to_contain_text("Her invoice page is empty")
    sysadmin.shoot("audit-acting")


def test_where_it_is_forbidden_two_agree_and_the_end_of_the_hour_leads_back(
    visit: Visit, cast: Cast
) -> None:
    set_sign_in_policy(cast.sysadmin, SignInPolicy(allows_impersonation=False))
    ensure_person("second@example.org", "Second", password=PASSWORD, is_platform_admin=True)
    platform = visit.by("platform").go("/platform/acting?tenant=acme")
    page = platform.page
    page.get_by_role("button", name="Act as Ann").click()
    page.get_by_test_id("reason-dialog").get_by_label("Reason").fill("Locked out at night")
    page.get_by_test_id("reason-dialog").get_by_role("button", name="Act as this person").click()
    expect(page.get_by_test_id("acting-requests")).to_contain_text("waits for a second")

    second = visit.by("second").go("/platform/acting")
    second.page.get_by_role("button", name="Approve: Platform as Ann").click()
    expect(second.page.get_by_test_id("acting-requests")).to_contain_text("approved by Second")
    platform.go("/platform/acting")
    page.get_by_role("button", name="Begin: Platform as Ann").click()
    expect(page.get_by_test_id("acting")).to_contain_text("Platform acts as Ann")
    with platform_unit("test") as alias:
        Impersonation.objects.using(alias).update(expires_at=now())
    assert impersonation.close_due() == 1
    # The socket ends first; then the page is the admin's own again.
    expect(page.get_by_test_id("acting")).to_have_count(0)
    expect(page.get_by_role("button", name="Platform Globex")).to_be_visible()
