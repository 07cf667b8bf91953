"""What people see when something is away, and what platform admins can do about it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.support.browser import NARROW, Tab, Visit, visiting
from tests.support.cast import Cast
from tests.support.models import add_provider, remove_all
from tests.support.simulator import SimulatedProvider, simulated_provider
from tests.support.web import Web, running

QUICK = {"SA01_HEALTH_INTERVAL_S": "1", "SA01_BREAKER_REST_S": "8"}
# A look, a rest and a push, on a busy machine.
SOON_MS, LATER_MS = 10_000, 30_000
TITLE = {"when": "Give this conversation a title", "reply": "A short talk"}
DOWN = {"when": ".", "fail": "500"}
WELL = {"when": ".", "reply": "I hear you."}


@pytest.fixture
def provider() -> Iterator[SimulatedProvider]:
    """A model of this test's own."""
    with simulated_provider() as model:
        yield model


@pytest.fixture
def quick(
    chromium_browser: object, cast: Cast, var_dir: object, provider: SimulatedProvider
) -> Iterator[Visit]:
    """People in front of a web process that looks often; its model is the test's own."""
    with running(Web(var_dir, QUICK)) as web:  # type: ignore[arg-type]
        add_provider(web, provider.base_url)
        with visiting(chromium_browser, web.base, web) as visit:  # type: ignore[arg-type]
            yield visit
        remove_all(web)


def banner(tab: Tab) -> Locator:
    return tab.page.get_by_test_id("health-banner")


def ask_in_vain(tab: Tab, times: int = 3) -> None:
    """As many failed calls as open a breaker."""
    for number in range(times):
        tab.ask(f"Question {number}?")


def test_people_read_what_is_limited_and_that_it_is_over(
    quick: Visit, provider: SimulatedProvider
) -> None:
    provider.script(TITLE, WELL)
    ann, bob = quick.by("ann").go().is_live(), quick.by("bob").go().is_live()
    expect(banner(ann)).to_have_attribute("data-level", "none")
    provider.script(DOWN)
    ask_in_vain(ann)
    # Bob asked nothing: he is told by push.
    for tab in (ann, bob):
        expect(banner(tab)).to_have_attribute("data-level", "severe", timeout=SOON_MS)
        expect(banner(tab)).to_contain_text("The language model cannot be reached.")
        expect(banner(tab)).to_contain_text("Answers come from memory alone.")
        expect(banner(tab)).to_contain_text(re.compile(r"Since \d"))
        expect(banner(tab)).to_contain_text("It is tried again by itself")
        # Causes are for operators.
        expect(banner(tab)).not_to_contain_text("Simulator")
        expect(tab.page.get_by_role("link", name="Look into it")).to_have_count(0)
    ann.shoot("health-banner-member")
    assert ann.violations() == []
    # Someone who comes only now is told as well, on whatever page.
    late = quick.by("viewer").go("/agents")
    expect(banner(late)).to_have_attribute("data-level", "severe")
    late.page.close()
    provider.script(TITLE, WELL)
    for tab in (ann, bob):
        expect(banner(tab)).to_have_attribute("data-level", "none", timeout=LATER_MS)
        expect(banner(tab)).to_have_text("")
    expect(ann.announcements).to_contain_text("Everything works again.")
    ann.ask("And now?")
    expect(ann.words).to_have_text("I hear you.")
    # What the turns before went without stays with them.
    expect(ann.answers.first).to_contain_text("No language model could be reached")
    ann.page.reload()
    expect(ann.answers.first).to_contain_text("No language model could be reached")


def test_a_platform_admin_sees_causes_and_closes_the_breaker(
    quick: Visit, provider: SimulatedProvider
) -> None:
    provider.script(DOWN)
    ann = quick.by("ann").go().is_live()
    platform = quick.by("platform").go().is_live()
    platform.account("Health")
    page = platform.page.get_by_test_id("health-page")
    services = platform.page.get_by_test_id("services")
    expect(services.locator('[data-service="database"]')).to_contain_text("Well")
    expect(page.get_by_test_id("level")).to_have_text(re.compile("Everything works"))
    platform.shoot("health-page-well")
    assert platform.violations() == []
    ask_in_vain(ann)
    expect(banner(platform)).to_contain_text("scripted at Simulator", timeout=SOON_MS)
    expect(page.get_by_test_id("level")).to_have_attribute("data-level", "severe")
    expect(services.locator('[data-service="llm"]')).to_contain_text("Away")
    expect(page.locator('[data-affected="llm"]')).to_contain_text("answered from memory alone")
    breaker = platform.page.get_by_test_id("breakers").locator("[data-breaker]").first
    expect(breaker).to_contain_text("Open: left alone for another")
    platform.shoot("health-page-model-down")
    assert platform.violations() == []
    provider.script(TITLE, WELL)
    breaker.get_by_role("button", name="Close the breaker of scripted at Simulator").click()
    expect(platform.page.get_by_text("go through again.")).to_be_visible()
    expect(breaker).to_contain_text("Closed: calls go through")
    expect(banner(ann)).to_have_attribute("data-level", "none", timeout=SOON_MS)
    ann.ask("Back?")
    expect(ann.words).to_have_text("I hear you.")


def test_on_a_phone_the_banner_leaves_room_and_the_page_does_not_scroll_sideways(
    quick: Visit, provider: SimulatedProvider
) -> None:
    provider.script(DOWN)
    phone = quick.by("platform", NARROW).go().is_live()
    ask_in_vain(phone)
    expect(banner(phone)).to_have_attribute("data-level", "severe", timeout=SOON_MS)
    phone.shoot("health-banner-phone")
    expect(phone.field).to_be_in_viewport()
    phone.go("/platform/health")
    expect(phone.page.get_by_test_id("services")).to_be_visible()
    phone.shoot("health-page-phone")
    sideways = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert phone.page.evaluate(sideways) is False


def test_the_page_is_for_platform_admins(visit: Visit) -> None:
    ann = visit.by("ann").go("/platform/health")
    expect(ann.page.get_by_text("This page is for administrators of the platform")).to_be_visible()
    ann.page.locator(".account").click()
    menu = ann.page.get_by_role("menu").filter(visible=True)
    expect(menu.get_by_text("Health", exact=True)).to_have_count(0)
