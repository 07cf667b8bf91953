"""Resident memory of the web process: idle after the start, and right after the crowds.

Idle: ready, with the embedding model loaded, before the first request. After the load: when the
last phase of 300 streams has ended; when no crowd ran yet in this run, one runs first.
"""

from typing import TYPE_CHECKING

from bench.scenarios import crowds
from bench.target import Figure

if TYPE_CHECKING:
    from bench.runner import Bench

IDLE_LIMIT_MB, LOADED_LIMIT_MB = 180, 300


def run(bench: "Bench") -> list[Figure]:
    """Two figures."""
    stand = bench.stand()
    if not stand.peak_rss_mb:
        crowds.gather(bench, 300, turns=4, rounds=1)
    loaded_mb = stand.rss_mb()
    kept = {"idle_mb": stand.idle_rss_mb, "loaded_mb": loaded_mb, "peak_mb": stand.peak_rss_mb}
    bench.keep("footprint", kept)
    note = f"peak {stand.peak_rss_mb:.0f} MB"
    return [
        Figure("resident memory of web, idle", stand.idle_rss_mb, IDLE_LIMIT_MB, " MB"),
        Figure(
            "resident memory of web, after the load", loaded_mb, LOADED_LIMIT_MB, " MB", 0, note
        ),
    ]
