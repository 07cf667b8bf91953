"""`up`: the order in which an installation starts, runs and stops.

Owns: the sequence lock -> leftovers -> directories -> servers -> database -> programs -> ready ->
watch -> stop. A signal may come at any step; whatever was started then stops in reverse order.
"""

import time
from collections.abc import Callable
from typing import TextIO

import psutil

from somaagent.config import Config
from somaagent.supervision import database, directories, lock, marker, postgres, programs, valkey
from somaagent.supervision.child import ChildSpec
from somaagent.supervision.daemon import FAILED_STATES, ChildState, Supervisor
from somaagent.supervision.logs import LogTails
from somaagent.supervision.network import probe_ready, refuse_busy_port
from somaagent.supervision.refusal import StartRefused
from somaagent.supervision.signals import StopRequested, StopSignals
from somaagent.supervision.terminal import Terminal

STOP_WAIT_S = 9.0
SERVER_WAIT_S = 60.0
READY_WAIT_S = 90.0
POLL_S = 0.05
WATCH_S = 1.0


def run(config: Config, stream: TextIO) -> int:
    """Start everything, wait until asked to stop, stop everything; return the exit code.

    Raises: StartRefused, after everything that was started has been stopped.
    """
    terminal, signals = Terminal(stream), StopSignals()
    with signals.caught():
        try:
            directories.prepare(config)
            path = config.var_dir / "run" / "up.lock"
            with lock.held(path, config.effective_public_url):
                Installation(config, terminal, signals).run()
        except StopRequested:
            return 0
    return 0


