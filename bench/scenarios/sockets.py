"""Idle sockets: resident memory of the web process before and after 2,000 signed-in tabs.

In a fresh web process, so that nothing hides in memory that earlier work left free. A few tabs
come and go first: what is loaded once belongs to the process, not to a socket.
"""

import time
from typing import TYPE_CHECKING

from bench.stand import holding
from bench.target import Figure

if TYPE_CHECKING:
    from bench.runner import Bench

COUNT = 2_000
WARM = 50
LIMIT_KB = 40


def run(bench: "Bench") -> list[Figure]:
    """RSS after minus RSS before, a socket."""
    stand = bench.stand()
    stand.restart_web()
    people = stand.people
    lanes = [stand.tab(people[number % len(people)], None) for number in range(COUNT)]
    with holding({"job": "tabs", "watch": False, "lanes": lanes[:WARM]}):
        pass
    before_mb = stand.settled_rss_mb()
    began = time.monotonic()
    with holding({"job": "tabs", "watch": False, "lanes": lanes}) as state:
        opened_s = time.monotonic() - began
        after_mb = stand.settled_rss_mb()
    kept = {**state, "before_mb": before_mb, "after_mb": after_mb, "opened_s": opened_s}
    bench.keep("sockets", kept)
    lost = state["lost"] + COUNT - state["opened"]
    each_kb = (after_mb - before_mb) * 1000 / COUNT
    note = f"{lost} lost" if lost else ""
    return [Figure(f"each of {COUNT:,} idle sockets", each_kb, LIMIT_KB, " KB", 1, note)]
