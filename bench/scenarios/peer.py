"""For comparison: Open WebUI, quoted."""

from typing import TYPE_CHECKING

from bench.target import Quote

if TYPE_CHECKING:
    from bench.runner import Bench


def run(bench: "Bench") -> list[Quote]:  # noqa: ARG001
    """Quoted figures."""
    return [
        Quote("Open WebUI: first token added, 1 stream, p50", "25 ms", "quoted"),
        Quote(
            "Open WebUI: first token added, 100 streams, p50 / p95", "1,840 / 2,900 ms", "quoted"
        ),
        Quote("Open WebUI: total time, 100 streams", "1.85 x upstream", "quoted"),
        Quote("Open WebUI: resident memory, idle / after the load", "812 / 870 MB", "quoted"),
        Quote("Open WebUI: environment", "2.9 GB", "quoted"),
        Quote("Open WebUI: start, warm", "25 s", "quoted"),
    ]
