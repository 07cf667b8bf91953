"""Runs scenarios one after the other on one installation, prints the table, keeps the samples.

Never judges: a missed target is a line of the table, and the exit code is 0 all the same. A
scenario that cannot be carried out is told as such and counts as missed.
"""

import json
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import psutil

from bench import machine
from bench.scenarios import (
    authz,
    chaos,
    context,
    door,
    events,
    footprint,
    gateway,
    gateway_tokens,
    gateway_usage,
    history,
    memory_busy,
    memory_found,
    memory_isolation,
    memory_kills,
    memory_quality,
    memory_recall,
    memory_worker,
    memory_write,
    one_stream,
    outages,
    page,
    peer,
    routing,
    routing_day,
    sockets,
    start,
    streams_100,
    streams_300,
    users,
    venv,
)
from bench.stand import Stand, standing, var_dir
from bench.target import Figure, Quote

RAW = Path(__file__).parent / "results" / "raw"
# In the order of the table.
SCENARIOS: dict[str, ModuleType] = {
    "one-stream": one_stream,
    "streams-100": streams_100,
    "streams-300": streams_300,
    "sockets": sockets,
    "footprint": footprint,
    "venv": venv,
    "start": start,
    "page": page,
    "history": history,
    "context": context,
    "users": users,
    "peer": peer,
    "memory-write": memory_write,
    "memory-found": memory_found,
    "memory-recall": memory_recall,
    "memory-quality": memory_quality,
    "memory-busy": memory_busy,
    "memory-isolation": memory_isolation,
    "memory-kills": memory_kills,
    "memory-worker": memory_worker,
    "events": events,
    "chaos": chaos,
    "outages": outages,
    "gateway": gateway,
    "gateway-tokens": gateway_tokens,
    "gateway-usage": gateway_usage,
    "routing-decision": routing,
    "routing-day": routing_day,
    "authz": authz,
    "door": door,
}
# Crowds before footprint (it looks at what they left); sockets late (they need a fresh web
# process). Of memory: the worker is looked at when it has written most; the large tables last.
ORDER = (
    *("one-stream", "streams-100", "streams-300", "footprint", "page", "history"),
    *("users", "context", "peer", "sockets", "start", "venv"),
    *("memory-write", "memory-found", "memory-worker", "memory-isolation", "memory-kills"),
    *("memory-quality", "memory-busy", "memory-recall"),
    # With servers of its own.
    "events",
    "outages",
    "chaos",
    "gateway",
    "gateway-tokens",
    "gateway-usage",
    "door",
    "routing-day",
    "routing-decision",
    "authz",
)
GROUPS = {
    "turn": tuple(
        name
        for name in SCENARIOS
        if not name.startswith(
            ("memory-", "events", "chaos", "outages", "gateway", "authz", "door", "routing")
        )
    ),
    "memory": tuple(name for name in SCENARIOS if name.startswith("memory-")),
    "events": ("events",),
    # A dependency goes slow while people chat, goes away; everything is killed at random.
    "chaos": ("users", "outages", "chaos"),
    "gateway": ("gateway", "gateway-tokens", "gateway-usage"),
    "identity": ("door", "authz"),
    "routing": ("routing-decision", "routing-day"),
}
CATCH_UP_S = 180.0
# A machine is at rest when its processors were busy for less than this over a look.
REST_PERCENT, REST_LOOK_S, REST_S = 20.0, 2.0, 180.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line may change; a run with other than the defaults says so in its lines.

    `kills`: how many kills the kill sweep makes. `memories`: the sizes of the recall scenario.
    `open_webui`: an environment in which that peer is installed; None quotes its figures.
    `litellm`, `portkey`: directories with those peers; None leaves them out. `calls`: how many the
    usage page is looked at over.
    """

    kills: int = 400
    memories: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    open_webui: Path | None = None
    litellm: Path | None = None
    portkey: Path | None = None
    calls: int = 10_000_000


T = TypeVar("T")


class Bench:
    """One run: an installation that starts when it is first needed, and what was kept."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.raw: dict[str, Any] = {}
        self.faults: list[str] = []
        # What scenarios made for one another, by name.
        self.made: dict[str, Any] = {}
        root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self.cache = Path(root) / "somaagent" / "bench"
        self.cache.mkdir(parents=True, exist_ok=True)
        self._stack = ExitStack()
        self._stand: Stand | None = None

    def stand(self) -> Stand:
        """The installation, idle: its worker has nothing left to do."""
        if self._stand is None:
            directory = self._stack.enter_context(var_dir())
            directory.parent.mkdir(parents=True, exist_ok=True)
            self.raw["machine"] = machine.facts(directory.parent)
            self._stand = self._stack.enter_context(standing(directory))
        self.catch_up()
        return self._stand

    def catch_up(self) -> None:
        """Wait until the worker has done what was left to it, and the machine is at rest."""
        if self._stand is None:
            return
        deadline = time.monotonic() + CATCH_UP_S
        while self._stand.backlog() and time.monotonic() < deadline:
            time.sleep(0.5)
        self._rest()

    def keep(self, name: str, values: T) -> T:
        """Keep raw samples for the results file."""
        self.raw[name] = values
        return values

    def note_faults(self, faults: list[str]) -> None:
        """Wrong or missing answers, told below the table."""
        self.faults += faults

    def refuse_faults(self, what: str, samples: list[dict[str, Any]]) -> None:
        """A comparison needs whole answers on both sides. Raises: RuntimeError."""
        faults = [one["fault"] for one in samples if one["fault"] is not None]
        if faults:
            message = f"{what}: {len(faults)} of {len(samples)} turns failed, first: {faults[0]}"
            raise RuntimeError(message)

    def close(self) -> None:
        """End everything."""
        self._stack.close()

    def _rest(self) -> None:
        """Wait until the machine does nothing else either; what it still did is kept."""
        deadline = time.monotonic() + REST_S
        busy = _busy_percent()
        if busy > REST_PERCENT:
            _say(f"(others are busy: {busy:.0f} %) ", end="")
        while busy > REST_PERCENT and time.monotonic() < deadline:
            busy = _busy_percent()
        self.raw.setdefault("busy_percent_before", []).append(busy)


