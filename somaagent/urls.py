"""Paths of the synchronous side: the API, then the shell page for everything else."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path, re_path

from saas.facade import JWKS_LIFE, jwks
from somaagent.api import api
from somaagent.errors import not_found
from webui.views import shell

handler400 = "somaagent.errors.bad_request"
handler404 = "somaagent.errors.not_found"
handler500 = "somaagent.errors.server_error"


def unknown_operation(request: HttpRequest) -> HttpResponse:
    """An address under /api that no operation answers."""
    return not_found(request)


def public_keys(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # Django hands it over
    """The keys by which access tokens are verified (RFC 7517)."""
    life_s = int(JWKS_LIFE.total_seconds())
    return JsonResponse(jwks(), headers={"Cache-Control": f"public, max-age={life_s}"})


def scim(request: HttpRequest, rest: str) -> HttpResponse:
    """A company's directory (RFC 7644); its bearer is checked inside."""
    # Read when a directory first asks: most installations never need the models of the standard.
    from saas.scim.http import answer

    return answer(request, rest)


urlpatterns = [
    path("scim/v2/<path:rest>", scim),
    path(".well-known/jwks.json", public_keys),
    path("api/v2/", api.urls),
    re_path(r"^api/.*$", unknown_operation),
    re_path(r"^(?!(?:static|ws)/).*$", shell),
]
