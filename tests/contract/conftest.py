"""Tells how much of `/v1` each client was tried with."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

CLIENTS = {
    "test_the_official_client_of_node": "openai (Node)",
    "test_litellm_as_a_client": "litellm",
    "test_langchain_as_a_client": "langchain-openai",
}
FEATURES = "features"


@pytest.fixture
def tell_features(request: pytest.FixtureRequest) -> Callable[[int], None]:
    """For a test that tries several features in one process: says how many."""
    return lambda count: request.node.user_properties.append((FEATURES, count))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line: features that passed, by client."""
    passed: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        if report.when == "call" and "contract/test_v1_" in report.nodeid:
            name = report.nodeid.rpartition("::")[2]
            count = dict(report.user_properties).get(FEATURES, 1)
            passed[CLIENTS.get(name, "openai (Python)")] += int(str(count))
    if passed:
        told = ", ".join(f"{name} {count}" for name, count in passed.most_common())
        terminalreporter.write_line(f"conformance of /v1, features passed: {told}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count the embedded brain's work before `manage.py brain`, which takes part, is started."""
    places = [place for place, one in enumerate(items) if one.path.name == "test_brain_port.py"]
    later = [items[place] for place in places]
    later.sort(key=lambda one: "[embedded" not in one.name)  # a stable sort
    for place, one in zip(places, later, strict=True):
        items[place] = one
