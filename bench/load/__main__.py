"""`python -m bench.load`: one job on the first line of standard input, answers on standard output.

The job "tabs" answers twice: when all are open, and, after the end of standard input, at its end.
"""

import asyncio
import json
import resource
import sys
from typing import Any

import uvloop

from bench.load import jobs


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


async def _told() -> None:
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def _run(job: dict[str, Any]) -> dict[str, Any]:
    match job["job"]:
        case "alternate":
            return await jobs.alternate(job)
        case "crowd":
            return await jobs.crowd(job)
        case "flood":
            return await jobs.flood(job)
        case "fickle":
            return await jobs.fickle(job)
        case "tabs":
            return await jobs.tabs(job, _say, _told)
        case unknown:
            raise ValueError(unknown)


def main() -> None:
    """Read, run, answer."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    job = json.loads(sys.stdin.readline())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        _say(runner.run(_run(job)))


if __name__ == "__main__":
    main()
