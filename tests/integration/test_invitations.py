"""Invitations: by whom, to which role, for whom, for how long, once."""

from datetime import timedelta
from typing import Any

import pytest

from kernel import clock
from saas.models import Membership, Tenant
from tests.integration.test_identity import NEW, anyone
from tests.support.cast import Cast
from tests.support.mailbox import link_in, mails_to
from tests.support.signed_in import Person, signed_in

GUEST = "guest@example.org"


def invited(by: str, emails: list[str], role: str = "member") -> Any:
    return signed_in(by).post("/invitations", {"emails": emails, "role": role})


def token_of(email: str = GUEST) -> str:
    return link_in(mails_to(email)[0])


def joined(token: str, person: Person | None = None) -> Any:
    body = {"token": token, "display_name": "Guest", "password": NEW}
    return (person or anyone()).post("/invitations/join", body)


def test_a_new_person_joins_by_a_link_once(cast: Cast) -> None:
    assert invited("admin", [GUEST]).status_code == 200
    token = token_of()
    shown = anyone().post("/invitations/look", {"token": token}).json()
    assert shown == {"tenant": "Acme", "email": GUEST, "role": "member", "has_account": False}
    browser = anyone()
    me = joined(token, browser).json()
    assert (me["tenant"]["slug"], me["role"], me["user"]["email"]) == ("acme", "member", GUEST)
    assert browser.get("/agents").status_code == 200
    assert joined(token).json()["code"] == "link-invalid"
    [item] = signed_in("admin").get("/invitations").json()["items"]
    assert item["state"] == "accepted"


def test_a_person_of_another_tenant_accepts_signed_in_and_nobody_else_does(cast: Cast) -> None:
    invited("admin", ["stranger@example.org"])
    token = token_of("stranger@example.org")
    assert anyone().post("/invitations/look", {"token": token}).json()["has_account"]
    assert anyone().post("/invitations/accept", {"token": token}).status_code == 401
    other = signed_in("platform").post("/invitations/accept", {"token": token})
    assert (other.status_code, other.json()["code"]) == (403, "invitation-of-another")
    # Nor can an account be made over one that exists.
    assert joined(token).json()["code"] == "email-taken"
    stranger = signed_in("stranger")
    me = stranger.post("/invitations/accept", {"token": token}).json()
    assert (me["tenant"]["slug"], len(me["memberships"])) == ("acme", 2)


def test_a_pasted_list_has_a_result_for_each_line(cast: Cast) -> None:
    emails = [GUEST, "not an address", "ann@example.org", GUEST, "Second@Example.org"]
    lines = invited("admin", emails).json()["lines"]
    assert [(one["email"], one["code"]) for one in lines] == [
        (GUEST, ""),
        ("not an address", "email-refused"),
        ("ann@example.org", "email-taken"),
        ("second@example.org", ""),
    ]
    # Inviting again replaces the link.
    first = token_of()
    invited("admin", [GUEST])
    assert joined(first).json()["code"] == "link-invalid"
    assert joined(token_of()).status_code == 200


def test_links_end_after_72_hours_and_by_hand(cast: Cast) -> None:
    admin = signed_in("admin")
    line = invited("admin", [GUEST]).json()["lines"][0]
    invitation_id = line["invitation"]["id"]
    token = token_of()
    with clock.shifted(timedelta(hours=72, seconds=1)):
        assert joined(token).json()["code"] == "link-invalid"
        assert (
            signed_in("admin").post(f"/invitations/{invitation_id}/resend").json()["state"]
            == "open"
        )
        token = token_of()
    assert admin.delete(f"/invitations/{invitation_id}").status_code == 204
    assert joined(token).json()["code"] == "link-invalid"
    assert admin.post(f"/invitations/{invitation_id}/resend").status_code == 410


@pytest.mark.parametrize(
    ("by", "role", "status"),
    [("ann", "member", 403), ("admin", "sysadmin", 403), ("sysadmin", "sysadmin", 200),
     ("admin", "king", 422)],
)  # fmt: skip
def test_nobody_invites_to_more_than_they_may_give(
    cast: Cast, by: str, role: str, status: int
) -> None:
    assert invited(by, [GUEST], role).status_code == status


def test_a_suspended_tenant_takes_nobody_in(cast: Cast) -> None:
    invited("admin", [GUEST])
    token = token_of()
    Tenant.objects.using("platform").filter(slug="acme").update(status="suspended")
    assert joined(token).json()["code"] == "link-invalid"
    assert not Membership.objects.filter(user__email=GUEST).exists()
