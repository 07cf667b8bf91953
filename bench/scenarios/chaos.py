"""kill -9 of web, worker (with the relay), broker and database, under people who write down all.

On an installation of its own, whose people and journals are those of the chaos suite. `--kills`
says how many; the design's figure is 1,000. Losses are counted against what people were told.
"""

from typing import TYPE_CHECKING

from bench.apart import ask_apart
from bench.target import Figure

if TYPE_CHECKING:
    from bench.runner import Bench

SEED = 20_261
OVER_WITHIN_S = 15.0


def run(bench: "Bench") -> list[Figure]:
    """Counts, of which 0 is the only good one, and how soon turns are over."""
    request = {"kills": bench.options.kills, "seed": SEED}
    found = bench.keep("chaos", ask_apart("bench.killing", request))
    bench.note_faults(found["troubles"] + found["wrong"])
    kills = f"{sum(found['kills'].values()):,} kills"
    spread = ", ".join(f"{count} {name}" for name, count in sorted(found["kills"].items()))
    note = f"{spread}; {found['interrupted']} turns interrupted, in {found['took_s']:.0f} s"
    of = f" of {found['messages']:,}"
    late = max(found["over_after_s"], default=0.0)
    return [
        Figure(f"messages or memories lost, {kills}", len(found["lost"]), 0, of, note=note),
        Figure(f"messages or memories doubled, {kills}", len(found["doubled"]), 0, of),
        Figure("told otherwise than kept", len(found["wrong"]) + len(found["troubles"]), 0, ""),
        Figure("turns never over", found["still_open"], 0, f" of {found['turns']:,}"),
        Figure("a turn is over after the return, latest", late, OVER_WITHIN_S, " s", 1),
    ]