def run(wanted: list[str], options: Options) -> None:
    """Run the scenarios, print the table, write the samples."""
    names = list(dict.fromkeys(name for one in wanted for name in GROUPS.get(one, (one,))))
    bench = Bench(options)
    lines: dict[str, list[Figure | Quote]] = {}
    unmeasured: dict[str, str] = {}
    began = datetime.now(UTC)
    try:
        for name in sorted(names, key=ORDER.index):
            started = time.monotonic()
            _say(f"  {name:18}", end="")
            try:
                lines[name] = SCENARIOS[name].run(bench)
            except Exception as exc:
                # The other figures are worth having all the same.
                unmeasured[name] = f"{type(exc).__name__}: {exc}"
            _say(f"{time.monotonic() - started:6.0f} s  {unmeasured.get(name, '')}")
    finally:
        bench.close()
    _print(names, lines, unmeasured)
    _write(began, bench, names, lines, unmeasured)


def _print(
    names: list[str], lines: dict[str, list[Figure | Quote]], unmeasured: dict[str, str]
) -> None:
    figures = [one for name in names for one in lines.get(name, []) if isinstance(one, Figure)]
    for name in SCENARIOS:
        for one in lines.get(name, []):
            print(one.line())
        if name in unmeasured:
            print(f"{name} | not measured: {unmeasured[name].splitlines()[0]} | - | missed")
    met = sum(one.is_met for one in figures)
    print(f"bench: {met} of {len(figures) + len(unmeasured)} targets met")


def _write(
    began: datetime,
    bench: Bench,
    names: list[str],
    lines: dict[str, list[Figure | Quote]],
    unmeasured: dict[str, str],
) -> None:
    RAW.mkdir(parents=True, exist_ok=True)
    groups = [group for group, members in GROUPS.items() if set(names) == set(members)]
    kind = "+".join(groups or names) if len(names) < 4 or groups else "some"
    path = RAW / f"{began:%Y%m%dT%H%M%SZ}-{kind}.json"
    result = {
        "began_at": began.isoformat(),
        "lines": [one.line() for name in names for one in lines.get(name, [])],
        "unmeasured": unmeasured,
        "faults": bench.faults,
        **bench.raw,
    }
    path.write_text(json.dumps(result))
    _say(f"  samples: {path}")
    for fault in sorted(set(bench.faults))[:5]:
        _say(f"  {bench.faults.count(fault)} x {fault}")


def _busy_percent() -> float:
    """How busy the processors are, without what runs at low priority and gives way."""
    times = psutil.cpu_times_percent(REST_LOOK_S)
    return float(100 - times.idle - times.iowait - times.nice)


def _say(text: str, end: str = "\n") -> None:
    """Progress goes beside the table, which may be piped."""
    sys.stderr.write(text + end)
    sys.stderr.flush()
