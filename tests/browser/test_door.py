"""The door from an invitation to a session that is ended elsewhere, with a passkey and an app."""

import re
from datetime import timedelta

import pyotp
from playwright.sync_api import expect

from kernel import clock
from tests.support.browser import NARROW, Tab, Visit
from tests.support.cast import PASSWORD
from tests.support.mailbox import link_in, mails_to
from tests.support.simulator import SimulatedProvider
from tests.support.web import Web

GUEST = "guest@example.org"
NEW = "a calm and sunny harbour"


def with_authenticator(tab: Tab) -> Tab:
    """Give the browser a passkey device that always says yes."""
    session = tab.page.context.new_cdp_session(tab.page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    # Passkeys need a name for an address.
    tab.base = tab.base.replace("127.0.0.1", "localhost")
    return tab


def first_step(tab: Tab, email: str, password: str) -> None:
    tab.go("/sign-in")
    tab.page.get_by_label("E-mail").fill(email)
    tab.page.get_by_label("Password").fill(password)
    tab.page.get_by_role("button", name="Sign in").click()


def test_from_an_invitation_to_a_session_ended_elsewhere(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    admin = visit.by("admin").go("/people")
    admin.page.get_by_role("button", name="Invite people").click()
    dialog = admin.page.get_by_role("dialog", name="Invite people")
    dialog.get_by_label("E-mail addresses").fill(f"{GUEST}, ann@example.org")
    assert admin.violations_in_every_theme() == []
    dialog.get_by_role("button", name="Invite").click()
    expect(admin.page.locator("#invited")).to_be_focused()
    expect(admin.page.locator("#invited")).to_contain_text("ann@example.org: This person is")
    expect(admin.page.get_by_test_id("invitations")).to_contain_text(GUEST)
    admin.shoot("people-invitations")
    guest = with_authenticator(visit.stranger())
    page = guest.go(f"/invitation#token={link_in(mails_to(GUEST)[0])}").page
    expect(page.get_by_role("heading", name="Join Acme")).to_be_visible()
    assert guest.violations_in_every_theme() == []
    guest.shoot("invitation")
    page.get_by_label("Your name").fill("Gwen Guest")
    page.get_by_label("Password").fill(NEW)
    page.get_by_role("button", name="Join").click()
    expect(guest.field).to_be_visible()

    # A passkey, which brings recovery codes.
    guest.account("Profile and security")
    page.get_by_label("Name of a new passkey").fill("Laptop")
    page.get_by_role("button", name="Add a passkey").click()
    codes = page.get_by_test_id("codes")
    expect(codes.get_by_role("listitem")).to_have_count(10)
    expect(codes).to_be_focused()
    recovery = codes.get_by_role("listitem").first.inner_text()
    assert guest.violations_in_every_theme() == []
    guest.shoot("profile-codes")
    codes.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_text("Laptop", exact=False).first).to_be_visible()

    # An app, by the key that its QR code holds.
    page.get_by_role("button", name="Set up an app").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    guest.shoot("profile-app")
    totp = pyotp.TOTP(page.get_by_test_id("app-secret").inner_text())
    page.get_by_label("Code that the app shows").fill("000000")
    page.get_by_role("button", name="Use this app").click()
    expect(page.get_by_test_id("app-setup").get_by_role("alert")).to_be_visible()
    page.get_by_label("Code that the app shows").fill(totp.at(clock.now() - timedelta(seconds=30)))
    page.get_by_role("button", name="Use this app").click()
    expect(page.get_by_role("button", name="Remove the app")).to_be_visible()
    guest.account("Sign out")

    # In again with the passkey alone, without a name.
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Profile and security")).to_be_visible()

    # Elsewhere with the password and a code, and there again with a recovery code.
    elsewhere = visit.stranger()
    first_step(elsewhere, GUEST, NEW)
    expect(elsewhere.page.get_by_role("heading", name="One more step")).to_be_visible()
    assert elsewhere.violations_in_every_theme() == []
    elsewhere.shoot("sign-in-second-step")
    elsewhere.page.get_by_label("Code").fill(totp.at(clock.now()))
    elsewhere.page.get_by_role("button", name="Go on").click()
    elsewhere.is_live()
    third = visit.stranger(NARROW)
    first_step(third, GUEST, NEW)
    third.page.get_by_label("Code").fill(recovery)
    third.page.get_by_role("button", name="Go on").click()
    expect(third.field).to_be_visible()

    # Ended from the first place: the second one stands before the door within a second.
    page.reload()
    sessions = page.get_by_test_id("sessions")
    expect(sessions.get_by_role("listitem")).to_have_count(3)
    guest.shoot("profile-sessions")
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(sessions.get_by_role("listitem")).to_have_count(1)
    expect(elsewhere.page.get_by_text("Your session has ended.")).to_be_visible(timeout=2_000)


def test_a_forgotten_password_is_replaced_by_a_link(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    tab = visit.stranger().go("/sign-in")
    tab.page.get_by_role("link", name="Forgotten your password?").click()
    tab.page.get_by_label("E-mail").fill("ann@example.org")
    tab.page.get_by_role("button", name="Send me a link").click()
    expect(tab.page.get_by_text("If there is an account")).to_be_visible()
    assert tab.violations_in_every_theme() == []
    assert mails_to("ann@example.org")
    platform = visit.by("platform").go("/platform/mails")
    mail = platform.page.get_by_role("listitem").filter(has_text="Choose a new password")
    expect(mail).to_be_visible()
    assert platform.violations_in_every_theme() == []
    platform.shoot("mails")
    found = re.search(r"token=([\w-]+)", mail.inner_text())
    assert found is not None
    tab.go(f"/reset-password#token={found.group(1)}")
    tab.page.get_by_label("New password").fill(NEW)
    assert tab.violations_in_every_theme() == []
    tab.shoot("reset-password")
    tab.page.get_by_role("button", name="Save").click()
    expect(tab.page.get_by_text("Your password has been changed.")).to_be_visible()
    tab.go(f"/reset-password#token={found.group(1)}")
    expect(tab.page.get_by_text("This link is no longer valid")).to_be_visible()
    first_step(tab, "ann@example.org", NEW)
    expect(tab.field).to_be_visible()


def test_what_is_dangerous_asks_again_and_goes_on(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    from saas.models import Session

    ann = visit.by("ann")
    Session.objects.update(authenticated_at=clock.now() - timedelta(minutes=6))
    page = ann.go("/profile").page
    page.get_by_role("button", name="Set up an app").click()
    dialog = page.get_by_role("dialog", name="Confirm that it is you")
    expect(dialog).to_be_visible()
    assert ann.violations_in_every_theme() == []
    ann.shoot("step-up")
    dialog.get_by_label("Password").fill("not mine at all")
    dialog.get_by_role("button", name="Confirm").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("app-secret")).to_be_visible()
    # Left alone, the act is left too.
    Session.objects.update(authenticated_at=clock.now() - timedelta(minutes=6))
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Set up an app").click()
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Please confirm that it is you")).to_be_visible()


def test_a_tenant_that_asks_for_a_second_factor_holds_people_at_their_profile(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    sysadmin = visit.by("sysadmin").go("/people")
    sysadmin.page.get_by_label("Second factor").select_option("required")
    sysadmin.page.get_by_label("Idle minutes").fill("60")
    assert sysadmin.violations_in_every_theme() == []
    sysadmin.shoot("people-sign-in-rules")
    sysadmin.page.get_by_role("button", name="Save").click()
    # The rule holds for who made it, too.
    expect(sysadmin.page).to_have_url(re.compile(r"/profile\?next=%2Fpeople$"))
    ann = visit.by("ann").go("/chat")
    expect(ann.page.get_by_text("Your organisation asks for a second factor.")).to_be_visible()
    expect(ann.page).to_have_url(re.compile(r"/profile$"))
    ann.page.get_by_role("button", name="Set up an app").click()
    totp = pyotp.TOTP(ann.page.get_by_test_id("app-secret").inner_text())
    ann.page.get_by_label("Code that the app shows").fill(totp.at(clock.now()))
    ann.page.get_by_role("button", name="Use this app").click()
    ann.page.get_by_role("button", name="I have kept them").click()
    ann.go("/chat")
    expect(ann.field).to_be_visible()


def test_the_pages_of_the_door_fit_a_phone(visit: Visit, model: SimulatedProvider) -> None:
    ann, platform = visit.by("ann", NARROW), visit.by("platform", NARROW)
    for tab, path in (
        (ann, "/profile"),
        (platform, "/platform/mails"),
        (visit.stranger(NARROW), "/forgotten-password"),
        (visit.stranger(NARROW), "/reset-password#token=x"),
        (visit.stranger(NARROW), "/invitation#token=x"),
        (visit.stranger(NARROW), "/sign-in"),
    ):
        tab.go(path)
        expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
        width = tab.page.evaluate("document.documentElement.scrollWidth")
        assert width <= NARROW[0], path
        tab.shoot("narrow-" + path.split("?")[0].strip("/").replace("/", "-"))
