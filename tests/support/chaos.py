"""An installation that can be killed piece by piece.

Rows are read with plain SQL as the owner of the tables, past every rule of the code under test.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis

from somaagent.config import Config
from somaagent.supervision import child, directories, programs
from somaagent.supervision import postgres as postgres_server
from somaagent.supervision import valkey as valkey_server
from tests.support import services
from tests.support.models import use_simulator
from tests.support.simulator import SimulatedProvider, simulated_provider
from tests.support.web import DEADLINE_S, ROOT, Process, Web, eventually, free_port

LEASE_S, REAP_EVERY_S = 5, 5
# What the suite gives its installations, and benchmarks do not: a breaker's rest is waited for at
# every return, and half a minute of it shows no more.
SHORT_REST = {"SA01_BREAKER_REST_S": "5"}
# From the death of a runner until its turn must be told as interrupted.
INTERRUPTED_WITHIN_S = LEASE_S + REAP_EVERY_S

_PREPARE = """
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
from kernel.rls import ensure_roles
from tests.support.cast import build
ensure_roles(settings.SOMA.effective_db_dsn("owner"), login=True)
call_command("migrate", database="owner", verbosity=0, interactive=False)
build()
"""
_EMPTIED = (
    "chat_message, chat_turn, chat_branch, chat_conversation, memory_memory, "
    "kernel_outboxevent, kernel_inboxrecord, kernel_idempotencyrecord, kernel_busrecord"
)


class Server:
    """PostgreSQL or Valkey: started, stopped or killed, and started again on the same data."""

    def __init__(self, config: Config, spec: child.ChildSpec, is_ready: Callable[[], bool]) -> None:
        self._config, self._spec, self._is_ready = config, spec, is_ready
        self._running: AbstractContextManager[subprocess.Popen[bytes]] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start and wait until it answers; nothing when it runs. Call from the main thread."""
        if self._running is None:
            # The kernel ends a server with the thread that started it.
            assert threading.current_thread() is threading.main_thread()
            # Again while a killed server's children are still leaving, as a supervisor would.
            self._running, self._process = eventually(self._started, f"no {self._spec.name}")

    def _started(
        self,
    ) -> tuple[AbstractContextManager[subprocess.Popen[bytes]], subprocess.Popen[bytes]] | None:
        attempt = services.running(self._config, self._spec, self._is_ready)
        try:
            return attempt, attempt.__enter__()
        except AssertionError:
            return None

    def stop(self) -> None:
        """An orderly, fast stop."""
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = None

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.stop()


