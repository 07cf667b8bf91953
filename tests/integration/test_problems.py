"""Failures that no operation raises itself are problems as well."""

import pytest

from tests.support.web import Client, Web


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/memory/search", "GET"),
        ("PUT", "/chat/conversations", "GET, POST"),
        ("PATCH", "/auth/login", "POST"),
    ],
)
def test_a_method_that_an_address_does_not_take_is_named(
    web: Web, no_model: None, method: str, path: str, allowed: str
) -> None:
    answer = Client(web, "ann").http.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.headers["allow"].split(", ")) == set(allowed.split(", "))
    assert answer.json()["code"] == "method-not-allowed"
    assert method in answer.json()["detail"]
