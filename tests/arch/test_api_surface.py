"""Every operation: reachable, authenticated, described, with a response schema, and tested."""

import inspect
import itertools
import re
from pathlib import Path

import pytest
from django.urls import Resolver404, resolve

from somaagent.api import api
from tests.support.operations import PUBLIC

ROOT = Path(__file__).resolve().parents[2]
STREAMS = {"turns_events"}
REDIRECTS = {"oauth_start", "oauth_callback"}
SCHEMA = api.get_openapi_schema(path_prefix="/api/v2/")
OPERATIONS = [
    (path, method, operation)
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
]
IDS = [operation["operationId"] for _, _, operation in OPERATIONS]


def test_operation_ids_are_unique_and_many() -> None:
    assert len(IDS) == len(set(IDS))
    assert len(IDS) >= 30


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=IDS)
def test_operation_is_reached_by_its_own_path(path: str, method: str, operation: dict) -> None:
    """A static path that a parameter route shadows would resolve to another view."""
    concrete = re.sub(r"\{[^}]+\}", "00000000-0000-7000-8000-000000000000", path)
    try:
        view = resolve(concrete).func
    except Resolver404:
        pytest.fail(f"{path} is not routed")
    path_view = inspect.getclosurevars(view).nonlocals["self"]
    found = path_view._find_operation(_request(method))
    assert found is not None
    assert (found.operation_id or "") == operation["operationId"]


def _request(method: str) -> object:
    from django.test import RequestFactory

    return RequestFactory().generic(method.upper(), "/")


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=IDS)
def test_operation_requires_sign_in_and_says_what_it_does(
    path: str, method: str, operation: dict
) -> None:
    is_public = operation["operationId"] in PUBLIC
    assert bool(operation.get("security")) is not is_public
    assert operation.get("description") or operation.get("summary")
    assert operation["tags"]


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=IDS)
def test_operation_declares_its_answer(path: str, method: str, operation: dict) -> None:
    if operation["operationId"] in REDIRECTS:
        assert 302 in operation["responses"]
        return
    successes = [code for code in operation["responses"] if str(code).startswith("2")]
    assert successes
    if operation["operationId"] in STREAMS or "204" in map(str, successes):
        return
    assert all("content" in operation["responses"][code] for code in successes)


@pytest.mark.parametrize("operation_id", IDS)
def test_operation_is_called_by_a_test(operation_id: str) -> None:
    path, method = next(
        (path, method) for path, method, one in OPERATIONS if one["operationId"] == operation_id
    )
    assert (method, _shape(path)) in _called(), f"no test calls {method.upper()} {path}"


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path.removeprefix("/api/v2")).rstrip("/")


def _called() -> set[tuple[str, str]]:
    """(method, path shape) of every literal call in the suites that speak HTTP."""
    pattern = re.compile(r"""\.(get|post|patch|put|delete)\(\s*f?(["'])(/(?:(?!\2).)*)""")
    files = itertools.chain.from_iterable(
        (ROOT / "tests" / suite).rglob("*.py")
        for suite in ("integration", "contract", "chaos", "browser", "support")
    )
    return {
        (method, _shape(path))
        for file in files
        for method, _, path in pattern.findall(file.read_text())
    }
