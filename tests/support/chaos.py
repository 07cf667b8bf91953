"""An installation that can be killed piece by piece, and people who write down what they saw.

The journals are the oracle: what a person was told is kept must be there at the end, once. Rows are
read with plain SQL as the owner of the tables, past every rule of the code under test.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from somaagent.config import Config
from somaagent.supervision import child, directories, programs
from somaagent.supervision import postgres as postgres_server
from somaagent.supervision import valkey as valkey_server
from tests.support import services
from tests.support.models import use_simulator
from tests.support.simulator import SimulatedProvider, simulated_provider
from tests.support.web import (
    DEADLINE_S,
    ROOT,
    Client,
    Process,
    Socket,
    Web,
    eventually,
    free_port,
)

LEASE_S, REAP_EVERY_S = 5, 5
# From the death of a runner until its turn must be told as interrupted.
INTERRUPTED_WITHIN_S = LEASE_S + REAP_EVERY_S
SEQUENCED = ("chat.note", "chat.delta", "chat.done")
GONE = (ConnectionClosed, InvalidHandshake, OSError, EOFError, TimeoutError)

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
    "kernel_outboxevent, kernel_inboxrecord, kernel_idempotencyrecord"
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
            self._running = services.running(self._config, self._spec, self._is_ready)
            self._process = self._running.__enter__()

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

    def __init__(self, var_dir: Path) -> None:
        self.var_dir = var_dir
        self.config = services.config_of(var_dir)
        directories.prepare(self.config)
        self._env = {"SA01_VAR_DIR": str(var_dir), "SA01_TURN_LEASE_S": str(LEASE_S)}
        cluster = postgres_server.EmbeddedPostgres.of(self.config, **services.FAST)
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
def installation() -> Iterator[Installation]:
    """A prepared installation; nothing of it is left afterwards."""
    var_dir = Path(tempfile.mkdtemp(prefix="soma-chaos-"))
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, var_dir, ignore_errors=True)
        made = Installation(var_dir)
        undo.callback(made.stop)
        made.prepare()
        yield made


@contextmanager
def model_of(made: Installation) -> Iterator[SimulatedProvider]:
    """The installation's model, always on the same port."""
    with simulated_provider(port=made.model_port) as model:
        yield model


# What people saw.


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame and when it came (monotonic seconds)."""

    at: float
    kind: str
    payload: dict[str, Any]


@dataclass
class Answer:
    """A turn as a client has it: the reducer of protocol 2, written once more."""

    seq: int = 0
    text: str = ""
    state: str = "open"
    error: dict[str, Any] | None = None
    degraded: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether its last frame came."""
        return self.state != "open"

    def take(self, kind: str, payload: dict[str, Any]) -> str:
        """Apply a frame; says what was wrong with it, or nothing."""
        if kind != "chat.snapshot":
            if payload["seq"] != self.seq + 1:
                return f"frame {payload['seq']} after {self.seq}"
            if kind == "chat.delta":
                self.seq, self.text = payload["seq"], self.text + payload["delta"]
                return ""
        wrong = ""
        if kind == "chat.done" and payload["content"] != self.text:
            wrong = "the last frame's content is not the joined deltas"
        self.seq = payload["seq"]
        self.degraded = payload["degraded"]
        if kind != "chat.note":
            self.text, self.state = payload["content"], payload["state"]
            self.error = payload["error"]
        return wrong


