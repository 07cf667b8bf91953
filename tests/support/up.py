"""Runs the real `up` on a directory of its own, as a person would in a terminal."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from somaagent.config import ROOT
from somaagent.supervision import lock
from tests.support.services import wait_until

READY_S = 120
# Ten seconds are promised of a machine that has time; here it only must not hang.
STOP_S = 30


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Up:
    """One run of `up`; `output` grows while it runs."""

    var_dir: Path
    port: int = field(default_factory=free_port)
    environ: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = (sys.executable, "manage.py")
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Up":
        """Start without waiting."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("SA01_", "SOMA_"))}
        environ = {**kept, "SA01_VAR_DIR": str(self.var_dir), **self.environ}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self.command, "up", "--port", str(self.port)],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    @property
    def log(self) -> Path:
        """What it printed; beside the data, which it may not be able to write."""
        return Path(f"{self.var_dir.parent}/{self.var_dir.name}.{self.port}.out")

    @property
    def output(self) -> str:
        """What it printed so far."""
        return self.log.read_text()

    @property
    def supervisor(self) -> psutil.Process:
        """Its supervisord."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children()[0]

    def child(self, name: str) -> psutil.Process:
        """One of the programs, by a word of its command line."""
        return next(each for each in self.supervisor.children() if name in " ".join(each.cmdline()))

    def wait_for(self, text: str, deadline_s: float = READY_S) -> "Up":
        """Wait until it prints `text`."""
        try:
            wait_until(lambda: text in self.output, f"no {text!r}", self.process, deadline_s)
        except AssertionError as exc:
            raise AssertionError(f"{exc}; it printed:\n{self.output[-3000:]}") from None
        return self

    def wait_ready(self) -> "Up":
        """Wait until it prints its address."""
        return self.wait_for("SomaAgent is ready")

    def wait_end(self, deadline_s: float = STOP_S) -> int:
        """Return its exit code."""
        assert self.process is not None
        return self.process.wait(deadline_s)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, wait at most as long as a person was promised."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait_end()

    def is_answering(self) -> bool:
        """Whether its web process is ready."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready") as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    @property
    def address(self) -> str:
        """Where its interface is, as it says itself."""
        found = re.search(r"http://[\w.]+:\d+", self.output)
        assert found is not None, self.output
        return found.group()

    def passwords(self) -> list[str]:
        """One-time passwords that it showed."""
        return re.findall(r"[Pp]assword:\s+(\S+)", self.output)


@contextmanager
def up(
    var_dir: Path, command: tuple[str, ...] = (sys.executable, "manage.py"), **environ: str
) -> Iterator[Up]:
    """Start `up`; whatever the test does, nothing of it lives on."""
    run = Up(var_dir, environ=environ, command=command).start()
    try:
        yield run
    finally:
        end(run)


def end(run: Up) -> None:
    """End a run however far it came."""
    if run.process is not None and run.process.poll() is None:
        run.process.terminate()
        try:
            run.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            run.process.kill()
            run.process.wait()
    # A refused second start must not end what the first one runs.
    if lock.holder_address(run.var_dir / "run" / "up.lock") is None:
        lock.clear_leftovers(run.var_dir)


def started_by(var_dir: Path) -> list[str]:
    """Return the command lines of everything that an `up` on this directory started."""
    lines = []
    for process in lock.leftovers(var_dir):
        try:
            lines.append(" ".join(process.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return lines


def wait_until_gone(var_dir: Path) -> None:
    """Wait until nothing that an `up` started is left."""
    wait_until(lambda: not started_by(var_dir), "processes were left", None, STOP_S)
