"""Paths of the synchronous side: the API, then the shell page for everything else."""

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path

from somaagent.api import api
from somaagent.errors import not_found
from webui.views import shell

handler400 = "somaagent.errors.bad_request"
handler404 = "somaagent.errors.not_found"
handler500 = "somaagent.errors.server_error"


def unknown_operation(request: HttpRequest) -> HttpResponse:
    """An address under /api that no operation answers."""
    return not_found(request)


urlpatterns = [
    path("api/v2/", api.urls),
    re_path(r"^api/.*$", unknown_operation),
    re_path(r"^(?!(?:static|ws)/).*$", shell),
]
