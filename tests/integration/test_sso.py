"""Single sign-on through a real Keycloak, as a browser does it, and how it is set up."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from django.conf import settings

from kernel.egress import EgressRefused
from saas.identity import onetime
from saas.models import Membership, User
from saas.sso import discovery, web
from tests.support.cast import Cast
from tests.support.keycloak import CLIENT_ID, CLIENT_SECRET, Realm, realm_at, sign_in_at
from tests.support.web import Client, Web, eventually

CALLBACK = "/api/v2/auth/oauth/callback"


@pytest.fixture(scope="module")
def realm(keycloak: str, web_process: Web) -> Realm:
    made = realm_at(keycloak, f"{web_process.base}{CALLBACK}")
    for email in (
        "ann@example.org",
        "new@example.org",
        "platform@example.org",
        "eve@other.example",
    ):
        made.add_person(email)
    made.add_person("unproven@example.org", is_verified=False)
    return made


def set_up(web: Web, realm: Realm, **changes: Any) -> str:
    """A provider of Acme that speaks for example.org."""
    body = {
        "name": "Keycloak", "kind": "oidc", "issuer": realm.issuer, "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    } | changes  # fmt: skip
    sysadmin = Client(web, "sysadmin")
    made = sysadmin.post("/sso/providers", body)
    assert made.status_code == 201, made.text
    assert CLIENT_SECRET not in made.text
    sso_id = str(made.json()["id"])
    assert sysadmin.post(
        f"/sso/providers/{sso_id}/domains", {"domain": "Example.org"}
    ).status_code == 201  # fmt: skip
    confirm(sso_id)
    return sso_id


def confirm(sso_id: str) -> None:
    """As a platform admin would, who knows the tenant."""
    from kernel.clock import now
    from kernel.db import platform_unit
    from saas.sso.models import SsoDomain

    with platform_unit("test") as alias:
        SsoDomain.objects.using(alias).filter(provider_id=sso_id).update(confirmed_at=now())


@pytest.fixture
def visitor(web: Web) -> Iterator[httpx.Client]:
    # As a browser on a link of our own page.
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    with httpx.Client(base_url=f"{web.base}/api/v2", timeout=30, headers=headers) as client:
        yield client


def sign_in(web: Web, visitor: httpx.Client, sso_id: str, who: str, to: str = "/") -> str:
    """The whole way; where the browser ends."""
    out = visitor.get(f"/auth/oauth/{sso_id}", params={"next": to})
    assert out.status_code == 302, out.text
    back = sign_in_at(visitor, out.headers["location"], who)
    assert back.status_code == 302, back.text[:500]
    done = visitor.get(back.headers["location"])
    assert done.status_code == 302, done.text
    return str(done.headers["location"])


def me(web: Web, visitor: httpx.Client) -> httpx.Response:
    return visitor.get("/auth/me", headers={"Accept": "application/json"})


@pytest.mark.asvs("10.5.2")
def test_a_person_of_the_company_comes_in_for_the_first_time(
    web: Web, cast: Cast, realm: Realm, visitor: httpx.Client
) -> None:
    sso_id = set_up(web, realm, default_role="viewer")
    asked = Client(web).post("/auth/oauth/route", {"email": "New@Example.org"})
    assert asked.json() == {"provider_id": sso_id}
    elsewhere = Client(web).post("/auth/oauth/route", {"email": "a@other.example"})
    assert elsewhere.json() == {"provider_id": None}

    assert sign_in(web, visitor, sso_id, "new", to="/memory?tab=1") == "/memory?tab=1"
    found = me(web, visitor).json()
    assert (found["user"]["email"], found["tenant"]["slug"]) == ("new@example.org", "acme")
    assert (found["role"], found["user"]["display_name"]) == ("viewer", "New Keys")
    assert Client(web).sign_in("new@example.org", "!").status_code == 401
    acts = [one["action"] for one in Client(web, "sysadmin").get("/audit").json()["items"]]
    assert "person.joined" in acts
    assert "sso_domain.added" in acts

    # A second time it is the same person.
    visitor.cookies.clear()
    sign_in(web, visitor, sso_id, "new")
    assert User.objects.filter(email="new@example.org").count() == 1


def test_a_confirmed_address_is_the_person_who_has_it_already(
    web: Web, cast: Cast, realm: Realm, visitor: httpx.Client
) -> None:
    sso_id = set_up(web, realm)
    assert sign_in(web, visitor, sso_id, "ann", to="//evil.example/") == "/"
    found = me(web, visitor).json()
    assert (found["user"]["id"], found["role"]) == (str(cast.ann.user_id), "member")
    assert Client(web, "sysadmin").get("/sso/providers").json()["items"][0]["people"] == 1


@pytest.mark.asvs("6.8.1")
def test_those_for_whom_the_provider_does_not_speak_stay_outside(
    web: Web, cast: Cast, realm: Realm, visitor: httpx.Client
) -> None:
    sso_id = set_up(web, realm)
    for who, code in (
        ("unproven", "sso-refused"),
        ("eve", "sso-not-for-you"),
        ("platform", "sso-not-for-you"),
    ):
        visitor.cookies.clear()
        # Where they wanted to go is kept for another way in.
        end = sign_in(web, visitor, sso_id, who, to="/authorize?state=a%26b")
        assert end == f"/sign-in?refused={code}&next=%2Fauthorize%3Fstate%3Da%2526b"
        assert me(web, visitor).status_code == 401
    assert not User.objects.filter(email__in=["unproven@example.org", "eve@other.example"]).exists()

    # Who was suspended stays so, and a domain that was taken away counts no longer.
    sysadmin = Client(web, "sysadmin")
    ann = cast.ann.user_id
    sysadmin.post(f"/people/{ann}/suspend", {"reason": "left the company"})
    visitor.cookies.clear()
    assert sign_in(web, visitor, sso_id, "ann") == "/sign-in?refused=sso-not-for-you"
    sysadmin.post(f"/people/{ann}/resume")
    domain = "example.org"
    assert sysadmin.delete(f"/sso/providers/{sso_id}/domains/{domain}").status_code == 204
    visitor.cookies.clear()
    assert sign_in(web, visitor, sso_id, "ann") == "/sign-in?refused=sso-not-for-you"
    assert Membership.objects.filter(user_id=ann, tenant_id=cast.acme_id).count() == 1


@pytest.mark.asvs("10.1.2", "10.2.1", "10.2.2")
def test_what_comes_back_is_bound_to_the_browser_and_works_once(
    web: Web, cast: Cast, realm: Realm, visitor: httpx.Client
) -> None:
    sso_id = set_up(web, realm)
    out = visitor.get(f"/auth/oauth/{sso_id}").headers["location"]
    asked = parse_qs(urlsplit(out).query)
    assert asked["redirect_uri"] == [f"{web.base}{CALLBACK}"]
    assert asked["code_challenge_method"] == ["S256"]
    back = sign_in_at(visitor, out, "ann").headers["location"]

    def refused(client: httpx.Client, address: str) -> str:
        answer = client.get(address, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (401, "sso-refused"), answer.text
        return str(answer.json()["detail"])

    # Another browser has another cookie, or none.
    with httpx.Client() as thief:
        assert "begun elsewhere" in refused(thief, back)
        thief.cookies.set("soma_sso", "x" * 43)
        assert "begun elsewhere" in refused(thief, back)
    wrong_state = back.replace(f"state={asked['state'][0]}", "state=forged")
    assert "begun elsewhere" in refused(visitor, wrong_state)
    assert visitor.get(back).headers["location"] == "/"
    assert "finished already" in refused(visitor, back)

    # The same code with a state of a sign-in of one's own: the verifier does not fit.
    again = visitor.get(f"/auth/oauth/{sso_id}").headers["location"]
    state = parse_qs(urlsplit(again).query)["state"][0]
    code = parse_qs(urlsplit(back).query)["code"][0]
    brought = {"state": state, "code": code}
    wrong = visitor.get("/auth/oauth/callback", params=brought)
    assert wrong.headers["location"] == "/sign-in?refused=sso-refused"
    # The answer of another issuer (RFC 9207), and one without a code.
    for extra in ("code=x&iss=https://evil.example", "error=access_denied"):
        out = visitor.get(f"/auth/oauth/{sso_id}").headers["location"]
        state = parse_qs(urlsplit(out).query)["state"][0]
        refused(visitor, f"{web.base}{CALLBACK}?state={state}&{extra}")
    # A header of the request does not change where people come back to.
    poisoned = visitor.get(f"/auth/oauth/{sso_id}", headers={"X-Forwarded-Host": "evil.example"})
    assert "evil.example" not in poisoned.headers["location"]
    # Keycloak itself refuses an address that is off by a character.
    off = visitor.get(out.replace("callback", "callbacl"))
    assert off.status_code == 400


@pytest.mark.asvs("6.3.4", "6.8.4")
def test_a_second_factor_of_ones_own_is_still_asked_for(
    web: Web, cast: Cast, realm: Realm, visitor: httpx.Client
) -> None:
    from kernel.clock import now
    from saas.identity.models import AuthenticatorApp

    AuthenticatorApp.objects.create(user_id=cast.ann.user_id, sealed=b"x", confirmed_at=now())
    end = urlsplit(sign_in(web, visitor, set_up(web, realm), "ann", to="/memory"))
    assert (end.path, end.query) == ("/sign-in", "next=%2Fmemory")
    step = parse_qs(end.fragment)
    assert step["methods"] == ["code"]
    assert onetime.look("second-factor", step["challenge"][0]) is not None
    assert me(web, visitor).status_code == 401


@pytest.mark.asvs("10.5.3")
def test_the_test_button_says_what_is_wrong(web: Web, cast: Cast, realm: Realm) -> None:
    sso_id = set_up(web, realm)
    admin = Client(web, "sysadmin")

    def tried(**change: Any) -> tuple[bool, str]:
        assert admin.patch(f"/sso/providers/{sso_id}", change).status_code == 200
        said = admin.post(f"/sso/providers/{sso_id}/test").json()
        return said["is_ok"], said["findings"][-1]["detail"]

    assert tried(name="Ours") == (True, "It speaks for example.org.")
    is_ok, why = tried(client_secret="not-this-one")
    assert (is_ok, "does not accept the client's id with this secret" in why) == (False, True)
    is_ok, why = tried(client_id="nobody", client_secret=CLIENT_SECRET)
    assert (is_ok, "not registered there" in why) == (False, True)
    tried(client_id=CLIENT_ID)
    path = f"/sso/providers/{sso_id}/domains"
    admin.delete(f"{path}/example.org")
    assert tried() == (False, "No domain is confirmed yet: nobody can join by this provider.")
    is_ok, why = tried(issuer=f"{realm.issuer}/")
    assert (is_ok, "another issuer" in why) == (False, True)
    is_ok, why = tried(issuer=f"{realm.base}/realms/none")
    assert (is_ok, "status 404" in why) == (False, True)
    is_ok, why = tried(issuer="http://127.0.0.1:9/realm")
    assert (is_ok, "does not accept a connection" in why) == (False, True)
    assert admin.get("/sso/providers").json()["items"][0]["people"] == 0
    assert admin.delete(f"/sso/providers/{sso_id}").status_code == 204
    assert admin.get("/sso/providers").json()["items"] == []


def test_a_provider_that_is_away_closes_no_session(
    web: Web, cast: Cast, realm: Realm, visitor: httpx.Client
) -> None:
    sso_id = set_up(web, realm)
    sign_in(web, visitor, sso_id, "ann")
    Client(web, "sysadmin").patch(f"/sso/providers/{sso_id}", {"issuer": "http://127.0.0.1:9/x"})
    answer = visitor.get(f"/auth/oauth/{sso_id}", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (503, "sso-provider-away")
    shown = visitor.get(f"/auth/oauth/{sso_id}", params={"next": "/audit"})
    assert shown.headers["location"] == "/sign-in?refused=sso-provider-away&next=%2Faudit"
    assert me(web, visitor).status_code == 200


@pytest.mark.asvs("7.6.2")
@pytest.mark.parametrize(
    ("headers", "begins"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        # Typed, from a bookmark or a mail: somebody's own act.
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Referer": "{base}/sign-in"}, False),
        ({"Referer": "{base}/sign-in"}, True),
        ({"Referer": "http://evil.example/{base}"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_another_sites_page_begins_no_sign_in(
    web: Web, cast: Cast, headers: dict[str, str], *, begins: bool
) -> None:
    told = {name: value.format(base=web.base) for name, value in headers.items()}
    with httpx.Client(base_url=f"{web.base}/api/v2", headers=told) as browser:
        # There is no such provider, which only those hear who may ask.
        answer = browser.get(f"/auth/oauth/{uuid4()}")
        assert answer.json()["code"] == ("sso-provider-unknown" if begins else "csrf-failed")
        shown = browser.get(f"/auth/oauth/{uuid4()}", headers={"Accept": "text/html"})
        code = "sso-provider-unknown" if begins else "csrf-failed"
        assert shown.headers["location"] == f"/sign-in?refused={code}"
        assert not browser.cookies


@pytest.mark.asvs("7.6.1")
def test_signing_out_at_the_company_ends_what_is_open_here(
    web: Web, cast: Cast, realm: Realm, visitor: httpx.Client
) -> None:
    sso_id = set_up(web, realm)
    realm.tell_of_sign_outs(f"{web.base}/api/v2/auth/oauth/{sso_id}/backchannel")
    sign_in(web, visitor, sso_id, "ann")
    bystander = Client(web, "bob")
    assert me(web, visitor).status_code == 200
    realm.sign_out("ann")
    eventually(lambda: me(web, visitor).status_code == 401, "the session goes on")
    assert bystander.get("/auth/me").status_code == 200
    forged = visitor.post(f"/auth/oauth/{sso_id}/backchannel", data={"logout_token": "a.b.c"})
    assert (forged.status_code, forged.json()["code"]) == (401, "sso-refused")


def test_setting_up_refuses_what_would_hurt(web: Web, cast: Cast) -> None:
    admin = Client(web, "sysadmin")
    good = {"name": "G", "kind": "github", "client_id": "c", "client_secret": "s"}
    for wrong in (
        {"default_role": "admin"},
        {"default_role": "sysadmin"},
        {"kind": "saml"},
        {"client_secret": "with space"},
        {"name": " "},
        {"kind": "oidc", "issuer": "http://169.254.169.254/latest"},
        {"kind": "oidc", "issuer": "file:///etc/passwd"},
        {"kind": "oidc", "issuer": ""},
    ):
        assert admin.post("/sso/providers", good | wrong).status_code == 422, wrong
    sso_id = admin.post("/sso/providers", good).json()["id"]
    assert admin.post("/sso/providers", good).json()["code"] == "sso-name-taken"
    path = f"/sso/providers/{sso_id}/domains"
    assert admin.post(path, {"domain": "not a domain"}).status_code == 422
    assert admin.post(path, {"domain": "acme.invalid"}).status_code == 201
    assert admin.post(path, {"domain": "acme.invalid"}).json()["code"] == "sso-domain-taken"
    # Nobody shows the proof there.
    domain = "acme.invalid"
    unproven = admin.post(f"/sso/providers/{sso_id}/domains/{domain}/confirm")
    assert unproven.json()["code"] == "sso-domain-unproven"
    route = Client(web).post("/auth/oauth/route", {"email": "x@acme.invalid"})
    assert route.json() == {"provider_id": None}
    # Or whoever runs the platform says so, who belongs to another tenant.
    platform = Client(web, "platform")
    (waiting,) = platform.get("/sso/domains/waiting").json()["items"]
    assert (waiting["domain"], waiting["tenant_name"]) == ("acme.invalid", "Acme")
    assert platform.post(f"/sso/domains/{waiting['id']}/approve").status_code == 204
    assert platform.get("/sso/domains/waiting").json()["items"] == []
    assert platform.post(f"/sso/domains/{sso_id}/approve").status_code == 404
    route = Client(web).post("/auth/oauth/route", {"email": "x@acme.invalid"})
    assert route.json() == {"provider_id": sso_id}
    # An admin looks and tests; who comes in is the sysadmin's to say.
    assert Client(web, "admin").get("/sso/providers").status_code == 200
    assert Client(web, "admin").delete(f"/sso/providers/{sso_id}").status_code == 403


def test_private_addresses_are_for_operators_who_say_so(
    database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = settings.SOMA.model_copy(update={"sso_private_addresses": False})
    monkeypatch.setattr(settings, "SOMA", strict)
    for url in ("http://id.example", "https://127.0.0.1/x", "https://10.0.0.1", "https://[::1]/x"):
        with pytest.raises(EgressRefused):
            web.check_url(url)
    # Also where a name leads there only when it is called.
    with pytest.raises(web.ProviderAway, match="may not be called"):
        web.get_json("https://localhost/x")


def test_keys_are_looked_up_again_when_they_change(
    web: Web, realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    discovery.forget()
    place = discovery.metadata(realm.issuer)
    (kid,) = discovery.keys(place.jwks_uri, None).as_dict()["keys"]
    asked = []
    monkeypatch.setattr(discovery, "read_keys", lambda uri: asked.append(uri) or {})
    assert discovery.keys(place.jwks_uri, kid["kid"]).keys
    assert asked == []
    monkeypatch.setattr(discovery, "KEYS_AGAIN_AFTER_S", 0.0)
    discovery.keys(place.jwks_uri, "a-new-one")
    assert asked == [place.jwks_uri]
