"""Operations under /api/v2/sso (setting it up) and /api/v2/auth/oauth (signing in by it)."""

import secrets
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from ninja import Form, Query, Router, Schema, Status
from pydantic import Field

from kernel.errors import SomaError
from saas.api import cookies
from saas.api.auth import actor_of, address_of
from saas.identity.verbs import SecondStep
from saas.sso import domains, flow, logout, providers, trial
from saas.sso.exchange import redirect_uri

router = Router(tags=["sso"])
sign_in_router = Router(tags=["auth"])

BROWSER_COOKIE = "soma_sso"
SIGN_IN_PAGE = "/sign-in"


class SsoDomainOut(Schema):
    """A domain. `proof`: what https://<domain>/.well-known/somaagent-sso.txt is to contain."""

    domain: str
    proof: str
    confirmed_at: datetime | None


class SsoProviderOut(Schema):
    """An identity provider, without its secret. `people`: who signed in by it so far."""

    id: UUID
    name: str
    kind: str
    issuer: str
    client_id: str
    default_role: str
    is_enabled: bool
    domains: list[SsoDomainOut]
    people: int


class SsoProviderList(Schema):
    """Every provider, and the address to register with them."""

    items: list[SsoProviderOut]
    redirect_uri: str
    default_roles: list[str]


class SsoProviderIn(Schema):
    """A provider. `issuer` only with `oidc`, exactly as its discovery document says it."""

    name: str = Field(max_length=200)
    kind: Literal["oidc", "google", "github"]
    issuer: str = Field(default="", max_length=500)
    client_id: str = Field(max_length=500)
    client_secret: str = Field(max_length=1000)
    default_role: str = Field(default="member", max_length=20)


class SsoProviderChangeIn(Schema):
    """What is given is changed; the secret stays where none is given."""

    name: str | None = Field(default=None, max_length=200)
    issuer: str | None = Field(default=None, max_length=500)
    client_id: str | None = Field(default=None, max_length=500)
    client_secret: str | None = Field(default=None, max_length=1000)
    default_role: str | None = Field(default=None, max_length=20)
    is_enabled: bool | None = None


class SsoFindingOut(Schema):
    """One thing that was looked at, and what is wrong with it in words."""

    what: str
    is_ok: bool
    detail: str


class SsoTestOut(Schema):
    """What was looked at, in order; it stops at the first that is wrong."""

    is_ok: bool
    findings: list[SsoFindingOut]


class SsoDomainIn(Schema):
    """A domain of e-mail addresses."""

    domain: str = Field(max_length=200)


class SsoWaitingOut(Schema):
    """A domain that waits for somebody's word."""

    id: UUID
    domain: str
    tenant_name: str
    provider_name: str
    created_at: datetime


class SsoWaitingList(Schema):
    """The oldest of those that wait."""

    items: list[SsoWaitingOut]


class SsoAddressIn(Schema):
    """Whoever wants to sign in."""

    email: str = Field(max_length=254)


class SsoRouteOut(Schema):
    """Where people of this address sign in; null: here, with a password."""

    provider_id: UUID | None


@router.get("/providers", response=SsoProviderList, operation_id="sso_providers")
def list_providers(request: HttpRequest) -> dict[str, object]:
    """The tenant's identity providers."""
    return {
        "items": providers.list_providers(actor_of(request)),
        "redirect_uri": redirect_uri(),
        "default_roles": providers.DEFAULT_ROLES,
    }


@router.post("/providers", response={201: SsoProviderOut}, operation_id="sso_create_provider")
def create_provider(request: HttpRequest, body: SsoProviderIn) -> Status[object]:
    """Set up an identity provider."""
    draft = providers.ProviderDraft(**body.dict())
    return Status(201, providers.create_provider(actor_of(request), draft))


@router.patch("/providers/{sso_id}", response=SsoProviderOut, operation_id="sso_change_provider")
def change_provider(request: HttpRequest, sso_id: UUID, body: SsoProviderChangeIn) -> object:
    """Change it. Another issuer: its people are recognised anew."""
    change = providers.ProviderChange(**body.dict())
    return providers.change_provider(actor_of(request), sso_id, change)


@router.delete("/providers/{sso_id}", response={204: None}, operation_id="sso_delete_provider")
def delete_provider(request: HttpRequest, sso_id: UUID) -> Status[None]:
    """Remove it; people keep account and membership."""
    providers.delete_provider(actor_of(request), sso_id)
    return Status(204, None)


@router.post("/providers/{sso_id}/test", response=SsoTestOut, operation_id="sso_test_provider")
def test_provider(request: HttpRequest, sso_id: UUID) -> dict[str, object]:
    """Look whether it can work, and say what is wrong."""
    found = trial.try_provider(actor_of(request), sso_id)
    return {"is_ok": all(one.is_ok for one in found), "findings": found}


@router.post(
    "/providers/{sso_id}/domains", response={201: SsoDomainOut}, operation_id="sso_add_domain"
)
def add_domain(request: HttpRequest, sso_id: UUID, body: SsoDomainIn) -> Status[object]:
    """Name a domain that the provider is to speak for."""
    return Status(201, domains.add_domain(actor_of(request), sso_id, body.domain))


