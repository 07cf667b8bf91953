"""Fixtures of the browser suite: one browser for the run, fresh windows for each test."""

import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.browser import SCREENSHOT_DIR, Visit, launch, visiting
from tests.support.up import Up, up
from tests.support.web import Process, Web
from webui import buildinfo


@pytest.fixture(scope="session")
def chromium_browser() -> Iterator[Browser]:
    """The one browser; the interface that it shows is the one that stands in the sources."""
    state = buildinfo.state()
    assert state.state == "fresh", f"{state.detail} Run {state.command} first."
    with sync_playwright() as playwright:
        # Playwright's loop runs in this thread, where Django would refuse every query.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def visit(
    chromium_browser: Browser, worker_process: Process, web: Web, request: pytest.FixtureRequest
) -> Iterator[Visit]:
    """People of the cast in front of the interface."""
    with visiting(chromium_browser, web.base, web) as running:
        yield running
        keep_pictures_of_failure(request, running)


@pytest.fixture
def fresh_up(tmp_path: Path) -> Iterator[Up]:
    """What a person has after `./soma up` in a fresh clone."""
    # A busy machine must not turn "recalled" into "late": lateness has its own tests.
    with up(tmp_path / "var", command=("./soma",), SA01_RECALL_DEADLINE_MS="5000") as run:
        yield run.wait_ready()


@pytest.fixture
def first_visit(
    chromium_browser: Browser, fresh_up: Up, request: pytest.FixtureRequest
) -> Iterator[Visit]:
    """Somebody who has just started it and opens the address that it printed."""
    with visiting(chromium_browser, fresh_up.address) as running:
        yield running
        keep_pictures_of_failure(request, running)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave the outcome where the fixture finds it."""
    report: pytest.TestReport = yield
    if report.when == "call":
        item.stash[_OUTCOME] = report.failed
    return report


_OUTCOME = pytest.StashKey[Any]()


def keep_pictures_of_failure(request: pytest.FixtureRequest, visit: Visit) -> None:
    """What was seen when the test failed."""
    if not request.node.stash.get(_OUTCOME, False):
        return
    SCREENSHOT_DIR.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", request.node.name)
    for number, page in enumerate(visit.pages(), 1):
        page.screenshot(path=SCREENSHOT_DIR / f"failed-{name}-{number}.png")
