"""A program on the person's machine asks for access: refused, allowed, seen, taken back."""

import base64
import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pyotp
import pytest
from playwright.sync_api import expect

from kernel import clock
from tests.support.browser import NARROW, Tab, Visit
from tests.support.cast import PASSWORD, Cast
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web

VERIFIER = "v" * 43


class Program:
    """What a command-line program does: it listens, opens the browser, and waits to be told."""

    def __init__(self, web: Web, address: str, told: "Queue[dict[str, str]]") -> None:
        self.web, self.address, self.told = web, address, told

    def page(self, **changes: str) -> str:
        """The address of ours that it opens."""
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        asked = {
            "response_type": "code", "client_id": "soma-notes", "redirect_uri": self.address,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256", "scope": "chat:write memory:read", "state": "s&1",
        }  # fmt: skip
        return f"/authorize?{urlencode(asked | changes)}"

    def heard(self) -> dict[str, str]:
        """With what the browser came back."""
        return self.told.get(timeout=15)

    def token(self, code: str) -> str:
        """An access token for a code."""
        fields = {
            "grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER,
            "client_id": "soma-notes", "redirect_uri": self.address,
        }  # fmt: skip
        answer = httpx.post(f"{self.web.base}/api/v2/auth/token", data=fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def status(self, token: str) -> int:
        """What it is answered with that token."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{self.web.base}/api/v2/auth/me", headers=headers).status_code


@pytest.fixture
def program(web: Web) -> Iterator[Program]:
    told: Queue[dict[str, str]] = Queue()

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/callback"):
                told.put(dict(parse_qsl(urlsplit(self.path).query)))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>Notes</title><p>Back in the program.")

        def log_message(self, *_: object) -> None:
            """Not on the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Program(web, f"http://127.0.0.1:{server.server_port}/callback", told)
    server.shutdown()
    thread.join()
    server.server_close()


def asked(tab: Tab) -> None:
    expect(tab.page.get_by_role("heading", name="Allow soma-notes?")).to_be_visible()


@pytest.mark.asvs("10.7.1", "10.7.2", "10.7.3")
def test_a_program_is_refused_then_allowed_and_its_access_is_taken_back(
    visit: Visit, model: SimulatedProvider, program: Program
) -> None:
    tab = visit.stranger().go(program.page())
    page = tab.page
    # Signed out: the question is reached after signing in, and nothing of it was lost.
    page.get_by_label("E-mail").fill("ann@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    asked(tab)
    question = page.get_by_test_id("authorize")
    for words in (
        program.address.split("/")[2], "ann@example.org", "Acme", "30 days",
        "Chat as you: write, change and delete conversations", "Read what your agents remember",
    ):  # fmt: skip
        expect(question).to_contain_text(words)
    found = tab.violations_in_every_theme()
    tab.shoot("authorize")
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_text("Back in the program.")).to_be_visible()
    assert program.heard() == {"error": "access_denied", "state": "s&1", "iss": tab.base}

    tab.go(program.page())
    asked(tab)
    # By keyboard alone.
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert tab.focused() == "button Allow"
    page.keyboard.press("Enter")
    expect(page.get_by_text("Back in the program.")).to_be_visible()
    token = program.token(program.heard()["code"])
    assert program.status(token) == 200

    tab.go("/profile")
    row = page.get_by_test_id("consents").get_by_role("listitem").filter(has_text="soma-notes")
    expect(row).to_contain_text("Read what your agents remember")
    found += tab.violations_in_every_theme()
    row.scroll_into_view_if_needed()
    tab.shoot("consents")
    page.get_by_role("button", name="End access of soma-notes").click()
    expect(page.get_by_text("You have let no program in.")).to_be_visible()
    assert tab.focused() == "h2 Programs with access"
    assert program.status(token) == 401
    assert not found, "\n".join(found)


def test_what_a_program_asks_for_survives_a_new_password_and_a_second_factor(
    visit: Visit, web: Web, cast: Cast, model: SimulatedProvider, program: Program
) -> None:
    from saas.models import User

    Client(web, "sysadmin").put("/auth/policy", {"mfa": "required"})
    User.objects.filter(id=cast.ann.user_id).update(must_change_password=True)
    tab = visit.stranger(NARROW).go(program.page())
    page = tab.page
    page.get_by_role("link", name="Forgotten your password?").click()
    page.get_by_role("link", name="Back to sign-in").click()
    page.get_by_label("E-mail").fill("ann@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("a calm and sunny harbour")
    page.get_by_label("New password again").fill("a calm and sunny harbour")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your organisation asks for a second factor.")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Set up an app").click()
    totp = pyotp.TOTP(page.get_by_test_id("app-secret").inner_text())
    page.get_by_label("Code that the app shows").fill(totp.at(clock.now()))
    page.get_by_role("button", name="Use this app").click()
    kept = page.get_by_role("button", name="I have kept them")
    expect(kept).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= NARROW[0]
    tab.shoot("profile-codes-narrow")
    there = page.url
    kept.click()
    asked(tab)
    # Whoever opened the page anew meanwhile finds the way on, too.
    page.goto(there)
    expect(page.get_by_text("A second factor is set up.")).to_be_visible()
    assert tab.violations_in_every_theme() == []
    tab.shoot("profile-way-on")
    page.get_by_role("link", name="Go on to where you were").click()
    asked(tab)
    page.get_by_role("button", name="Allow").click()
    heard = program.heard()
    assert heard["state"] == "s&1"
    assert program.status(program.token(heard["code"])) == 200


def test_the_question_on_a_narrow_screen_and_one_that_is_wrong(
    visit: Visit, model: SimulatedProvider, program: Program
) -> None:
    ann = visit.by("ann", size=NARROW).go(program.page(scope="all"))
    asked(ann)
    expect(ann.page.get_by_role("button", name="Allow")).to_be_enabled()
    wide = ann.page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= NARROW[0]
    found = ann.violations()
    ann.shoot("authorize-narrow")
    ann.page.get_by_role("button", name="Allow").scroll_into_view_if_needed()
    ann.shoot("authorize-narrow-buttons")
    ann.go(program.page(redirect_uri="https://evil.example/"))
    expect(ann.page.get_by_role("alert")).to_contain_text("Codes are not sent to this address")
    expect(ann.page.get_by_role("button", name="Allow")).to_have_count(0)
    found += ann.violations()
    ann.shoot("authorize-wrong")
    assert not found, "\n".join(found)
    assert program.told.empty()
    # A question that only its program can put right is told to the program.
    ann.go(program.page(scope="everything"))
    heard = program.heard()
    assert heard.pop("error_description").startswith("Known are:")
    assert heard == {"error": "invalid_scope", "state": "s&1", "iss": ann.base}
