"""Real PostgreSQL and Valkey for tests, started by the code that `./soma up` uses.

Each `var_dir` has its own servers on its own sockets, so several runs live side by side. Set
SA01_VAR_DIR to the same directory before Django reads its settings and every connection fits.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from somaagent.config import Config, load
from somaagent.supervision import child, directories
from somaagent.supervision import postgres as postgres_server
from somaagent.supervision import valkey as valkey_server

# Lost when the machine stops: a test's data is not worth a disk's waiting time.
FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
START_DEADLINE_S = 30


def config_of(var_dir: Path, environ: Mapping[str, str] | None = None) -> Config:
    """Return the standalone configuration of a test's own directory."""
    return load({"SA01_VAR_DIR": str(var_dir), **(environ or {})})


@contextmanager
def postgres(var_dir: Path, *, is_fast: bool = True) -> Iterator[Config]:
    """Run PostgreSQL with the product's database and its roles; yields the configuration."""
    config = config_of(var_dir)
    directories.prepare(config)
    server = postgres_server.EmbeddedPostgres.of(config, **(FAST if is_fast else {}))
    server.prepare()
    maintenance = postgres_server.maintenance_dsn(config)
    with running(config, server.spec(), lambda: not postgres_server.problem(maintenance)):
        postgres_server.create_database(config)
        yield config


@contextmanager
def valkey(var_dir: Path) -> Iterator[Config]:
    """Run Valkey without persistence; yields the configuration."""
    config = config_of(var_dir)
    directories.prepare(config)
    server = valkey_server.EmbeddedValkey(
        config.var_dir / "valkey", config.valkey_socket, persistent=False
    )
    server.prepare()
    url = config.effective_redis_url()
    with running(config, server.spec(), lambda: not valkey_server.problem(url)):
        yield config


@contextmanager
def ready_for_tests(var_dir: Path) -> Iterator[None]:
    """PostgreSQL (migrated, with its restricted roles) and Valkey; Django is set up."""
    from django.core.management import call_command
    from django.db import connections

    from kernel.rls import ensure_roles

    with postgres(var_dir) as config, valkey(var_dir):
        ensure_roles(config.effective_db_dsn("owner"), login=True)
        call_command("migrate", database="owner", verbosity=0, interactive=False)
        connections["owner"].close()
        yield


@contextmanager
def running(
    config: Config, spec: child.ChildSpec, is_ready: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one program from its specification until the block ends; it never outlives the test."""
    programs = config.var_dir / "run" / f"{spec.name}.json"
    child.write([spec], programs)
    log = config.var_dir / "log" / f"{spec.name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "somaagent.supervision.child", spec.name],
            env={**os.environ, child.CHILDREN_FILE: str(programs)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until(is_ready, f"{spec.name} did not start; see {log}", process)
        yield process
    finally:
        stop(process, spec)


def stop(process: subprocess.Popen[bytes], spec: child.ChildSpec) -> None:
    """Ask for an orderly stop; kill what does not follow."""
    if process.poll() is None:
        process.send_signal(signal.Signals[f"SIG{spec.stop_signal}"])
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(
    is_done: Callable[[], bool],
    message: str,
    process: subprocess.Popen[bytes] | None = None,
    deadline_s: float = START_DEADLINE_S,
) -> None:
    """Poll until `is_done`; fail with `message` at the deadline or when `process` ends."""
    end = time.monotonic() + deadline_s
    while not is_done():
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > end:
            raise AssertionError(message)
        time.sleep(0.02)


def create_empty_database(config: Config, name: str) -> None:
    """Make a database without tables beside the product's own."""
    maintenance = postgres_server.maintenance_dsn(config)
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
