"""kill -9 of web, worker (with the relay), broker and database, under people who write down all.

On an installation of its own, whose people and journals are those of the chaos suite. `--kills`
says how many; the design's figure is 1,000. Losses are counted against what people were told.
"""

import json
import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from bench.machine import ROOT
from bench.target import Figure

if TYPE_CHECKING:
    from bench.runner import Bench

SEED = 20_261
OVER_WITHIN_S = 15.0


def run(bench: "Bench") -> list[Figure]:
    """Counts, of which 0 is the only good one, and how soon turns are over."""
    # The var directory is only what the settings are read with; the sweep makes its own.
    with tempfile.TemporaryDirectory() as unused:
        done = subprocess.run(
            [sys.executable, "-m", "bench.killing"],
            cwd=ROOT,
            env={**os.environ, "SA01_VAR_DIR": unused, "SA01_LOG_LEVEL": "error"},
            input=json.dumps({"kills": bench.options.kills, "seed": SEED}) + "\n",
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    found = bench.keep("chaos", json.loads(done.stdout.splitlines()[-1]))
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