class Installation:
    """One run of `up` that holds the lock."""

    def __init__(self, config: Config, terminal: Terminal, signals: StopSignals) -> None:
        self._config, self._terminal, self._signals = config, terminal, signals
        self._logs = LogTails(config.var_dir / "log")
        # Each program's start as last seen by `_watch`, to notice that it was started again.
        self._seen: dict[str, ChildState] = {}

    def run(self) -> None:
        """Start, watch, stop."""
        self._clear_leftovers()
        refuse_busy_port(self._config)
        with self._terminal.step("Preparing files"):
            servers, notes = self._prepare_servers()
        for note in notes:
            self._terminal.say(f"    {note}")
        applications = [
            make(self._config) for make in (programs.web, programs.worker, programs.beat)
        ]
        supervisor = Supervisor(self._config, [*servers, *applications])
        try:
            with self._terminal.step("Starting the supervisor"):
                supervisor.launch()
                self._wait(supervisor, supervisor.is_answering, "supervisord")
            self._start_servers(supervisor, [spec.name for spec in servers])
            self._set_up_database()
            for spec in applications:
                supervisor.start(spec.name)
            self._wait_until_ready(supervisor)
            self._watch(supervisor)
        finally:
            self._stop(supervisor)

    def _clear_leftovers(self) -> None:
        if lock.leftovers(self._config.var_dir):
            with self._terminal.step("Waiting for an earlier run to end"):
                lock.clear_leftovers(self._config.var_dir)

    def _prepare_servers(self) -> tuple[list[ChildSpec], list[str]]:
        specs: list[ChildSpec] = []
        notes: list[str] = []
        if self._config.uses_embedded_postgres:
            server = postgres.EmbeddedPostgres.of(self._config)
            if not server.exists:
                marker.refuse_missing_cluster(self._config.var_dir, server.data_dir)
            notes = server.prepare()
            specs.append(server.spec())
        if self._config.uses_embedded_valkey:
            store = valkey.EmbeddedValkey.of(self._config)
            store.prepare()
            specs.append(store.spec())
        return specs, notes

    def _start_servers(self, supervisor: Supervisor, embedded: list[str]) -> None:
        for name in embedded:  # both at once: neither needs the other
            supervisor.start(name)
        config, maintenance = self._config, postgres.maintenance_dsn(self._config)
        owner, url = config.effective_db_dsn("owner"), config.effective_redis_url()
        if config.uses_embedded_postgres:
            with self._terminal.step("Starting PostgreSQL"):
                self._wait(supervisor, lambda: not postgres.problem(maintenance), "postgres")
        else:
            with self._terminal.step("Reaching PostgreSQL of SA01_DB_DSN"):
                _refuse("PostgreSQL", "SA01_DB_DSN", postgres.problem(owner))
        if config.uses_embedded_valkey:
            with self._terminal.step("Starting Valkey"):
                self._wait(supervisor, lambda: not valkey.problem(url), "valkey")
        else:
            with self._terminal.step("Reaching Valkey of SA01_REDIS_URL"):
                _refuse("Valkey", "SA01_REDIS_URL", valkey.problem(url))

    def _set_up_database(self) -> None:
        with self._terminal.step("Checking the database"):
            database.prepare(self._config)
        with self._terminal.step("Migrating the database"):
            database.migrate(self._config)
            database.verify()
        # Shown once: a signal waits until the password has been printed.
        with self._signals.held_back():
            with self._terminal.step("Looking for a platform admin"):
                said = database.ensure_first_admin()
            if said:
                self._terminal.say(f"\n{said}\n")

    def _wait_until_ready(self, supervisor: Supervisor) -> None:
        with self._terminal.step("Starting web, worker and scheduler"):
            self._wait(supervisor, lambda: probe_ready(self._config).is_ready, "web", READY_WAIT_S)
        # From the call of ./soma, which this process was before it became Python.
        took = time.time() - psutil.Process().create_time()
        address = self._config.effective_public_url
        self._terminal.say(f"\nSomaAgent is ready after {took:.1f} s: {address}\nStop it: Ctrl-C\n")

    def _wait(
        self,
        supervisor: Supervisor,
        is_done: Callable[[], bool],
        name: str,
        deadline_s: float = SERVER_WAIT_S,
    ) -> None:
        deadline = time.monotonic() + deadline_s
        while not is_done():
            if not supervisor.is_alive():
                raise self._failure("supervisord", "ended")
            if name != "supervisord":
                for child in supervisor.states():
                    if child.state in FAILED_STATES:
                        raise self._failure(child.name, "ended while starting")
            if time.monotonic() > deadline:
                raise self._failure(name, f"was not ready within {deadline_s:.0f} s")
            time.sleep(POLL_S)

    def _failure(self, name: str, what: str) -> StartRefused:
        detail = probe_ready(self._config).detail if name == "web" else ""
        path, lines = self._logs.last_lines(name)
        tail = [f"The end of {path}:", *lines] if lines else [f"Its log is {path}"]
        parts = [f"{name} {what}.", detail, *tail]
        return StartRefused("\n".join(part for part in parts if part))

    def _watch(self, supervisor: Supervisor) -> None:
        """Wait for a signal; say what is started again on the way."""
        while supervisor.is_alive():
            for child in supervisor.states():
                before = self._seen.get(child.name)
                if before and child.pid != before.pid:
                    log = self._logs.path(child.name)
                    self._terminal.say(f"  {child.name} {_fate(child)}; see {log}")
                self._seen[child.name] = child
            time.sleep(WATCH_S)
        raise self._failure("supervisord", "ended unexpectedly; everything is being stopped")

    def _stop(self, supervisor: Supervisor) -> None:
        self._signals.ignore_from_now_on()  # the stop has its own deadline
        with self._terminal.step("Stopping"):
            deadline = time.monotonic() + STOP_WAIT_S
            supervisor.stop(STOP_WAIT_S)
            # Without its supervisor each program stops by itself: the kernel told it to.
            lock.clear_leftovers(self._config.var_dir, deadline - time.monotonic())
            directories.clean_up(self._config)


def _fate(child: ChildState) -> str:
    if child.pid:
        return "was started again"
    is_given_up = child.state == "FATAL"
    return "keeps ending and was given up" if is_given_up else "has ended and will start again"


def _refuse(title: str, variable: str, problem: str) -> None:
    if problem:
        message = (
            f"{title} at the address in {variable} does not answer:\n  {problem}\n"
            f"Check the address and the server, or unset {variable} to use the embedded one."
        )
        raise StartRefused(message)
