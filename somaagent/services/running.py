"""Starts, finds and stops services by process id; a state file beside the data says what runs."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from somaagent.services.recipes import Recipe, ServiceProblem, cache, files_of

READY_DEADLINE_S = 120.0
STOP_DEADLINE_S = 15.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Running:
    """A service that runs. `created`: start time of the process, so that no other is mistaken."""

    name: str
    version: str
    pid: int
    created: float
    addresses: Mapping[str, str]


def home_of(name: str) -> Path:
    """Where the one service that `./soma services` runs under `name` keeps its data and state."""
    return cache() / "run" / name


def status(home: Path) -> Running | None:
    """What runs in `home`, if it does."""
    try:
        found = Running(**json.loads((home / "state.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None
    process = _process(found)
    return found if process is not None else None


def start(recipe: Recipe, home: Path) -> Running:
    """Start the service with fresh data in `home` and wait until it is ready.

    One that runs there already is left alone. Raises: ServiceProblem, ToolsMissing.
    """
    running = status(home)
    if running is not None:
        return running
    files = files_of(recipe)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    launch = recipe.prepare(files, home)
    log = home / "service.log"
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  # of the recipes' own making
            launch.argv,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Running(
        recipe.name,
        recipe.version,
        process.pid,
        psutil.Process(process.pid).create_time(),
        dict(launch.addresses),
    )
    (home / "state.json").write_text(json.dumps(asdict(running)))
    deadline = time.monotonic() + READY_DEADLINE_S
    while not recipe.is_ready(launch.addresses):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(home)
            tail = log.read_text(errors="replace")[-1500:]
            msg = f"{recipe.name} did not become ready; its log {log} ends:\n{tail}"
            raise ServiceProblem(msg)
        time.sleep(_POLL_S)
    return running


def stop(home: Path) -> bool:
    """Ask the service of `home` to end, kill it when it does not. Whether there was one."""
    running = status(home)
    if running is None:
        return False
    process = _process(running)
    if process is not None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_DEADLINE_S)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_DEADLINE_S)
    (home / "state.json").unlink(missing_ok=True)
    return True


def _process(running: Running) -> psutil.Process | None:
    try:
        process = psutil.Process(running.pid)
        if abs(process.create_time() - running.created) > 1:
            return None
        if process.status() == psutil.STATUS_ZOMBIE:
            # Our own child that ended: nobody else would ask for its end.
            os.waitpid(running.pid, os.WNOHANG)
            return None
    except (psutil.NoSuchProcess, ChildProcessError):
        return None
    return process