@router.post(
    "/providers/{sso_id}/domains/{domain}/confirm",
    response=SsoDomainOut,
    operation_id="sso_confirm_domain",
)
def confirm_domain(request: HttpRequest, sso_id: UUID, domain: str) -> object:
    """Look for the proof on the domain's web server."""
    return domains.confirm_domain(actor_of(request), sso_id, domain)


@router.delete(
    "/providers/{sso_id}/domains/{domain}",
    response={204: None},
    operation_id="sso_remove_domain",
)
def remove_domain(request: HttpRequest, sso_id: UUID, domain: str) -> Status[None]:
    """The provider speaks for it no longer."""
    domains.remove_domain(actor_of(request), sso_id, domain)
    return Status(204, None)


@router.get("/domains/waiting", response=SsoWaitingList, operation_id="sso_waiting_domains")
def waiting_domains(
    request: HttpRequest, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> dict[str, object]:
    """Domains of all tenants that are not confirmed, for the platform's administrators."""
    return {"items": domains.list_waiting(actor_of(request), limit)}


@router.post(
    "/domains/{domain_id}/approve", response={204: None}, operation_id="sso_approve_domain"
)
def approve_domain(request: HttpRequest, domain_id: UUID) -> Status[None]:
    """Confirm a tenant's domain as an administrator of the platform."""
    domains.approve_domain(actor_of(request), domain_id)
    return Status(204, None)


@sign_in_router.post("/oauth/route", response=SsoRouteOut, auth=None, operation_id="oauth_route")
def route(request: HttpRequest, body: SsoAddressIn) -> dict[str, object]:
    """Which provider the people of this address sign in with."""
    del request
    return {"provider_id": domains.provider_for(body.email)}


@sign_in_router.get(
    "/oauth/callback", response={302: None}, auth=None, operation_id="oauth_callback"
)
def callback(
    request: HttpRequest,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
    iss: Annotated[str, Query(max_length=500)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> HttpResponse:
    """Where providers send people back. Ends on the page that was wanted, signed in."""
    response = HttpResponseRedirect(SIGN_IN_PAGE)
    visitor = cookies.knock(request, response)
    browser = request.COOKIES.get(BROWSER_COOKIE, "")
    try:
        arrival = flow.finish(flow.Returned(state, code, iss, error), browser, visitor)
    except SomaError as exc:
        return _refused(request, response, exc, flow.wanted_path(state))
    if isinstance(arrival.found, SecondStep):
        # After the #: no server on the way writes it into its log.
        step = {"challenge": arrival.found.challenge, "methods": ",".join(arrival.found.methods)}
        wanted = urlencode({"next": arrival.next_path})
        response["Location"] = f"{SIGN_IN_PAGE}?{wanted}#{urlencode(step)}"
        return response
    cookies.enter(response, arrival.found)
    response["Location"] = arrival.next_path
    return response


@sign_in_router.get(
    "/oauth/{provider}", response={302: None}, auth=None, operation_id="oauth_start"
)
def start(
    request: HttpRequest,
    provider: UUID,
    next: str = "/",  # noqa: A002  # name of the parameter
    *,
    anew: bool = False,
) -> HttpResponse:
    """Go to a provider's sign-in page. `next`: a path of our own to end on.

    Another site's page cannot begin it: the browser is led to our own sign-in page instead.
    `anew`: whoever is signed in there proves it again, for an act that asks for a step-up.
    """
    browser = request.COOKIES.get(BROWSER_COOKIE) or secrets.token_urlsafe(32)
    response = HttpResponseRedirect(SIGN_IN_PAGE)
    try:
        cookies.refuse_foreign_page(request)
        response["Location"] = flow.begin(
            provider, next, browser, address_of(request), is_anew=anew
        )
    except SomaError as exc:
        return _refused(request, response, exc, flow.local_path(next))
    cookies.keep(response, BROWSER_COOKIE, browser, flow.LIFE.total_seconds())
    return response


@sign_in_router.post(
    "/oauth/{provider}/backchannel", response={204: None}, auth=None, operation_id="oauth_logout"
)
def backchannel(
    request: HttpRequest,
    provider: UUID,
    logout_token: Annotated[str, Form(max_length=10_000)],
) -> Status[None]:
    """A provider says that somebody signed out there (OpenID Connect Back-Channel Logout)."""
    del request
    logout.end_by_token(provider, logout_token)
    return Status(204, None)


def _refused(
    request: HttpRequest, response: HttpResponse, exc: SomaError, next_path: str
) -> HttpResponse:
    """A browser on its way goes back to the sign-in page, which says why; a program is told."""
    if "text/html" not in request.headers.get("Accept", ""):
        raise exc
    kept = {"next": next_path} if next_path != flow.HOME else {}
    response["Location"] = f"{SIGN_IN_PAGE}?{urlencode({'refused': exc.code} | kept)}"
    return response
