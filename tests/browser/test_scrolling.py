"""On every page the page scrolls, never the document: the sidebar and its menu stay in sight."""

from playwright.sync_api import expect

from tests.support.browser import Visit
from tests.support.cast import Cast
from tests.support.simulator import SimulatedProvider

PAGES = {
    "ann": ("/chat", "/agents", "/memory", "/memory/graph", "/playground", "/profile", "/keys"),
    "sysadmin": (
        "/people", "/people/roles", "/sign-on", "/audit", "/setup", "/usage", "/rules", "/routing",
    ),
    "platform": (
        "/platform/providers", "/platform/prices", "/platform/routing", "/platform/spending",
        "/platform/health", "/platform/mode", "/platform/tenants", "/platform/acting",
        "/platform/events", "/platform/mails",
    ),
}  # fmt: skip
# Lower than what any page shows at first, so that nothing has to load before it overflows.
LOW = (1280, 400)


def test_the_document_never_scrolls(visit: Visit, model: SimulatedProvider, cast: Cast) -> None:
    for who, paths in PAGES.items():
        tab = visit.by(who, size=LOW)
        for path in paths:
            main = tab.go(path).page.get_by_role("main")
            expect(main).to_be_visible()
            high = tab.page.evaluate("document.documentElement.scrollHeight - window.innerHeight")
            assert high <= 0, path