class Installation:
    """Everything that `up` would run, on a directory of its own."""

    def __init__(self, var_dir: Path, **environ: str) -> None:
        self.var_dir = var_dir
        self.config = services.config_of(var_dir)
        directories.prepare(self.config)
        self._env = {
            "SA01_VAR_DIR": str(var_dir),
            "SA01_TURN_LEASE_S": str(LEASE_S),
            **environ,
        }
        # Without waiting for the disk, but written at each commit: a killed server loses nothing.
        cluster = postgres_server.EmbeddedPostgres.of(
            self.config, **services.FAST | {"synchronous_commit": "on"}
        )
        cluster.prepare()
        maintenance = postgres_server.maintenance_dsn(self.config)
        self.postgres = Server(
            self.config, cluster.spec(), lambda: not postgres_server.problem(maintenance)
        )
        # Without persistence: whatever was in it is gone after a restart.
        cache = valkey_server.EmbeddedValkey(
            var_dir / "valkey", self.config.valkey_socket, persistent=False
        )
        cache.prepare()
        url = self.config.effective_redis_url()
        self.valkey = Server(self.config, cache.spec(), lambda: not valkey_server.problem(url))
        self.web = self.another_web()
        self.worker = self._program(programs.worker(self.config))
        self.beat = self._program(programs.beat(self.config))
        self.model_port = free_port()
        self._has_model = False

    def another_web(self, **environ: str) -> Web:
        """One more web process of this installation (not started)."""
        return Web(self.var_dir, {**self._env, **environ})

    def prepare(self) -> None:
        """Servers, tables, roles and the cast; once."""
        self.postgres.start()
        self.valkey.start()
        postgres_server.create_database(self.config)
        subprocess.run(
            [sys.executable, "-c", _PREPARE],
            cwd=ROOT,
            env={
                **os.environ,
                "SA01_VAR_DIR": str(self.var_dir),
                "DJANGO_SETTINGS_MODULE": "somaagent.settings",
            },
            check=True,
        )

    def fresh(self, model: SimulatedProvider) -> None:
        """Servers and web run, no conversation is left; the worker is off."""
        self.stop_background()
        self.postgres.start()
        self.valkey.start()
        ensure_running(self.web)
        if not self._has_model:
            use_simulator(self.web, model)
            self._has_model = True
        model.reset()
        with self.connected() as connection:
            connection.execute("set lock_timeout = '10s'")
            eventually(lambda: _emptied(connection), "the tables were never free")
        self.cache().flushall()

    def start_background(self) -> None:
        """Worker and beat, as production has them."""
        ensure_running(self.worker)
        ensure_running(self.beat)

    def forget_model(self) -> None:
        """The model was removed: the next fresh start sets it again."""
        self._has_model = False

    def stop_background(self) -> None:
        """Kill worker and beat."""
        for process in (self.worker, self.beat):
            if is_running(process):
                process.kill()

    def stop(self) -> None:
        """Everything."""
        self.stop_background()
        self.web.stop()
        self.valkey.stop()
        self.postgres.stop()

    def eventually(
        self, check: Callable[[], Any], message: str, deadline_s: float = DEADLINE_S
    ) -> Any:
        """Poll `check` until it is truthy; when it never is, the processes' last words are told."""
        try:
            return eventually(check, message, deadline_s)
        except AssertionError as exc:
            words = [
                f"--- {process.log.name}, running: {is_running(process)}\n"
                f"{process.log.read_text()[-1500:]}"
                for process in (self.web, self.worker, self.beat)
                if process.log.exists()
            ]
            raise AssertionError("\n".join([message, *words])) from exc

    def cache(self) -> redis.Redis:
        """A client of its Valkey."""
        return redis.Redis.from_url(self.config.effective_redis_url())

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of any tenant, read as the owner."""
        with self.connected() as connection:
            return connection.execute(query, values).fetchall()  # type: ignore[call-overload,no-any-return]

    def number(self, query: str, *values: object) -> int:
        """The one number that a query gives."""
        return int(self.rows(query, *values)[0][0])

    def execute(self, statement: str) -> None:
        """Change the tables past the product (crash points)."""
        with self.connected() as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection]:
        """A connection as the owner of the tables."""
        dsn = self.config.effective_db_dsn("owner")
        with psycopg.connect(dsn, autocommit=True) as connection:
            yield connection

    def _program(self, spec: child.ChildSpec) -> Process:
        environ = {**self._env, "SA01_LOG_LEVEL": "warning"}
        return Process(spec.name, list(spec.argv), self.var_dir, environ)


def _emptied(connection: psycopg.Connection) -> bool:
    try:
        connection.execute(f"truncate {_EMPTIED} cascade")  # type: ignore[arg-type]
    except (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable):
        return False
    return True


def is_running(process: Process) -> bool:
    """Whether it was started and has not ended."""
    return process.popen is not None and process.popen.poll() is None


def ensure_running(process: Process) -> None:
    """Start what does not run."""
    if not is_running(process):
        process.start()


@contextmanager
def installation(**environ: str) -> Iterator[Installation]:
    """A prepared installation; nothing of it is left afterwards. `environ`: of its processes."""
    var_dir = Path(tempfile.mkdtemp(prefix="soma-chaos-"))
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, var_dir, ignore_errors=True)
        made = Installation(var_dir, **environ)
        undo.callback(made.stop)
        made.prepare()
        yield made


@contextmanager
def model_of(made: Installation) -> Iterator[SimulatedProvider]:
    """The installation's model, always on the same port."""
    with simulated_provider(port=made.model_port) as model:
        yield model
