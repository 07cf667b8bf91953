"""100 people at once, a model that takes a second: alone, with the brain over HTTP, and slow.

Two installations: one with everything in one place, one whose brain is a service of its own
(`manage.py brain`, SOMA_BRAIN_URL), reached over a wire that can be made slow. Phases alternate in
one run: standalone, brain over HTTP, the same with the brain 500 ms away. In each phase everybody
asks again as soon as an answer is whole, so 100 turns are always open. A person's first and last
turn do not count for times; every turn counts for correctness, and whether it said that it went
without memory.
"""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.delay import Wire, wire_to
from bench.machine import ROOT
from bench.stand import TOKENS, Stand, load, standing, var_dir
from bench.target import Figure, Quote, middle, percentile
from tests.support.up import free_port

if TYPE_CHECKING:
    from bench.runner import Bench

SIZE, TURNS, ROUNDS = 100, 6, 2
UPSTREAM_S = 1.0
SLOW_S = 0.5
LIMITS_S = {0.50: 1.15, 0.95: 1.4, 0.99: 1.8}
HTTP_RATIO, SLOW_RATIO = 1.10, 1.25
CALM_S = 90.0


def run(bench: "Bench") -> list[Figure | Quote]:
    """Times of standalone; ratios of the others to it and to each other."""
    alone = bench.stand()
    with _elsewhere(alone) as (remote, wire):
        lanes = {
            "standalone": alone.conversations(SIZE),
            "http": remote.conversations(SIZE),
            "slow": remote.conversations(SIZE),
        }
        found: dict[str, list[list[dict[str, Any]]]] = {name: [] for name in lanes}
        loads = []
        for number in range(ROUNDS):
            for name, people in lanes.items():
                wire.delay_s = SLOW_S if name == "slow" else 0.0
                _wait_for_calm(bench, remote, is_slow=name == "slow")
                loads.append(f"{name} {os.getloadavg()[0]:.1f}")
                answer = load(_crowd(people, number))
                bench.keep(f"users-{name}-{number}", answer)
                found[name] += answer["samples"]
        wire.delay_s = 0.0
    bench.keep("users-loads", loads)
    return [
        *_times(found),
        *_whole(bench, found),
        Quote("load before each phase", "; ".join(loads), "100 people"),
    ]


def _crowd(lanes: list[dict[str, Any]], number: int) -> dict[str, Any]:
    return {
        "job": "crowd",
        "prefix": "second",
        "tokens": TOKENS["second"],
        "turns": TURNS,
        "from_turn": number * TURNS,
        "stagger_s": UPSTREAM_S,
        "lanes": lanes,
    }


def _times(found: dict[str, list[list[dict[str, Any]]]]) -> list[Figure]:
    times = {
        name: [
            one["total_ms"] / 1000
            for samples in people
            for one in samples[1:-1]
            if one["fault"] is None
        ]
        or [float("inf")]
        for name, people in found.items()
    }
    figures = [
        Figure(
            f"{SIZE} people, a turn, standalone, p{share * 100:.0f}",
            percentile(times["standalone"], share),
            limit,
            " s",
            2,
        )
        for share, limit in LIMITS_S.items()
    ]
    for share in LIMITS_S:
        base = percentile(times["standalone"], share)
        ratio = percentile(times["http"], share) / base
        name = f"the same, brain over HTTP, p{share * 100:.0f}"
        note = f"{ratio * base:.2f} s"
        figures.append(Figure(name, ratio, HTTP_RATIO, " x standalone", 2, note))
    base, slow = percentile(times["http"], 0.95), percentile(times["slow"], 0.95)
    note = f"{slow:.2f} s; p50 {middle(times['slow']):.2f} s"
    name = f"the same, brain {SLOW_S * 1000:.0f} ms away, p95"
    return [*figures, Figure(name, slow / base, SLOW_RATIO, " x healthy", 2, note)]


def _whole(bench: "Bench", found: dict[str, list[list[dict[str, Any]]]]) -> list[Figure]:
    """Turns that failed, and turns with the slow brain that did not say what they went without."""
    figures = []
    for name, people in found.items():
        turns = [one for samples in people for one in samples]
        faults = [one["fault"] for one in turns if one["fault"] is not None]
        bench.note_faults(faults)
        told = sum("memory" in one["degraded"] for one in turns)
        note = f"of {len(turns)}; {told} say that they went without memory"
        figures.append(Figure(f"turns that failed, {name}", len(faults), 0, "", 0, note))
    return figures


@contextmanager
def _elsewhere(alone: Stand) -> Iterator[tuple[Stand, Wire]]:
    """An installation whose brain is a process of its own, over the first one's database."""
    port = free_port()
    with ExitStack() as stack:
        environ = {**os.environ, "SA01_VAR_DIR": str(alone.up.var_dir), "SA01_LOG_LEVEL": "error"}
        token = _token(environ)
        brain = subprocess.Popen(
            [sys.executable, "manage.py", "brain", "--port", str(port)],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(_stop, brain)
        _wait_for(f"http://127.0.0.1:{port}/health")
        wire = stack.enter_context(wire_to(port))
        directory = stack.enter_context(var_dir())
        Path(directory).parent.mkdir(parents=True, exist_ok=True)
        settings = {"SOMA_BRAIN_URL": f"http://127.0.0.1:{wire.port}", "SOMA_BRAIN_KEY": token}
        yield stack.enter_context(standing(directory, settings)), wire


def _token(environ: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", "brain", "issue-key", "--name", "bench", "--platform"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("Token:"))


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(20)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"{url} does not answer")


def _wait_for_calm(bench: "Bench", remote: Stand, *, is_slow: bool) -> None:
    """Until what the last phase left is worked off, and a brain that is well again is known to be.

    While the brain is slow nothing is waited for: that it is found out is part of the figure.
    """
    bench.catch_up()
    if is_slow:
        return
    deadline = time.monotonic() + CALM_S
    while time.monotonic() < deadline:
        if remote.backlog() == 0 and remote.is_well():
            return
        time.sleep(0.5)
