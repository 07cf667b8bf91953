"""Who sees and who writes what: secrets are for those who made them."""

import json
import re

import pytest

from somaagent.generate import fields, reference

SECRET = re.compile(r"(client_|api_)?secret|password|(\w+_)?token|api_key|codes|ticket")


@pytest.fixture(scope="module")
def sheets() -> dict[str, fields.Sheet]:
    return {one.name: one for one in fields.sheets(json.loads(reference.openapi()))}


@pytest.mark.asvs("8.2.3")
def test_secrets_are_shown_once_to_who_made_them_and_never_again(
    sheets: dict[str, fields.Sheet],
) -> None:
    shown = {
        (one.name, name): sorted(one.seen_by)
        for one in sheets.values()
        for name in one.fields
        if one.seen_by and SECRET.fullmatch(name)
    }
    own, holder = fields.ONESELF, fields.NOBODY
    assert shown == {
        ("BegunOut", "access_token"): ["`platform.impersonate`"],
        ("MadeKeyOut", "secret"): ["`tenant.use`"],
        ("MeOut", "csrf_token"): ["`platform.impersonate`", own, holder],
        ("PairOut", "access_token"): [holder],
        ("PairOut", "refresh_token"): [holder],
        ("RecoveryCodesOut", "codes"): [own],
        ("ScimSecretOut", "secret"): ["`tenant.manage`"],
        ("SetupOut", "secret"): [own],
        ("TicketOut", "ticket"): [own],
    }


def test_what_a_body_and_an_answer_hold_inside_counts_as_theirs(
    sheets: dict[str, fields.Sheet],
) -> None:
    # Of a list of providers, and of the provider that was made.
    assert sheets["SsoDomainOut"].seen_by == {"`tenant.see_settings`", "`tenant.manage`"}
    assert sheets["SsoProviderIn"].written_by == {"`tenant.manage`"}
    assert sheets["SsoProviderIn"].seen_by == set()
    assert sheets["ConsentOut"].seen_by == {fields.ONESELF}
