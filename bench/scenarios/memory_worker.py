"""Resident memory of the worker, which embeds: the highest while it indexes a few thousand texts.

Texts of all lengths up to a whole passage, since long ones need most. The worker is that of the
installation, with all else that it does.
"""

import threading
import time
from typing import TYPE_CHECKING

import psutil

from bench.brain import process
from bench.target import Figure

if TYPE_CHECKING:
    from bench.runner import Bench

SECONDS, PER_SECOND, CLIENTS = 15.0, 150, 4
LIMIT_MB = 250


def run(bench: "Bench") -> list[Figure]:
    """The peak."""
    stand = bench.stand()
    worker = stand.up.child(" worker --")
    seen: list[float] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(_mb(worker))
            time.sleep(0.1)

    before = _mb(worker)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        process.ask(
            stand,
            "write",
            tenant_id=stand.tenant_id,
            people=process.pairs(50),
            threads=CLIENTS,
            seconds=SECONDS,
            per_second=PER_SECOND,
            longest=True,
        )
        bench.catch_up()
    finally:
        done.set()
        watcher.join()
    bench.keep("memory-worker", {"before_mb": before, "seen_mb": seen})
    return [
        Figure(
            "resident memory of the embedding worker, peak",
            max(seen),
            LIMIT_MB,
            " MB",
            note=f"before {before:.0f}, afterwards {seen[-1]:.0f} MB",
        )
    ]


def _mb(worker: psutil.Process) -> float:
    return sum(one.memory_info().rss for one in [worker, *worker.children(recursive=True)]) / 1e6
