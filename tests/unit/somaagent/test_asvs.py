"""The table of docs/security.md claims what a mark shows, and nothing else."""

import pytest

from somaagent.generate import asvs


def test_each_requirement_has_a_test_a_line_or_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = asvs.evidence()
    assert (
        "tests/unit/saas/test_sso_claims.py::test_signatures_are_made_with_a_key_of_the_issuer"
        in (shown["6.8.2"])
    )
    assert "saas/identity/passwords.py: check_strength" in shown["6.2.5"]
    assert asvs.table().count("\n| ") == len(asvs.REQUIREMENTS) + len(asvs.CHAPTERS)
    without = {number: places for number, places in shown.items() if number != "6.8.2"}
    monkeypatch.setattr(asvs, "evidence", lambda: without)
    with pytest.raises(asvs.AsvsError, match=r"nothing shows 6\.8\.2"):
        asvs.table()
    monkeypatch.setattr(asvs, "evidence", lambda: shown | {"6.99.1": ["somewhere"]})
    with pytest.raises(asvs.AsvsError, match=r"no such requirement: 6\.99\.1"):
        asvs.table()
