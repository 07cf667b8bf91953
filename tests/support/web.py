"""The real web and worker processes, and a client that speaks to them as a browser would."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.support.cast import PASSWORD

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 40.0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(check: Callable[[], Any], message: str, deadline_s: float = DEADLINE_S) -> Any:
    """Poll `check` until it is truthy; returns its value."""
    end = time.monotonic() + deadline_s
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(message)
        time.sleep(0.02)


class Process:
    """A product process of this run."""

    def __init__(self, name: str, argv: list[str], var_dir: Path, env: dict[str, str]) -> None:
        self.log = var_dir / "log" / f"test-{name}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._argv, self._env = argv, env
        self.popen: subprocess.Popen[bytes] | None = None

    def start(self) -> "Process":
        with self.log.open("ab") as output:
            self.popen = subprocess.Popen(
                self._argv,
                cwd=ROOT,
                env={**os.environ, **self._env},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def wait_for(self, url: str, holds: Callable[[httpx.Response], bool]) -> None:
        """Until what it answers there holds. Raises: AssertionError with its log when it ended."""

        def answers() -> bool:
            assert self.popen is not None
            assert self.popen.poll() is None, self.log.read_text()[-4000:]
            try:
                return holds(httpx.get(url, timeout=5))
            except (httpx.HTTPError, ValueError):
                return False

        eventually(answers, f"{self.log.stem} did not become ready: {self.log}")

    def kill(self) -> None:
        """kill -9."""
        assert self.popen is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def stop(self) -> None:
        """SIGTERM, then kill."""
        if self.popen is None or self.popen.poll() is not None:
            return
        self.popen.terminate()
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


class Web(Process):
    """A web process on a free port."""

    def __init__(
        self, var_dir: Path, env: dict[str, str] | None = None, port: int | None = None
    ) -> None:
        self.port = port or free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        super().__init__(
            f"web-{self.port}",
            [
                *(sys.executable, "-m", "uvicorn", "somaagent.asgi:application"),
                *("--host", "127.0.0.1", "--port", str(self.port), "--no-access-log"),
                *("--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio"),
                *("--ws-per-message-deflate", "false", "--timeout-graceful-shutdown", "2"),
            ],
            var_dir,
            {
                "SA01_PORT": str(self.port),
                "SA01_LOG_LEVEL": "warning",
                # Tests open more windows than a person has; the limit has a test of its own.
                "SA01_SESSION_LIMIT": "1000",
                # A busy machine must not turn "recalled" into "late": lateness has its own tests.
                "SA01_RECALL_DEADLINE_MS": "5000",
                **(env or {}),
            },
        )

    def start(self) -> "Web":
        super().start()
        self.wait_ready()
        return self

    def wait_ready(self) -> None:
        self.wait_for(f"{self.base}/health/ready", lambda answer: answer.status_code == 200)


def worker(var_dir: Path) -> Process:
    """A Celery worker (not started)."""
    return Process(
        "worker",
        [
            *(sys.executable, "-m", "celery", "-A", "somaagent", "worker", "--pool", "solo"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "warning"),
        ],
        var_dir,
        {"SA01_LOG_LEVEL": "warning"},
    )


@contextmanager
def running(process: Process) -> Iterator[Any]:
    """Start, yield, stop."""
    process.start()
    try:
        yield process
    finally:
        process.stop()


class Client:
    """A signed-in browser without the browser."""

    def __init__(self, web: Web, name: str | None = None, password: str = PASSWORD) -> None:
        self.web = web
        self.http = httpx.Client(
            base_url=f"{web.base}/api/v2", timeout=30, headers={"Origin": web.base}
        )
        self.me: dict[str, Any] = {}
        if name is not None:
            self.sign_in(f"{name}@example.org", password)

    def sign_in(self, email: str, password: str) -> httpx.Response:
        answer = self.http.post("/auth/login", json={"email": email, "password": password})
        if answer.status_code == 200:
            self._know(answer.json())
        return answer

    def _know(self, me: dict[str, Any]) -> None:
        self.me = me
        self.http.headers["X-CSRF-Token"] = me["csrf_token"]

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(path, params=query)

    def post(self, path: str, body: Any = None, **extra: Any) -> httpx.Response:
        return self.http.post(path, json=body, **extra)

    def patch(self, path: str, body: Any) -> httpx.Response:
        return self.http.patch(path, json=body)

    def put(self, path: str, body: Any = None) -> httpx.Response:
        return self.http.put(path, json=body)

    def delete(self, path: str) -> httpx.Response:
        return self.http.delete(path)

    def agent_id(self) -> str:
        return str(self.get("/agents").json()["items"][0]["id"])

    def conversation(self, title: str | None = "Untitled test") -> str:
        made = self.post("/chat/conversations", {"agent_id": self.agent_id(), "title": title})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def say(self, conversation_id: str, content: str, key: str | None = None) -> dict[str, Any]:
        """Send and wait for the whole answer."""
        answer = self.post(
            "/chat/messages",
            {
                "conversation_id": conversation_id,
                "content": content,
                "client_key": key or str(uuid.uuid4()),
                "stream": False,
            },
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def messages(self, conversation_id: str, **query: Any) -> list[dict[str, Any]]:
        return list(self.get(f"/chat/messages/{conversation_id}", **query).json()["items"])

    @contextmanager
    def socket(self, **options: Any) -> Iterator["Socket"]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        headers = {"Cookie": cookie, "Origin": self.web.base, **options.pop("headers", {})}
        url = f"ws://127.0.0.1:{self.web.port}/ws/v2/chat"
        with connect(url, additional_headers=headers, compression=None, max_size=None) as raw:
            yield Socket(raw)


class Socket:
    """A chat socket."""

    def __init__(self, raw: ClientConnection) -> None:
        self.raw = raw

    def send(self, kind: str, **payload: Any) -> str:
        ref = str(uuid.uuid4())
        self.raw.send(json.dumps({"type": kind, "id": ref, "timestamp": "", "payload": payload}))
        return ref

    def receive(self, timeout: float = DEADLINE_S) -> dict[str, Any]:
        return dict(json.loads(self.raw.recv(timeout)))

    def until(self, *kinds: str, timeout: float = DEADLINE_S) -> list[dict[str, Any]]:
        """Every frame up to and including the first of `kinds`."""
        found = []
        end = time.monotonic() + timeout
        while True:
            frame = self.receive(max(0.01, end - time.monotonic()))
            found.append(frame)
            if frame["type"] in kinds:
                return found
