"""Ten thousand calls while the gateway is killed and clients leave: is the ledger right?

The provider is told the id of each call, so that both sides can be compared call by call: every
call that reached the provider is recorded once, none that did not is charged, and where the
provider told its usage the tokens are the same.
"""

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import psutil

from bench.scenarios.gateway import prepared
from bench.stand import TOKENS, load
from bench.target import Figure, Quote

if TYPE_CHECKING:
    from bench.runner import Bench
    from bench.stand import Stand

REQUESTS, CLIENTS, KILLS, BETWEEN_S = 10_000, 16, 10, 3.0
# A journal without owner is found by the worker within ten seconds.
SETTLED_S = 90.0


def run(bench: "Bench") -> Sequence[Figure | Quote]:
    """Differences between ledger and provider, call by call."""
    stand = bench.stand()
    known = {row[0] for row in _recorded(stand)}
    # One provider for all of this: it forgets what it was asked before.
    stand.simulator.forget()
    whole = prepared(stand)
    lanes = {"whole": whole, "stream": {**whole, "kind": "upstream"}}
    kills = _Killing(stand)
    job = {"job": "fickle", "requests": REQUESTS, "clients": CLIENTS, "lanes": lanes, **TOKENS}
    told = bench.keep("gateway-tokens-clients", load(job))
    kills.stop()
    provider = stand.simulator.told()
    ledger = _settled(stand, known, provider)
    found = bench.keep("gateway-tokens", compared(ledger, provider))
    ends = found["ends"]
    return [
        Figure("calls of the provider that are not in the ledger", found["missing"], 0, "", 0,
               f"{len(provider):,} calls, {kills.count} kills, {told['left']:,} left"),
        Figure("calls that are in the ledger twice", found["twice"], 0, "", 0),
        Figure("tokens that differ where the provider told its usage", found["differing"], 0, "", 0,
               f"{found['counted']:,} calls counted"),
        Figure("calls charged that the provider never had", found["invented"], 0, "", 0),
        Quote("how the calls ended", ", ".join(f"{n:,} {e}" for e, n in ends.items()), "measured"),
    ]  # fmt: skip


def compared(ledger: list[Any], provider: dict[str, Any]) -> dict[str, Any]:
    """Both sides by the id of the call. `ledger`: as `bench.provision.calls`."""
    by_id: dict[str, list[Any]] = {}
    twice = 0
    for row in ledger:
        twice += row[0] in by_id
        by_id[row[0]] = row
    counted = differing = invented = 0
    ends: dict[str, int] = {}
    for call_id, state, is_counted, asked, answered in by_id.values():
        ends[state] = ends.get(state, 0) + 1
        if call_id not in provider:
            # Cut between reservation and the first byte: what was asked is an estimate of ours.
            invented += bool(answered) or (is_counted and bool(asked))
        elif is_counted and state != "failed":
            counted += 1
            differing += abs(asked - provider[call_id][0]) + abs(answered - provider[call_id][1])
    missing = sum(call_id not in by_id for call_id in provider)
    return {"missing": missing, "twice": twice, "counted": counted, "differing": differing,
            "invented": invented, "ends": ends}  # fmt: skip


class _Killing:
    """kill -9 of the web process again and again; the supervisor starts another."""

    def __init__(self, stand: "Stand") -> None:
        self.count = 0
        self._stand = stand
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more; wait until it answers again."""
        self._enough.set()
        self._thread.join(120)
        while not self._stand.up.is_answering():
            time.sleep(0.1)

    def _run(self) -> None:
        while self.count < KILLS and not self._enough.wait(BETWEEN_S):
            if not self._stand.up.is_answering():
                continue
            try:
                self._stand.web().kill()
            except (psutil.NoSuchProcess, LookupError):
                continue
            self.count += 1


def _recorded(stand: "Stand") -> list[Any]:
    return list(stand.provision(do="calls", tenant_id=stand.tenant_id)["calls"])


def _settled(stand: "Stand", known: set[str], provider: dict[str, Any]) -> list[Any]:
    """What was recorded since, when all is there or time is up."""
    deadline = time.monotonic() + SETTLED_S
    while True:
        ledger = [row for row in _recorded(stand) if row[0] not in known]
        is_whole = provider.keys() <= {row[0] for row in ledger}
        if is_whole or time.monotonic() > deadline:
            return ledger
        time.sleep(2.0)
