"""Events through outbox, bus and a consumer: how many a second, how late, whether any is amiss.

One process emits at an even rate (50 events a transaction, as a busy installation's turns commit
side by side), a second relays and consumes. PostgreSQL is durable as in production. The consumer
writes a row an event in the unit of its receipt; afterwards the rows are compared with what was
sent: lost, doubled, out of order within a conversation. Once over the log in the database, once
over a real Kafka on the same machine. Lag is of what was emitted after the first three seconds: a
broker and a consumer that have just started are slow once, not while they run.
"""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.machine import ROOT
from bench.stand import var_dir
from bench.target import Figure, Quote
from somaagent.services.recipes import missing_tools, recipes
from somaagent.services.running import start, stop
from tests.support import services

if TYPE_CHECKING:
    from bench.runner import Bench

# A little above the target: what is asked for beyond the capacity says nothing about lag.
RATE, SECONDS, UNIT, CONVERSATIONS, TENANTS = 5_200, 20.0, 50, 200, 4
RATE_LIMIT, LAG_LIMIT_S, WARM_S = 5_000, 1.0, 3.0


def run(bench: "Bench") -> list[Figure | Quote]:
    """Figures of both buses."""
    lines: list[Figure | Quote] = []
    with ExitStack() as stack:
        directory = stack.enter_context(var_dir())
        directory.parent.mkdir(parents=True, exist_ok=True)
        stack.enter_context(services.postgres(directory, is_fast=False))
        stack.enter_context(services.valkey(directory))
        environ = {**os.environ, "SA01_VAR_DIR": str(directory), "SA01_LOG_LEVEL": "error"}
        tenants = _ask("prepare", {"tenants": TENANTS}, environ)["tenants"]
        lines += _figures(bench, "embedded log", tenants, environ)
        kafka = recipes()["kafka"]
        if lacking := missing_tools(kafka):
            lines.append(Quote("events over Kafka", lacking, "not measured"))
            return lines
        home = Path(directory.parent) / "kafka"
        stack.callback(stop, home)
        running = start(kafka, home)
        environ |= {
            "SA01_BUS_ADAPTER": "kafka",
            "SA01_KAFKA_BOOTSTRAP_SERVERS": running.addresses["bootstrap"],
        }
        lines += _figures(bench, "Kafka", tenants, environ)
    return lines


def _figures(
    bench: "Bench", bus: str, tenants: list[str], environ: dict[str, str]
) -> list[Figure | Quote]:
    job = {
        "tenants": tenants,
        "conversations": CONVERSATIONS,
        "unit": UNIT,
        "rate": RATE,
        "seconds": SECONDS,
    }
    deliverer = subprocess.Popen(
        [sys.executable, "-m", "bench.events", "deliver"],
        cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert deliverer.stdin is not None
    assert deliverer.stdout is not None
    try:
        deliverer.stdin.write("{}\n")
        deliverer.stdin.flush()
        if deliverer.stdout.readline() != "ready\n":
            raise RuntimeError("the consumer did not start")
        sent = _ask("emit", job, environ)
        deliverer.stdin.close()
        deliverer.wait(120)
    finally:
        deliverer.kill()
        deliverer.wait()
        deliverer.stdout.close()
    found = _ask("judge", {"warm_s": WARM_S}, environ)
    bench.keep(f"events {bus}", {"job": job, "sent": sent, **found})
    rate = found["effects"] / found["span_s"] if found["span_s"] else 0.0
    middle, late, latest = found["lag_s"]
    amiss = sent["sent"] - (found["effects"] - found["doubled"])
    note = (
        f"asked for {RATE:,}/s over {SECONDS:.0f} s; emitted {sent['sent'] / sent['took_s']:,.0f}/s"
    )
    lag_note = f"p50 {middle * 1000:,.0f} ms, longest {latest:.2f} s"
    return [
        Figure(f"events, {bus}: outbox to effect", rate, RATE_LIMIT, " /s", 0, note, is_least=True),
        Figure(f"events, {bus}: lag p99", late, LAG_LIMIT_S, " s", 2, lag_note),
        Figure(f"events, {bus}: lost", amiss, 0, "", 0, f"of {sent['sent']:,}"),
        Figure(f"events, {bus}: doubled in effect", found["doubled"], 0, "", 0),
        Figure(f"events, {bus}: out of order in a conversation", found["disordered"], 0, "", 0),
    ]


def _ask(role: str, request: dict[str, Any], environ: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.events", role],
        cwd=ROOT, env=environ, input=json.dumps(request) + "\n", capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return dict(json.loads(done.stdout))
