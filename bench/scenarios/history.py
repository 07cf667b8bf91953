"""What sending costs with 10 against 10,000 messages of history.

Two conversations of one person with messages of the same length are asked in turn; the upstream
answers at once (first token after 0 ms), so that nothing but our own work, and sending and reading
the longer prompt, is compared. The model's window is 128,000 tokens. The figure is the ratio of
the median times to the first token.
"""

from typing import TYPE_CHECKING

from bench.stand import TOKENS, load
from bench.target import Figure, middle

if TYPE_CHECKING:
    from bench.runner import Bench

SHORT, LONG = 10, 10_000
ROUNDS, WARM = 100, 10
PAUSE_S = 0.05
RATIO_LIMIT = 1.2


def run(bench: "Bench") -> list[Figure]:
    """The ratio of two medians."""
    stand = bench.stand()
    # Another person than that of the other scenarios: both lanes recall from the same memories.
    person = stand.people[-1]
    lanes = {
        name: stand.tab(person, stand.history(person, messages))
        for name, messages in (("short", SHORT), ("long", LONG))
    }
    job = {
        "job": "alternate",
        "prefix": "quick",
        "tokens": TOKENS["quick"],
        "rounds": ROUNDS,
        "warm": WARM,
        "pause_s": PAUSE_S,
        "lanes": lanes,
    }
    samples = bench.keep("history", load(job))["samples"]
    bench.refuse_faults("history", samples["short"] + samples["long"])
    short, long = (middle([one["first_ms"] for one in samples[name]]) for name in lanes)
    note = f"{long:.1f} against {short:.1f} ms"
    name = f"sending after {LONG:,} against {SHORT} messages"
    return [Figure(name, long / short, RATIO_LIMIT, " x", 2, note)]
