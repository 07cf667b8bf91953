"""`python -m bench.brain`: one job on the first line of standard input, answered on the last line.

A job that goes on until it is told (`until_told`) says `{}` when it has begun and ends at the end
of standard input.
"""

import json
import os
import sys
import threading
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")

import django

django.setup()

from bench.brain import clients, filling, sweep  # noqa: E402

WORK = {
    "write": clients.write,
    "floor": clients.floor,
    "found": clients.found,
    "recall": clients.recall,
    "explain": clients.explain,
    "fill": filling.fill,
    "warm": filling.warm,
    "sweep": sweep.run,
}


def main() -> None:
    """Read, do, answer."""
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    told = threading.Event()
    if job.pop("until_told", False):
        threading.Thread(target=lambda: (sys.stdin.read(), told.set()), daemon=True).start()
        job["told"] = told
        _say({})
    _say(WORK[job.pop("do")](**job))


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
