"""A page of 50 messages at any depth of a conversation of 100,000 messages, over HTTP.

The path runs over three branches (edits at one and two thirds). One signed-in client with a
kept-alive connection asks `GET /api/v2/chat/messages/{id}?limit=50&before=…` at random depths; the
clock runs from sending to the last byte.
"""

import json
import random
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING

from bench.target import Figure, middle, percentile

if TYPE_CHECKING:
    from bench.runner import Bench

MESSAGES, FORKS = 100_000, 2
PAGES, WARM, LIMIT = 400, 20, 50
P95_LIMIT_MS = 30


def run(bench: "Bench") -> list[Figure]:
    """The p95 over random depths."""
    stand = bench.stand()
    person = stand.people[0]
    conversation_id = stand.history(person, MESSAGES, FORKS)
    depths = random.Random(7)
    connection = HTTPConnection("127.0.0.1", stand.port, timeout=30)
    samples: list[dict[str, float]] = []
    for _ in range(WARM + PAGES):
        before = depths.randint(LIMIT + 1, MESSAGES)
        path = f"/api/v2/chat/messages/{conversation_id}?limit={LIMIT}&before={before}"
        began = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": f"soma_session={person['cookie']}"})
        body = connection.getresponse().read()
        took_ms = (time.perf_counter() - began) * 1000
        page = json.loads(body)
        if len(page["items"]) != LIMIT or page["items"][-1]["seq"] >= before:
            raise RuntimeError(body[:500].decode())
        samples.append({"before": before, "ms": took_ms, "bytes": len(body)})
    connection.close()
    counted = [one["ms"] for one in bench.keep("page", {"samples": samples})["samples"][WARM:]]
    name = f"a page of {LIMIT} of {MESSAGES:,} messages, p95"
    note = f"p50 {middle(counted):.1f} ms"
    return [Figure(name, percentile(counted, 0.95), P95_LIMIT_MS, " ms", 1, note)]
