"""A real browser on the real interface: how it starts, and what a person sees and does in it.

Tests read as a visit: `ann = visit.by("ann")`, `ann.say("hello")`, `expect(ann.answer)…`. Waiting
is Playwright's own; nothing here sleeps. Every page is watched: an uncaught error or a breach of
the content security policy fails the test in which it happened.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Playwright,
    expect,
)

from tests.support import chromium
from tests.support.web import Client, Web

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOT_DIR = ROOT / "test-report" / "screenshots"
AXE_FILE = ROOT / "webui" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
# Two cores are shared by browser, web, worker, PostgreSQL and Valkey.
PATIENCE_MS = 15_000
LAUNCH_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE = (1280, 800)
NARROW = (320, 640)
THEMES = ("light", "dark", "contrast")
# What the browser itself notes about answers that the tests provoke; the page's own words differ.
_EXPECTED_NOTES = ("Failed to load resource", "WebSocket connection to")


def launch(playwright: Playwright) -> Browser:
    """Start the browser that `./soma test` would use."""
    found = chromium.find_or_install(os.environ)
    if isinstance(found, chromium.Missing):
        raise RuntimeError(found.reason)
    expect.set_options(timeout=PATIENCE_MS)
    return playwright.chromium.launch(executable_path=found, args=LAUNCH_ARGUMENTS)


@dataclass(slots=True)
class Tab:
    """One tab of a person, with the parts of the interface that tests speak of."""

    page: Page
    base: str

    def go(self, path: str = "/chat") -> "Tab":
        """Open an address of the interface."""
        self.page.goto(self.base + path)
        return self

    @property
    def field(self) -> Locator:
        """Where messages are written."""
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def messages(self) -> Locator:
        """All messages of the conversation, oldest first."""
        return self.page.get_by_test_id("message")

    @property
    def questions(self) -> Locator:
        """What the person said."""
        return self.page.locator('[data-testid="message"][data-role="user"]')

    @property
    def answers(self) -> Locator:
        """What the agent said."""
        return self.page.locator('[data-testid="message"][data-role="assistant"]')

    @property
    def answer(self) -> Locator:
        """The newest answer."""
        return self.answers.last

    @property
    def words(self) -> Locator:
        """The text of the newest answer, without its surroundings."""
        return self.answer.locator("soma-markdown")

    @property
    def items(self) -> Locator:
        """Conversations in the list."""
        return self.page.get_by_test_id("conversation-item")

    @property
    def search(self) -> Locator:
        """The search field of the list."""
        return self.page.get_by_role("searchbox", name="Search conversations")

    @property
    def announcements(self) -> Locator:
        """The live region."""
        return self.page.get_by_test_id("announcements")

    def item(self, title: str) -> Locator:
        """The conversation of that title in the list."""
        return self.items.filter(has_text=title)

    def act(self, title: str, act: str) -> None:
        """Choose an act from the menu of a conversation in the list."""
        # A tab in the background paints once a second, and acting waits for paint.
        self.page.bring_to_front()
        self.item(title).hover()
        self.item(title).get_by_role("button", name=f"Acts for {title}").click()
        self.page.get_by_role("menuitem", name=act, exact=True).click()

    def account(self, act: str) -> None:
        """Choose an act from the account menu."""
        self.page.locator(".account").click()
        choices = self.page.get_by_role("menu").filter(visible=True)
        choices.get_by_text(act, exact=True).click()

    def say(self, text: str) -> "Tab":
        """Write and send."""
        self.field.fill(text)
        self.field.press("Enter")
        return self

    def ask(self, text: str) -> Locator:
        """Send, wait for the end of the answer and return it."""
        count = self.answers.count()
        self.say(text)
        expect(self.answers).to_have_count(count + 1)
        return self.ended()

    def ended(self, state: str = "done", within_ms: float = PATIENCE_MS) -> Locator:
        """Wait until the newest answer has ended so."""
        expect(self.answer).to_have_attribute("data-turn-state", state, timeout=within_ms)
        return self.answer

    def conversation_id(self) -> str:
        """Which conversation is open."""
        expect(self.page).to_have_url(re.compile(r"/chat/[0-9a-f-]{36}$"))
        return self.page.url.rsplit("/", 1)[1]

    def open_conversation(self, conversation_id: str) -> "Tab":
        """Open a conversation by its address and wait until it is shown."""
        self.go(f"/chat/{conversation_id}")
        expect(self.page.get_by_role("region", name="Messages")).to_be_visible()
        return self

    def is_live(self) -> "Tab":
        """Wait for the live connection."""
        state = self.page.get_by_test_id("connection-state")
        expect(state).to_have_attribute("data-state", "open")
        return self

    def shoot(self, name: str) -> "Tab":
        """Keep a picture of what is seen under test-report/screenshots."""
        SCREENSHOT_DIR.mkdir(parents=True, exist_ok=True)
        # Fonts of formulas are loaded late, and a half-drawn picture tells nothing.
        self.page.evaluate("() => document.fonts.ready")
        self.page.screenshot(path=SCREENSHOT_DIR / f"{name}.png", animations="disabled")
        return self

    def choose_theme(self, theme: str) -> "Tab":
        """Light, dark or contrast, as the person's choice."""
        self.page.evaluate("(theme) => localStorage.setItem('soma.theme', theme)", theme)
        self.page.reload()
        expect(self.page.locator("html")).to_have_attribute("data-theme", theme)
        return self

    def violations_in_every_theme(self) -> list[str]:
        """What axe-core finds in light, dark and high contrast."""
        found = []
        for theme in THEMES:
            self.page.evaluate("(t) => { document.documentElement.dataset.theme = t; }", theme)
            found += [f"{theme}: {one}" for one in self.violations()]
        return found

    def violations(self) -> list[str]:
        """What axe-core finds wrong with this page as it stands, in words."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE_FILE.read_text())
        # A colour in the middle of a transition is nobody's colour.
        self.page.evaluate(
            "() => Promise.all(document.getAnimations().map((one) => {"
            " if (one.effect?.getComputedTiming().endTime === Infinity) return null;"
            " return one.finished.catch(() => null); }))"
        )
        found: list[dict[str, Any]] = self.page.evaluate(
            "() => axe.run(document, {resultTypes: ['violations'], iframes: false})"
            ".then((results) => results.violations)"
        )
        return [
            f"{one['id']}: {one['help']}: {node['target']} {node['failureSummary']}"
            for one in found
            for node in one["nodes"]
        ]

    def focused(self) -> str:
        """What has the focus: its role or tag and its name; `body` when it is lost."""
        return str(
            self.page.evaluate(
                """() => {
                    const at = document.activeElement;
                    if (at === null || at === document.body) return "body";
                    const name = at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent
                        ?? at.textContent;
                    return `${at.tagName.toLowerCase()} ${name.trim().replaceAll(/\\s+/g, " ")}`;
                }"""
            )
        )


# No slots: Playwright keeps its wrapper of a listener on the listener's owner.
@dataclass
class Visit:
    """Everyone who looks at the interface in one test."""

    browser: Browser
    base: str
    web: Web | None = None
    faults: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def stranger(self, size: tuple[int, int] = WIDE, **options: Any) -> Tab:
        """Someone who is not signed in, in a browser of their own."""
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale="en-GB",
            timezone_id="UTC",
            permissions=["clipboard-read", "clipboard-write"],
            **options,
        )
        context.set_default_timeout(PATIENCE_MS)
        context.on("page", self._watch)
        self.contexts.append(context)
        return Tab(context.new_page(), self.base)

    def by(self, name: str, size: tuple[int, int] = WIDE, **options: Any) -> Tab:
        """Someone of the cast, signed in, at no page yet."""
        assert self.web is not None
        tab = self.stranger(size, **options)
        cookie = Client(self.web, name).http.cookies["soma_session"]
        tab.page.context.add_cookies(
            [{"name": "soma_session", "value": cookie, "url": self.web.base, "httpOnly": True}]
        )
        return tab

    def second_tab(self, of: Tab) -> Tab:
        """Another tab of the same person."""
        return Tab(of.page.context.new_page(), of.base)

    def close(self) -> None:
        """Close every browser window."""
        for context in self.contexts:
            context.close()

    def pages(self) -> list[Page]:
        """Every open tab."""
        return [page for context in self.contexts for page in context.pages]

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("console", self._listen)

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type != "error" or message.text.startswith(_EXPECTED_NOTES):
            return
        self.faults.append(f"console: {message.text}")


@contextmanager
def visiting(browser: Browser, base: str, web: Web | None = None) -> Iterator[Visit]:
    """A visit; a fault in any page fails it at the end."""
    visit = Visit(browser, base, web)
    try:
        yield visit
        assert not visit.faults, "\n".join(visit.faults)
    finally:
        visit.close()
