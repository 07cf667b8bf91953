"""The pages that Django itself serves: the shell of the interface and the diagram frame.

The shell is the same for every address; the interface reads the address. Without a build a plain
page names the command that makes one, and the API runs regardless.
"""

from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from webui import buildinfo
from webui.policy import protect_diagram_frame, protect_page

# The one address below the shell that is a document of its own.
DIAGRAM_FRAME_PATH = "/diagram-frame"

_MISSING_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>SomaAgent: the interface is not built</title></head>
<body>
<main>
<h1>The web interface is not built yet</h1>
<p>{detail} In the folder of this installation, run:</p>
<pre><code>{command}</code></pre>
<p>Then reload this page. The API works meanwhile: see <a href="/api/v2/openapi.json">its
description</a>.</p>
</main>
</body>
</html>
"""


@require_safe
def shell(request: HttpRequest) -> HttpResponse:
    """The page in which the interface starts, whatever the address but the diagram frame's."""
    if request.path == DIAGRAM_FRAME_PATH:
        return _diagram_frame(request)
    page = _read(buildinfo.BUILT_DIR / "index.html")
    if page is None:
        found = buildinfo.state(built_dir=buildinfo.BUILT_DIR)
        text = format_html(_MISSING_PAGE, detail=found.detail, command=buildinfo.COMMAND)
        return protect_page(request, HttpResponse(text, status=503))
    return protect_page(request, HttpResponse(page))


def _diagram_frame(request: HttpRequest) -> HttpResponse:
    # The document in which diagrams are drawn: no origin, no network, no cookies.
    page = _read(buildinfo.BUILT_DIR / "diagram.html")
    response = HttpResponse(status=404) if page is None else HttpResponse(page)
    return protect_diagram_frame(request, response)


def _read(path: Path) -> bytes | None:
    # Read anew each time: two kilobytes, and a build during operation is picked up at once.
    try:
        return path.read_bytes()
    except OSError:
        return None
