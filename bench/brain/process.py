"""Starts `python -m bench.brain` beside an installation; knows nothing of Django itself."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.machine import ROOT
from bench.stand import Stand


def ask(stand: Stand, do: str, **job: Any) -> dict[str, Any]:
    """Do one job and return its answer. Raises: RuntimeError."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.brain"],
        cwd=ROOT,
        env=_environ(stand),
        input=json.dumps({"do": do, **job}) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def going(stand: Stand, do: str, **job: Any) -> Iterator[dict[str, Any]]:
    """A job that goes on until the block ends; the yielded answer is filled in then."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.brain"],
        cwd=ROOT,
        env=_environ(stand),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answer: dict[str, Any] = {}
    try:
        process.stdin.write(json.dumps({"do": do, "until_told": True, **job}) + "\n")
        process.stdin.flush()
        process.stdout.readline()
        yield answer
        process.stdin.close()
        answer.update(json.loads(process.stdout.readline() or "{}"))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def tenant(stand: Stand, name: str) -> str:
    """A tenant of its own for one scenario."""
    return str(stand.provision(do="tenant", name=name)["tenant_id"])


def pairs(count: int, agents: int = 3) -> list[list[str]]:
    """[user, agent] of people who exist in memory alone."""
    helpers = [str(uuid.uuid4()) for _ in range(agents)]
    return [[str(uuid.uuid4()), helpers[number % agents]] for number in range(count)]


def _environ(stand: Stand) -> dict[str, str]:
    return {**os.environ, "SA01_VAR_DIR": str(stand.up.var_dir), "SA01_LOG_LEVEL": "error"}
