"""First visible token added to the bare upstream, one stream.

A signed-in tab and the bare upstream ask in turn, in the same run, each over its own open
connection; the figure is the difference of the medians. The tab's clock runs from sending the
message to receiving the first `chat.delta`; on the way the message is committed (the generator
takes a delta before `chat.accepted`, which follows the commit, for a fault).
"""

from typing import TYPE_CHECKING

from bench.stand import TOKENS, load
from bench.target import Figure, middle

if TYPE_CHECKING:
    from bench.runner import Bench

ROUNDS = 120
WARM = 10
PAUSE_S = 0.05
LIMIT_MS = 15


def run(bench: "Bench") -> list[Figure]:
    """Alternate, subtract the medians."""
    stand = bench.stand()
    lanes = {"bare": stand.upstream(), "product": stand.conversations(1)[0]}
    job = {
        "job": "alternate",
        "prefix": "short",
        "tokens": TOKENS["short"],
        "rounds": ROUNDS,
        "warm": WARM,
        "pause_s": PAUSE_S,
        "lanes": lanes,
    }
    samples = bench.keep("one-stream", load(job))["samples"]
    bench.refuse_faults("one-stream", samples["bare"] + samples["product"])
    bare, product = (middle([one["first_ms"] for one in samples[name]]) for name in lanes)
    note = f"{product:.1f} against {bare:.1f} ms"
    return [Figure("first token added, 1 stream, p50", product - bare, LIMIT_MS, " ms", 1, note)]
