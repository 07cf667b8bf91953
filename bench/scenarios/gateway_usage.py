"""The usage page over ten million calls: it reads sums by day and hour, never single calls.

The rows are made by the database itself, in the shape that the ledger would have written. What is
timed are the calls that the page makes when it is opened, as a browser would send them.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.target import Figure, Quote, percentile

if TYPE_CHECKING:
    from bench.runner import Bench

LOOKS = 30
LIMIT_MS = 200.0
# The page as it is opened, a day by its hours, everything, and the calls below.
PAGES = {
    "as opened": "/gateway/usage?by=model",
    "by person": "/gateway/usage?by=user",
    "hours of two days": "/gateway/usage?by=model&grain=hour&since={since}&until={since}",
    "all days": "/gateway/usage?by=model&since={since}",
    "last calls": "/gateway/calls?limit=20",
}


def run(bench: "Bench") -> Sequence[Figure | Quote]:
    """The slowest of the page's calls."""
    stand = bench.stand()
    began = time.monotonic()
    made = stand.provision(do="usage", tenant_id=stand.tenant_id, calls=bench.options.calls)
    filled_s = time.monotonic() - began
    bench.catch_up()
    times: dict[str, list[float]] = {}
    for name, path in PAGES.items():
        for _ in range(LOOKS):
            asked = time.perf_counter()
            told = stand.call("GET", path.format(since=made["since"]))
            times.setdefault(name, []).append((time.perf_counter() - asked) * 1000)
            if not told.get("rows", told.get("items")):
                message = f"{name}: the page has nothing to show"
                raise RuntimeError(message)
    bench.keep("gateway-usage-page", times)
    slowest = max(percentile(found, 0.95) for found in times.values())
    note = f"{made['calls']:,} calls, the slowest of {len(PAGES)} questions"
    return [
        Figure("usage page, p95", slowest, LIMIT_MS, " ms", 0, note),
        Quote("filling that table", f"{filled_s:,.0f} s", "measured"),
    ]
