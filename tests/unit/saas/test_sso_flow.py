"""Where a sign-in may end."""

import pytest

from saas.sso.flow import NEXT_LIMIT, local_path


@pytest.mark.parametrize("path", ["/", "/chat", "/chat/1?tab=2#end", "/a//b", "/a:b@c"])
def test_our_own_pages_are_reached(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "", "chat", "//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example",
        "javascript:alert(1)", "/\t/evil.example", "/a\nb", " //evil.example", "/ä",
        "/" + "a" * NEXT_LIMIT, "/a\\b",
    ],
)  # fmt: skip
def test_everything_else_leads_home(path: str) -> None:
    assert local_path(path) == "/"
