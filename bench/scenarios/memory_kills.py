"""Memories lost or doubled over random kills at named points (`tests.support.memory_kills`).

On an installation of its own without workers: nothing but the killed processes writes. `--kills`
says how many; the issue's figure is 2,000.
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


def run(bench: "Bench") -> list[Figure]:
    """Two counts; 0 is the only good one."""
    # The var directory is only what the settings are read with; the sweep makes its own.
    with tempfile.TemporaryDirectory() as unused:
        done = subprocess.run(
            [sys.executable, "-m", "bench.brain.killing"],
            cwd=ROOT,
            env={**os.environ, "SA01_VAR_DIR": unused},
            input=json.dumps({"kills": bench.options.kills, "seed": SEED}) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    told = bench.keep("memory-kills", json.loads(done.stdout.splitlines()[-1]))
    unfinished = told["not_indexed"] + told["undelivered"] + told["owed"]
    if unfinished:
        raise RuntimeError(f"after the kills {unfinished} things were never finished")
    bench.note_faults([f"{what} ({count})" for what, count in told["failures"].items()])
    kills = f"{told['kills']:,} kills"
    of = f" of {told['memories']:,}"
    note = f"at {len(told['points'])} points, in {told['took_s']:.0f} s"
    return [
        Figure(f"memories lost, {kills}", len(told["lost"]), 0, of, note=note),
        Figure(
            f"memories doubled or not asked for, {kills}",
            len(told["doubled"]) + len(told["strange"]),
            0,
            of,
        ),
    ]
