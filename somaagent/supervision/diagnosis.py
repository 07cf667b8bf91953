"""Probes of an installation for `doctor`: what is well, what is not, what to do about it.

Owns: looking. Never changes anything, never shows a secret, never raises: a probe that breaks is a
finding itself. "Not running" is no failure of an embedded server: `up` starts it.
"""

import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg
import redis
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from kernel.ports import probe_all
from somaagent.config import Config
from somaagent.config.groups import ROOT
from somaagent.config.modes import LACKING
from somaagent.config.schema import ROLE_NAMES, Role
from somaagent.supervision import lock, marker
from somaagent.supervision.network import probe_ready
from somaagent.supervision.refusal import StartRefused
from webui import buildinfo

State = Literal["ok", "note", "fail"]
LOW_DISK_BYTES = 1_000_000_000
START_IT = "./soma up starts it"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One probe: `note` is worth knowing, `fail` stops the product from working."""

    name: str
    state: State
    detail: str
    advice: str = ""
    latency_ms: float | None = None


def diagnose(config: Config) -> Iterator[Outcome]:
    """Run every probe in the order in which a start needs them."""
    address = lock.holder_address(config.var_dir / "run" / "up.lock")
    is_up = address is not None
    detail = f"running at {address}" if is_up else "not running"
    yield Outcome("installation", "ok" if is_up else "note", detail, "" if is_up else START_IT)
    yield from _stand_ins(config)
    yield from _guarded("directories", lambda: _directories(config))
    yield from _guarded("interface", _interface)
    yield from _guarded("embedding model", _embedding_model)
    has_database = is_up or not config.uses_embedded_postgres
    if has_database:
        yield from _guarded("database", lambda: _database(config))
    else:
        yield Outcome("database", "note", "embedded, not running", START_IT)
    if is_up or not config.uses_embedded_valkey:
        yield from _guarded("valkey", lambda: _valkey(config))
    else:
        yield Outcome("valkey", "note", "embedded, not running", START_IT)
    if has_database and is_up:
        yield from _guarded("ports", _ports)
    if is_up:
        yield from _guarded("web", lambda: _web(config))


def _guarded(name: str, probe: Callable[[], Iterator[Outcome]]) -> Iterator[Outcome]:
    try:
        yield from probe()
    except Exception as exc:  # a probe that breaks is itself the finding
        yield Outcome(name, "fail", f"{type(exc).__name__}: {' '.join(str(exc).split())}")


def _directories(config: Config) -> Iterator[Outcome]:
    var_dir = config.var_dir
    if not var_dir.exists():
        yield Outcome("data directory", "note", f"{var_dir} does not exist yet", START_IT)
        return
    if not os.access(var_dir, os.W_OK | os.X_OK):
        advice = "make it writable for this user, or set SA01_VAR_DIR"
        yield Outcome("data directory", "fail", f"{var_dir} cannot be written", advice)
    free = shutil.disk_usage(var_dir).free
    is_low = free < LOW_DISK_BYTES
    advice = "make room: PostgreSQL stops when the disk is full" if is_low else ""
    state: State = "fail" if is_low else "ok"
    yield Outcome("disk", state, f"{free / 1e9:.1f} GB free at {var_dir}", advice)
    secrets = var_dir / "secrets"
    exposed = [path for path in (secrets, *secrets.glob("*")) if path.exists() and _is_open(path)]
    for path in exposed:
        yield Outcome("secrets", "fail", f"{path} can be read by others", f"chmod go-rwx '{path}'")
    if secrets.exists() and not exposed:
        yield Outcome("secrets", "ok", f"{secrets} is private")


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _interface() -> Iterator[Outcome]:
    found = buildinfo.state()
    # A stale interface serves; without any, only the API answers.
    states: dict[str, State] = {"fresh": "ok", "stale": "note", "missing": "fail"}
    detail = found.detail or "built from the present sources"
    yield Outcome("interface", states[found.state], detail, found.command)


def _embedding_model() -> Iterator[Outcome]:
    prepared = sorted((ROOT / ".tools" / "models").glob("*/stamp.json"))
    if prepared:
        yield Outcome("embedding model", "ok", prepared[-1].parent.name)
    else:
        advice = "./soma up prepares it; until then memory is searched by words alone"
        yield Outcome("embedding model", "note", "not prepared", advice)


def _database(config: Config) -> Iterator[Outcome]:
    started = time.monotonic()
    with psycopg.connect(config.effective_db_dsn("owner"), connect_timeout=5) as connection:
        row = connection.execute("show server_version").fetchone()
        vector = connection.execute(
            "select 1 from pg_extension where extname = 'vector'"
        ).fetchone()
    latency_ms = (time.monotonic() - started) * 1000
    yield Outcome("database", "ok", f"PostgreSQL {row[0] if row else '?'}", latency_ms=latency_ms)
    if vector is None:
        yield Outcome(
            "pgvector", "fail", "extension vector is missing", "install it, then ./soma up"
        )
    else:
        yield Outcome("pgvector", "ok", "extension vector is there")
    yield from _roles(config)
    yield from _marker(config)
    yield from _migrations()


def _roles(config: Config) -> Iterator[Outcome]:
    expected: dict[Role, bool] = {"app": False, "platform": True}
    for role, may_bypass in expected.items():
        query = "select rolsuper, rolbypassrls from pg_roles where rolname = current_user"
        with psycopg.connect(config.effective_db_dsn(role), connect_timeout=5) as connection:
            row = connection.execute(query).fetchone()
        is_super, bypasses = row or (True, True)
        name = f"role {ROLE_NAMES[role]}"
        if is_super or (bypasses and not may_bypass):
            advice = "use a role without SUPERUSER and BYPASSRLS: tenants are not sealed off now"
            yield Outcome(name, "fail", "may pass row-level security", advice)
        elif may_bypass and not bypasses:
            yield Outcome(name, "fail", "lacks BYPASSRLS", "./soma up sets the roles up")
        else:
            yield Outcome(name, "ok", "restricted" if role == "app" else "sees every tenant")


def _marker(config: Config) -> Iterator[Outcome]:
    try:
        found = marker.identity(config.effective_db_dsn("owner"))
        marker.refuse_other_database(config.var_dir, found)
    except StartRefused as refused:
        what, _, advice = str(refused).partition("\n")
        yield Outcome("data marker", "fail", what, " ".join(advice.split()))


def _migrations() -> Iterator[Outcome]:
    try:
        executor = MigrationExecutor(connections["owner"])
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    finally:
        connections["owner"].close()
    if pending:
        yield Outcome("migrations", "fail", f"{len(pending)} not applied", "./soma up applies them")
    else:
        yield Outcome("migrations", "ok", "all applied")


def _valkey(config: Config) -> Iterator[Outcome]:
    client = redis.Redis.from_url(config.effective_redis_url(), socket_timeout=5)
    try:
        started = time.monotonic()
        client.ping()
        latency_ms = (time.monotonic() - started) * 1000
        memory = client.info("memory")
    finally:
        client.close()
    policy = str(memory.get("maxmemory_policy", "?"))
    used = f"{int(memory.get('used_memory', 0)) / 1e6:.0f} MB used, {policy}"
    if policy == "noeviction":
        yield Outcome("valkey", "ok", used, latency_ms=latency_ms)
    else:
        advice = "set maxmemory-policy noeviction: tasks and streams must not be evicted"
        yield Outcome("valkey", "fail", used, advice, latency_ms)


def _stand_ins(config: Config) -> Iterator[Outcome]:
    """Ports that saas mode would serve by a service which this version does not know yet."""
    if config.is_standalone:
        return
    for port, name in LACKING.items():
        detail = f"kept by this installation itself; {name} is not part of this version"
        yield Outcome(f"{port} of saas mode", "note", detail)


def _ports() -> Iterator[Outcome]:
    for name, probe in probe_all().items():
        state: State = "ok" if probe.ok else "fail"
        yield Outcome(f"port {name}", state, probe.detail, probe.advice, probe.latency_ms)


def _web(config: Config) -> Iterator[Outcome]:
    started = time.monotonic()
    readiness = probe_ready(config)
    latency_ms = (time.monotonic() - started) * 1000
    if readiness.is_ready:
        yield Outcome("web", "ok", "ready", latency_ms=latency_ms)
    else:
        advice = f"see {config.var_dir / 'log' / 'web.log'}"
        yield Outcome("web", "fail", readiness.detail, advice, latency_ms)
