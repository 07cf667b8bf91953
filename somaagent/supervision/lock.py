"""One `up` a data directory, and nothing left over from the one before.

Owns: `var/run/up.lock` (flock: the kernel releases it however the holder ends) and finding the
processes of an earlier `up` by the mark in their environment. Never touches a process without it.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from somaagent.supervision.refusal import ALREADY_RUNNING, StartRefused

# In the environment of every process that an `up` starts; the value is its data directory.
MARK = "SOMAAGENT_UP"
LEFTOVER_WAIT_S = 12.0
KILL_WAIT_S = 3.0
POLL_S = 0.05


@contextmanager
def held(path: Path, address: str) -> Iterator[None]:
    """Hold the lock; others are told this process and `address`.

    Raises: StartRefused (exit code 3) naming who holds it.
    """
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartRefused(_holder(path), ALREADY_RUNNING) from None
        file.seek(0)
        file.truncate()
        json.dump({"pid": os.getpid(), "address": address}, file)
        file.flush()
        try:
            yield
        finally:
            # The file stays: removing it would let two starts hold two files of one name.
            file.seek(0)
            file.truncate()


def holder_address(path: Path) -> str | None:
    """Return the address of the running installation, or None when none is running."""
    try:
        with path.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read()
                return str(json.loads(text)["address"]) if text else "(still starting)"
    except (FileNotFoundError, NotADirectoryError):
        pass
    return None


def leftovers(var_dir: Path) -> list[psutil.Process]:
    """Return processes that an earlier `up` on `var_dir` started and that still live."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(var_dir) and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


def clear_leftovers(var_dir: Path, wait_s: float = LEFTOVER_WAIT_S) -> None:
    """Wait until the processes of an earlier `up` have ended; kill what does not end.

    After `kill -9` of an `up` its children are told by the kernel to stop in order; that takes
    seconds, and a new server on the same files before that would be refused or do harm.
    """
    deadline = time.monotonic() + wait_s
    while leftovers(var_dir):
        if time.monotonic() > deadline:
            _kill(leftovers(var_dir))
            return
        time.sleep(POLL_S)


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=KILL_WAIT_S)


def _holder(path: Path) -> str:
    text = path.read_text()
    if not text:
        return "SomaAgent is being started on this data at the same moment."
    holder = json.loads(text)
    return (
        f"SomaAgent is running on this data already: {holder['address']} (process {holder['pid']})."
        "\nOpen that address, or stop it first with Ctrl-C in its terminal or: "
        f"kill {holder['pid']}"
    )