class Tab:
    """A browser tab as the interface is one: reconnects, resumes, sends again with the same key."""

    def __init__(self, client: Client, *watched: str) -> None:
        self.client, self.watched = client, watched
        self.seen: list[Seen] = []
        self.answers: dict[str, Answer] = {}
        self.wrong: list[str] = []
        self.accepted: dict[str, dict[str, Any]] = {}
        self.problems: list[dict[str, Any]] = []
        self.connections = 0
        self._stack = ExitStack()
        self._socket: Socket | None = None
        self._is_asking = False

    def __enter__(self) -> "Tab":
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave without a word to anybody."""
        self._socket = None
        with suppress(*GONE):
            self._stack.close()

    def connect(self, deadline_s: float = 60.0) -> None:
        """Open the socket however often it takes, watch, and resume what was not over."""
        self.close()
        end = time.monotonic() + deadline_s
        while True:
            try:
                opened = self._stack.enter_context(self.client.socket())
                while opened.receive(10)["type"] != "connected":
                    pass
                break
            except GONE:
                with suppress(*GONE):
                    self._stack.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)  # as a browser backs off
        self._socket, self._is_asking = opened, False
        self.connections += 1
        for conversation_id in self.watched:
            self.send("conversation.watch", conversation_id=conversation_id)
        for turn, answer in self.answers.items():
            if not answer.is_over:
                self.send("resume", turn=turn, after=answer.seq)

    def send(self, kind: str, **payload: Any) -> None:
        """One frame; a broken connection shows at the next `read`."""
        assert self._socket is not None
        with suppress(*GONE):
            self._socket.send(kind, **payload)

    def read(self, timeout_s: float = 5.0) -> Seen | None:
        """The next frame, applied; None when there was none. A lost connection is opened again."""
        assert self._socket is not None
        try:
            frame = self._socket.receive(timeout_s)
        except TimeoutError:
            if self._is_asking:
                self.connect()
            else:
                # Silence may be a dead connection: the next silence decides.
                self.send("ping")
                self._is_asking = True
            return None
        except GONE:
            self.connect()
            return None
        self._is_asking = False
        seen = Seen(time.monotonic(), frame["type"], frame["payload"])
        self.seen.append(seen)
        self._take(seen)
        return seen

    def until(self, holds: Callable[[], object], what: str, deadline_s: float = 60.0) -> None:
        """Read until `holds`. Raises: AssertionError at the deadline."""
        end = time.monotonic() + deadline_s
        while not holds():
            left = end - time.monotonic()
            assert left > 0, f"not within {deadline_s} s: {what}; {self.last()}"
            self.read(min(5.0, left))

    def say(
        self, conversation_id: str, content: str, key: str = "", deadline_s: float = 90.0
    ) -> dict[str, Any]:
        """Send until it is accepted, always with the same key; returns what was accepted."""
        key = key or str(uuid.uuid4())
        end = time.monotonic() + deadline_s
        while key not in self.accepted:
            assert time.monotonic() < end, f"never accepted; {self.last()}"
            told = len(self.problems)
            self.send(
                "chat.message", conversation_id=conversation_id, content=content, client_key=key
            )
            connections = self.connections
            while key not in self.accepted and len(self.problems) == told:
                self.read()
                if self.connections > connections:
                    break
            if len(self.problems) > told:
                self._heed(self.problems[-1])
        return self.accepted[key]

    def finish(self, turn: str, deadline_s: float = 60.0) -> Answer:
        """Read until the turn is over."""
        answer = self.answers.setdefault(turn, Answer())
        self.until(lambda: answer.is_over, f"the end of {turn}", deadline_s)
        return answer

    def frames_of(self, turn: str) -> list[Seen]:
        """The numbered frames of a turn, in the order in which they came."""
        return [one for one in self.seen if one.kind in SEQUENCED and one.payload["turn"] == turn]

    def last(self) -> str:
        """What came last, for messages."""
        return f"last frames: {[(one.kind, one.payload.get('seq')) for one in self.seen[-3:]]}"

    def _heed(self, problem: dict[str, Any]) -> None:
        turn = problem.get("turn")
        if turn and not self.answers.setdefault(turn, Answer()).is_over:
            # Somebody's answer is being written: it is read to its end first.
            self.send("resume", turn=turn, after=self.answers[turn].seq)
            self.finish(turn)
        else:
            time.sleep(min(0.3, problem.get("retry_after", 0.3)))

    def _take(self, seen: Seen) -> None:
        payload = seen.payload
        if seen.kind == "chat.accepted":
            self.accepted[payload["client_key"]] = payload
            self.answers.setdefault(payload["turn"], Answer())
        elif seen.kind == "error":
            self.problems.append(payload["problem"])
        elif seen.kind == "watching" and payload["open_turn"]:
            running = payload["open_turn"]
            if running["id"] not in self.answers:
                self.answers[running["id"]] = Answer()
                self.send("resume", turn=running["id"], after=0)
        elif seen.kind in (*SEQUENCED, "chat.snapshot"):
            answer = self.answers.setdefault(payload["turn"], Answer())
            if answer.is_over or (seen.kind in SEQUENCED and payload["seq"] <= answer.seq):
                return
            trouble = answer.take(seen.kind, payload)
            if trouble.startswith("frame"):
                self.send("resume", turn=payload["turn"], after=answer.seq)
            elif trouble:
                self.wrong.append(trouble)


def http_problem(client: Client, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """What a request was refused with: {status, ...problem}."""
    answer = client.http.request(method, path, json=body)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return {"status": answer.status_code, **answer.json()}


def metric(web: Web, name: str) -> float:
    """A sample of /metrics, summed over its labels."""
    text = httpx.get(f"{web.base}/metrics", timeout=5).text
    lines = (line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} ")))
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
