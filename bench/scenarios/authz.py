"""Permission questions with 1,000 tenants, 200,000 people and 1,000,000 conversations.

Filled by SQL, asked by the product's own code in a process of its own, drawn at random: one's own
conversations, shared ones and those of others in equal parts. "Cold" is from the session's secret
to the answer, with nothing remembered. PostgreSQL is durable as in production. The two designs that
were not taken (a recursive walk over tuples, a closure) answer the same questions beside it.
"""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.machine import ROOT
from bench.stand import var_dir
from bench.target import Figure, Quote, middle, percentile
from somaagent.services.recipes import ServiceProblem, missing_tools, recipes
from somaagent.services.running import start, stop
from tests.support import services

if TYPE_CHECKING:
    from bench.runner import Bench

SIZES = {"tenants": 1_000, "people": 200, "agents": 50, "conversations": 1_000_000}
SEED = 20261121
WATCHERS = 3


def run(bench: "Bench") -> list[Figure | Quote]:
    """Checks, lists, SpiceDB beside them, and how soon a right is gone."""
    with ExitStack() as stack:
        directory = stack.enter_context(var_dir())
        directory.parent.mkdir(parents=True, exist_ok=True)
        stack.enter_context(services.postgres(directory, is_fast=False))
        stack.enter_context(services.valkey(directory))
        environ = {**os.environ, "SA01_VAR_DIR": str(directory), "SA01_LOG_LEVEL": "error"}
        _ask("fill", SIZES, environ)
        found = bench.keep("authz", _ask("ask", {"seed": SEED}, environ))
        lines: list[Figure | Quote] = [
            _figure("check, embedded, cold", found["cold_ms"], 3, f"{found['yes']:,} allowed"),
            _figure("check, embedded, remembered", found["cached_ms"], 0.2, ""),
            _figure("list of 50 of 1,000,000", found["list_ms"], 20, ""),
            _revocation(environ),
        ]
        lines += _designs(bench.keep("authz-designs", _ask("others", {"seed": SEED}, environ)))
        lines.append(_spicedb(bench, stack, Path(directory.parent) / "spicedb", environ))
    return lines


def _figure(name: str, values: list[float], limit: float, note: str) -> Figure:
    p50 = f"p50 {middle(values):.2f}"
    text = ", ".join(filter(None, (p50, f"{len(values):,} asked", note)))
    return Figure(f"{name}, p95", percentile(values, 0.95), limit, " ms", 2, text)


def _designs(found: dict[str, Any]) -> list[Quote]:
    lines = []
    for name, table in (("unfolded", "saas_grant"), ("recursive", "bench_tuple"),
                        ("closure", "bench_closure")):  # fmt: skip
        values, (rows, size) = found[f"{name}_ms"], found[table]
        p95 = f"p50 {middle(values):.2f} ms, p95 {percentile(values, 0.95):.2f} ms"
        kept = f"{rows:,} rows of its own, {size / 2**20:,.0f} MB"
        lines.append(Quote(f"the same check, {name}", p95, kept))
    return lines


def _revocation(environ: dict[str, str]) -> Figure:
    """From the commit to the last of several other processes that refuses."""
    people = _ask("pair", {}, environ)
    watchers = [_start("watch", people, environ) for _ in range(WATCHERS)]
    for one in watchers:
        assert one.stdout is not None
        one.stdout.readline()
    told = _ask("revoke", people | {"role": "viewer"}, environ)
    seen = [json.loads(one.communicate(timeout=60)[0].splitlines()[-1]) for one in watchers]
    if not all(one["refused"] for one in seen):
        raise RuntimeError("a process still allowed what was taken away")
    latest = max(one["at"] for one in seen) - told["at"]
    return Figure("revocation seen in every process", max(latest, 0.0), 1, " s", 3,
                  f"{WATCHERS} processes")  # fmt: skip


def _spicedb(
    bench: "Bench", stack: ExitStack, home: Path, environ: dict[str, str]
) -> Figure | Quote:
    recipe = recipes()["spicedb"]
    name = "check through SpiceDB"
    if find_spec("authzed") is None or (lacking := missing_tools(recipe)):
        return Quote(name, lacking or "without requirements/spicedb.txt", "not measured")
    stack.callback(stop, home)
    try:
        running = start(recipe, home)
    except ServiceProblem as exc:
        return Quote(name, str(exc).splitlines()[0], "not measured")
    environ = environ | {
        "SA01_AUTHZ_ADAPTER": "spicedb",
        "SA01_SPICEDB_ADDRESS": running.addresses["grpc"],
        "SA01_SPICEDB_KEY": "soma-spicedb",
        "SA01_SPICEDB_TLS": "false",
    }
    found = bench.keep("authz-spicedb", _ask("networked", {"seed": SEED}, environ))
    return _figure(name, found["spicedb_ms"], 10, "memory datastore, same machine")


def _start(role: str, request: dict[str, Any], environ: dict[str, str]) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.identity", role],
        cwd=ROOT, env=environ, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    return process


def _ask(role: str, request: dict[str, Any], environ: dict[str, str]) -> dict[str, Any]:
    process = _start(role, request, environ)
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"bench.identity {role} ended with {process.returncode}")
    answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    return answer
