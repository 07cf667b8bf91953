"""`python -m bench.killing`: one request as JSON on standard input, what was found on the output.

A process of its own: people, journals and installation are the chaos suite's, which need Django.
SIGTERM: no further kill; what was done until then is judged and told.
"""

import json
import os
import random
import signal
import sys
import threading
import time
from dataclasses import asdict

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")

import django

django.setup()

from tests.support.chaos import installation, model_of  # noqa: E402
from tests.support.random_kills import sweep  # noqa: E402

# The broker is Valkey; the relay is a task of the worker.
VICTIMS = ("web", "worker", "valkey", "postgres")


def main() -> None:
    """Kill `kills` programs in an order that `seed` gives."""
    request = json.loads(sys.stdin.readline())
    victims = [VICTIMS[number % len(VICTIMS)] for number in range(request["kills"])]
    random.Random(request["seed"]).shuffle(victims)
    enough, began = threading.Event(), time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: enough.set())

    def goes_on(number: int) -> bool:
        sys.stderr.write(f"{number} ")
        sys.stderr.flush()
        return not enough.is_set()

    with installation() as place, model_of(place) as model:
        place.fresh(model)
        found = sweep(place, model, victims, request["seed"], is_timed=True, goes_on=goes_on)
    sys.stdout.write(json.dumps({**asdict(found), "took_s": time.monotonic() - began}) + "\n")


if __name__ == "__main__":
    main()
