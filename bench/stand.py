"""The installation that is measured: the real `up` on a private directory, with default settings.

Owns: the processes that a run starts, and their end. PostgreSQL is durable as in production
(`fsync`, `synchronous_commit` on); web, worker, beat, Valkey and the supervisor run as `up` runs
them. The simulated provider and the load generator are processes of their own.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil

from bench.machine import ROOT
from tests.support.simulator import SimulatedProvider, simulated_provider
from tests.support.up import Up, end

PEOPLE = 300
MODEL = "simulated"
# The shapes of the simulated answers, chosen by the first word of the question.
TOKENS = {"long": 100, "short": 10, "quick": 5, "second": 10}
RULES: tuple[dict[str, Any], ...] = (
    {"when": "^long", "ttft_ms": 50, "gap_ms": 20, "tokens": TOKENS["long"]},
    {"when": "^short", "ttft_ms": 50, "gap_ms": 20, "tokens": TOKENS["short"]},
    # A second until the last one.
    {"when": "^second", "ttft_ms": 550, "gap_ms": 50, "tokens": TOKENS["second"]},
    {"when": "^quick", "ttft_ms": 0, "gap_ms": 0, "tokens": TOKENS["quick"]},
)
WINDOW = 128_000
QUIET_S = 2.0
QUIET_KB = 256
SETTLE_DEADLINE_S = 30.0


class Stand:
    """A running installation with people, a model and conversations."""

    def __init__(self, up: Up, simulator: SimulatedProvider) -> None:
        self.up, self.simulator = up, simulator
        self.idle_rss_mb = 0.0
        self.peak_rss_mb = 0.0
        self.tenant_id = ""
        self.admin: dict[str, str] = {}
        self.people: list[dict[str, str]] = []
        self._watching = threading.Event()

    @property
    def port(self) -> int:
        """Port of the web process."""
        return self.up.port

    def prepare(self) -> None:
        """Measure the idle process, then make people and set the model."""
        self.idle_rss_mb = self.settled_rss_mb()
        made = self.provision(do="people", count=PEOPLE)
        self.tenant_id, self.admin, self.people = made["tenant_id"], made["admin"], made["people"]
        self.simulator.script(*RULES)
        provider = self.call(
            "POST",
            "/gateway/providers",
            {
                "name": "Simulator",
                "kind": "openai-compatible",
                "base_url": self.simulator.base_url,
                "api_key": "sk-bench-0123456789",
                "models": [{"name": MODEL, "window": WINDOW, "output_limit": 8_192}],
            },
        )
        self.call("PUT", f"/gateway/models/{provider['models'][0]['id']}/default")

    def web(self) -> psutil.Process:
        """The web process as it is now."""
        return self.up.child("uvicorn")

    def rss_mb(self) -> float:
        """Resident memory of the web process and its children."""
        web = self.web()
        return sum(one.memory_info().rss for one in [web, *web.children(recursive=True)]) / 1e6

    def settled_rss_mb(self) -> float:
        """Resident memory once it has stopped moving (start-up chores are done)."""
        deadline = time.monotonic() + SETTLE_DEADLINE_S
        last, since = self.rss_mb(), time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - since < QUIET_S:
            time.sleep(0.1)
            seen = self.rss_mb()
            if abs(seen - last) > QUIET_KB / 1000:
                last, since = seen, time.monotonic()
        return self.rss_mb()

    def restart_web(self) -> None:
        """A fresh web process: end it, and let the supervisor start it again."""
        old = self.web()
        old.terminate()
        old.wait(15)
        deadline = time.monotonic() + 60
        while not self.up.is_answering():
            if time.monotonic() > deadline:
                raise RuntimeError("the web process did not come back")
            time.sleep(0.05)

    def restart(self) -> None:
        """The whole installation anew on the same data, as after an upgrade."""
        self.up.stop()
        self.up.start().wait_ready()

    def conversations(self, count: int) -> list[dict[str, Any]]:
        """Lanes of `count` people, each with a new, titled conversation."""
        people = self.people[:count]
        made = self.provision(
            do="conversations",
            tenant_id=self.tenant_id,
            user_ids=[person["user_id"] for person in people],
        )
        return [
            self.tab(person, conversation_id)
            for person, conversation_id in zip(people, made["conversation_ids"], strict=True)
        ]

    def history(self, person: dict[str, str], messages: int, forks: int = 0) -> str:
        """A conversation of that many messages."""
        made = self.provision(
            do="history",
            tenant_id=self.tenant_id,
            user_id=person["user_id"],
            messages=messages,
            forks=forks,
        )
        return str(made["conversation_id"])

    def tab(self, person: dict[str, str], conversation_id: str | None) -> dict[str, Any]:
        """A lane of the load generator: a signed-in tab."""
        return {
            "kind": "tab",
            "port": self.port,
            "cookie": person["cookie"],
            "conversation_id": conversation_id,
        }

    def upstream(self) -> dict[str, Any]:
        """A lane of the load generator: the simulator itself."""
        return {
            "kind": "upstream",
            "host": "127.0.0.1",
            "port": self.simulator.port,
            "path": "/v1/chat/completions",
            "model": MODEL,
            "headers": {"Authorization": "Bearer sk-bench-0123456789"},
        }

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One REST call as the platform admin. Raises: RuntimeError."""
        headers = {
            "Cookie": f"soma_session={self.admin['cookie']}",
            "X-CSRF-Token": self.admin["csrf"],
            "Content-Type": "application/json",
        }
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, f"/api/v2{path}", json.dumps(body or {}), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status >= 400:
            message = f"{method} {path}: {answer.status} {text[:500]}"
            raise RuntimeError(message)
        return json.loads(text) if text else None

    def backlog(self) -> float:
        """Events and memories that the worker has not settled yet."""
        names = ("soma_outbox_pending_events", "soma_memory_pending")
        lines = [line for line in self._read("/metrics").splitlines() if line.startswith(names)]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def is_well(self) -> bool:
        """Whether the web process knows of nothing that is limited."""
        return json.loads(self._read("/health"))["overall_health"] == "healthy"

    def _read(self, path: str) -> str:
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return str(answer.read().decode())

    def provision(self, **request: Any) -> dict[str, Any]:
        """Have `bench.provision` fill the installation."""
        environ = {**os.environ, "SA01_VAR_DIR": str(self.up.var_dir), "SA01_LOG_LEVEL": "error"}
        return _answer([sys.executable, "-m", "bench.provision"], request, environ)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note the highest resident memory of the web process meanwhile."""
        self._watching.set()
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._watching.clear()
            watcher.join()

    def _watch(self) -> None:
        while self._watching.is_set():
            self.peak_rss_mb = max(self.peak_rss_mb, self.rss_mb())
            time.sleep(0.25)


@contextmanager
def var_dir() -> Iterator[Path]:
    """A private directory on a disk (`/var/tmp` is never in memory), removed afterwards."""
    parent = "/var/tmp" if Path("/var/tmp").is_dir() else None
    path = Path(tempfile.mkdtemp(prefix="soma-bench-", dir=parent))
    try:
        yield path / "var"
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def standing(directory: Path, settings: Mapping[str, str] | None = None) -> Iterator[Stand]:
    """Start everything; whatever happens, nothing of it lives on."""
    run = Up(directory, environ=dict(settings or {}))
    with simulated_provider() as simulator:
        try:
            run.start().wait_ready()
            stand = Stand(run, simulator)
            stand.prepare()
            yield stand
        finally:
            end(run)


def load(job: dict[str, Any]) -> dict[str, Any]:
    """Run one job of the load generator."""
    return _answer([sys.executable, "-m", "bench.load"], job, dict(os.environ))


@contextmanager
def holding(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run a job that holds what it opened until the block ends; `lost` is filled in then."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.load"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(job) + "\n")
    process.stdin.flush()
    try:
        state = json.loads(process.stdout.readline())
        yield state
        process.stdin.close()
        state.update(json.loads(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _answer(command: list[str], request: dict[str, Any], environ: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environ,
        input=json.dumps(request) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return dict(json.loads(done.stdout))
