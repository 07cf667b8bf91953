"""Each dependency stopped, slow or failing: what people read on their page, and chat goes on.

One web process whose lines to database, Valkey, brain and model a test can break. What is asserted
is the text of the page in a real browser. Half-open breakers are what the returns go through.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import expect

from tests.support import chaos
from tests.support.brain_service import BrainService, issued_token
from tests.support.browser import Tab, Visit, visiting
from tests.support.chaos import Installation
from tests.support.faulty_line import FAILING, STOPPED, WELL, Fault, Line, line, slow
from tests.support.models import add_provider, remove_all
from tests.support.web import eventually, running

pytestmark = pytest.mark.slow

SEEN_MS, WELL_MS, ANSWERED_MS = 15_000, 40_000, 60_000
QUICK = {
    "SA01_HEALTH_INTERVAL_S": "2",
    "SA01_BREAKER_REST_S": "2",
    "SA01_MODEL_FIRST_TOKEN_S": "3",
    "SA01_RECALL_DEADLINE_MS": "1500",
}
NO_MODEL = "No language model could be reached"
NO_MEMORY = "without"


@dataclass
class Scene:
    """Ann in front of her page, and the lines behind it."""

    tab: Tab
    lines: dict[str, Line]
    asked: int = 0
    shown: list[str] = field(default_factory=list)

    @property
    def banner(self) -> str:
        return self.tab.page.get_by_test_id("health-banner").inner_text()

    def reads(self, words: str, within_ms: int = SEEN_MS) -> None:
        expect(self.tab.page.get_by_test_id("health-banner")).to_contain_text(
            re.compile(words), timeout=within_ms
        )
        self.shown.append(self.banner)

    def is_well(self) -> None:
        expect(self.tab.page.get_by_test_id("health-banner")).to_have_text("", timeout=WELL_MS)

    def asks(self) -> None:
        self.asked += 1
        self.tab.field.fill(f"Question {self.asked}?")
        self.tab.field.press("Enter")

    def is_answered(self, words: str = "I hear you.") -> None:
        expect(self.tab.questions).to_have_count(self.asked, timeout=ANSWERED_MS)
        expect(self.tab.answers).to_have_count(self.asked, timeout=ANSWERED_MS)
        expect(self.tab.answer).to_contain_text(words, timeout=ANSWERED_MS)
        # What is asked next must not meet an answer that is still written.
        self.tab.ended(within_ms=ANSWERED_MS)


@pytest.fixture(scope="module")
def scene(made: Installation, chromium_browser: object) -> Iterator[Scene]:
    with ExitStack() as stack:
        model = stack.enter_context(chaos.model_of(made))
        made.fresh(model)
        environ = {"SA01_VAR_DIR": str(made.var_dir)}
        brain = stack.enter_context(running(BrainService(made.var_dir, environ)))
        at = urlsplit(model.base_url)
        # The names of the sockets are PostgreSQL's own; short, because paths of sockets are.
        sockets = made.var_dir / "lines"
        sockets.mkdir(exist_ok=True)
        lines = {
            "database": stack.enter_context(
                line(made.config.postgres_socket_dir / ".s.PGSQL.5432", sockets / ".s.PGSQL.5432")
            ),
            "redis": stack.enter_context(line(made.config.valkey_socket, sockets / "v.sock")),
            "somabrain": stack.enter_context(line(("127.0.0.1", brain.port))),
            "llm": stack.enter_context(line((str(at.hostname), int(at.port or 80)))),
        }
        web = stack.enter_context(
            running(
                made.another_web(
                    **QUICK,
                    **_databases(made, sockets),
                    SA01_REDIS_URL=f"unix://{sockets / 'v.sock'}",
                    SA01_BRAIN_ADAPTER="http",
                    SOMA_BRAIN_URL=f"http://127.0.0.1:{lines['somabrain'].port}",
                    SOMA_BRAIN_KEY=issued_token(made.var_dir),
                )
            )
        )
        # No other model that could answer instead.
        remove_all(web)
        add_provider(web, f"http://127.0.0.1:{lines['llm'].port}{at.path}", "Over the line")
        made.forget_model()
        model.script(
            {"when": "Give this conversation a title", "reply": "A talk"},
            {"when": ".", "reply": "I hear you."},
        )
        visit: Visit = stack.enter_context(visiting(chromium_browser, web.base, web))  # type: ignore[arg-type]
        tab = visit.by("ann").go().is_live()
        found = Scene(tab, lines)
        found.is_well()
        found.asks()
        found.is_answered()
        yield found
        for one in lines.values():
            one.set(WELL)
        tab.shoot("faults-seen-end")
        remove_all(made.web)


def _databases(made: Installation, sockets: Path) -> dict[str, str]:
    """The addresses of the embedded server, by the line."""
    here = quote(str(made.config.postgres_socket_dir), safe="")
    there = quote(str(sockets), safe="")
    roles = {"SA01_DB_DSN": "owner", "SA01_DB_APP_DSN": "app", "SA01_DB_PLATFORM_DSN": "platform"}
    return {
        name: made.config.effective_db_dsn(role).replace(here, there)  # type: ignore[arg-type]
        for name, role in roles.items()
    }


@pytest.mark.parametrize(
    ("fault", "reads"),
    [(slow(0.5), None), (slow(10.0), "Live updates are limited"), (STOPPED, "Live updates")],
    ids=["half-a-second", "ten-seconds", "stopped"],
)
def test_valkey(scene: Scene, fault: Fault, reads: str | None) -> None:
    scene.lines["redis"].set(fault)
    if reads is not None:
        scene.reads(reads)
        scene.reads("memories take longer")
    scene.asks()
    scene.is_answered()
    scene.lines["redis"].set(WELL)
    scene.is_well()


@pytest.mark.parametrize(
    ("fault", "reads"),
    [
        # Within the time that a turn waits for memory: nobody notices.
        (slow(0.5), None),
        (slow(10.0), "Answers go without memories of earlier conversations"),
        (STOPPED, "What you say is kept and will be remembered"),
        (FAILING, "Answers go without memories of earlier conversations"),
    ],
    ids=["half-a-second", "ten-seconds", "stopped", "failing"],
)
def test_the_brain(scene: Scene, fault: Fault, reads: str | None) -> None:
    scene.lines["somabrain"].set(fault)
    scene.asks()
    scene.is_answered()
    if reads is not None:
        scene.reads(reads)
    scene.lines["somabrain"].set(WELL)
    scene.is_well()
    scene.asks()
    scene.is_answered()


@pytest.mark.parametrize(
    ("fault", "reads", "answer"),
    [
        (slow(0.5), None, "I hear you."),
        (slow(10.0), "The language model cannot be reached|is slow or failed", NO_MODEL),
        (STOPPED, "The language model cannot be reached", NO_MODEL),
        (FAILING, "The language model", NO_MODEL),
    ],
    ids=["half-a-second", "ten-seconds", "stopped", "failing"],
)
def test_the_model(scene: Scene, fault: Fault, reads: str | None, answer: str) -> None:
    scene.lines["llm"].set(fault)
    scene.asks()
    scene.is_answered(answer)
    if reads is not None:
        scene.reads(reads)
    scene.lines["llm"].set(WELL)
    scene.is_well()
    scene.asks()
    scene.is_answered()


@pytest.mark.parametrize("fault", [slow(10.0), STOPPED], ids=["ten-seconds", "stopped"])
def test_the_database(scene: Scene, fault: Fault) -> None:
    scene.lines["database"].set(fault)
    scene.reads("The database cannot be reached, so nothing can be opened or sent")
    scene.reads("What you write is kept in this browser")
    scene.reads("What waits is sent by itself")
    scene.asks()
    expect(scene.tab.page.get_by_text(f"Question {scene.asked}?")).to_be_visible()
    scene.lines["database"].set(WELL)
    # Nobody sends it again: the page does.
    scene.is_answered()
    scene.is_well()


def test_a_database_that_is_slow_is_waited_for(scene: Scene) -> None:
    scene.lines["database"].set(slow(0.5))
    scene.asks()
    scene.is_answered()
    scene.lines["database"].set(WELL)
    scene.is_well()
    eventually(lambda: scene.banner == "", "the banner stays")
