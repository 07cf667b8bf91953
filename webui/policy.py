"""Which headers the pages of the interface carry.

The content security policy names every source that the interface needs and nothing else: no
inline script, no inline style, no other host. Diagrams need inline styles, so they are drawn in
a frame of their own with its own policy and without an origin.
"""

from django.http import HttpRequest, HttpResponse

# Everything under assets/ carries a digest of its content in its name.
IMMUTABLE_FILES = r"^/static/webui/assets/.+"

_DIAGRAM_POLICY = (
    "default-src 'none'; script-src {origin}; style-src 'unsafe-inline'; font-src data:; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-scripts"
)


def page_policy(host: str) -> str:
    """The policy of the shell page. `host`: as the browser named it, for its WebSocket."""
    directives = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # Browsers before 2023 do not count ws: as the same origin as http:.
        f"connect-src 'self' ws://{host} wss://{host}",
        "img-src 'self' data:",
        "font-src 'self'",
        "frame-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
    return "; ".join(directives)


def protect_page(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Put the headers of an ordinary page on `response`."""
    response["Content-Security-Policy"] = page_policy(request.get_host())
    response["X-Frame-Options"] = "DENY"
    return _protect(response)


def protect_diagram_frame(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Put the headers of the diagram frame on `response`: sandboxed even when opened alone."""
    origin = f"{request.scheme}://{request.get_host()}"
    response["Content-Security-Policy"] = _DIAGRAM_POLICY.format(origin=origin)
    response["X-Frame-Options"] = "SAMEORIGIN"
    return _protect(response)


def _protect(response: HttpResponse) -> HttpResponse:
    response["X-Content-Type-Options"] = "nosniff"
    response["Referrer-Policy"] = "same-origin"
    response["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()"
    response["Cross-Origin-Opener-Policy"] = "same-origin"
    # The shell names hashed files: a stored one would ask for files that no longer exist.
    response["Cache-Control"] = "no-cache"
    return response
