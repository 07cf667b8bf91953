"""`./soma up`, warm, to `/health/ready`: the shell command itself, on an installation that exists.

The clock runs from starting `./soma up` (its checks of what is installed and built included) to
the first 200 of `/health/ready`. One start that does not count, then the median of three.
"""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.machine import ROOT
from bench.stand import var_dir
from bench.target import Figure, middle
from tests.support.up import Up, end

if TYPE_CHECKING:
    from bench.runner import Bench

STARTS = 3
LIMIT_S = 10
DEADLINE_S = 600


def run(bench: "Bench") -> list[Figure]:
    """The median of the warm starts."""
    with var_dir() as directory:
        took_s = [_start(directory) for _ in range(STARTS + 1)]
    bench.keep("start", {"first_s": took_s[0], "warm_s": took_s[1:]})
    return [Figure("./soma up, warm, to ready", middle(took_s[1:]), LIMIT_S, " s", 1)]


def _start(directory: Path) -> float:
    directory.parent.mkdir(parents=True, exist_ok=True)
    up = Up(directory)
    environ = {**os.environ, "SA01_VAR_DIR": str(directory)}
    with up.log.open("wb") as log:
        began = time.monotonic()
        up.process = subprocess.Popen(
            [str(ROOT / "soma"), "up", "--port", str(up.port)],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        while not up.is_answering():
            if up.process.poll() is not None or time.monotonic() - began > DEADLINE_S:
                raise RuntimeError(up.output[-3000:])
            time.sleep(0.02)
        took_s = time.monotonic() - began
        up.stop(signal.SIGTERM)
    finally:
        end(up)
    return took_s
