"""Signing in: what a request pays for knowing who asks, and how a rush at the door is felt in chat.

The overhead is measured in a process of its own on the stand's database: from the secret (cookie or
access token) to the actor with its rights. Then a crowd chats in alternating phases, alone and
while `CALLERS` threads sign in with a password as fast as they are let (argon2id, RFC 9106, second
choice): the first token of chat must not be later for it.
"""

import json
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any

from bench.stand import TOKENS, load
from bench.target import Figure, Quote, middle, percentile

if TYPE_CHECKING:
    from bench.runner import Bench

SIZE, TURNS, ROUNDS, CALLERS = 20, 6, 2, 4
STAGGER_S = 2.05
ASKED = 3_000


def run(bench: "Bench") -> list[Figure | Quote]:
    """Overhead by cookie and by token, sign-ins a second, and chat beside them."""
    stand = bench.stand()
    known = bench.keep("door-known", stand.provision(do="door", asked=ASKED))
    lines: list[Figure | Quote] = [
        Figure(f"who asks, by {name}, p50", middle(known[f"{name}_ms"]), 0.5, " ms", 3,
               f"p95 {percentile(known[f'{name}_ms'], 0.95):.2f}, {ASKED:,} asked")
        for name in ("cookie", "token")
    ]  # fmt: skip
    people = stand.conversations(SIZE)
    first: dict[str, list[float]] = {"alone": [], "rush": []}
    rates = []
    for number in range(2 * ROUNDS):
        name = ("alone", "rush")[number % 2]
        rush = _Rush(stand.port if name == "rush" else None, known["email"], known["password"])
        answer = load(_crowd(people, number))
        rates += rush.stop()
        bench.keep(f"door-{name}-{number}", answer)
        samples = [one for found in answer["samples"] for one in found[1:-1]]
        first[name] += [one["first_ms"] for one in samples if one["fault"] is None]
        bench.catch_up()
    ratio = percentile(first["rush"], 0.95) / percentile(first["alone"], 0.95)
    note = ", ".join(
        f"{name} p50 {middle(values):.0f} p95 {percentile(values, 0.95):.0f} ms"
        for name, values in first.items()
    )
    return [
        *lines,
        Quote("sign-ins with a password", f"{middle(rates):.1f}/s", f"{CALLERS} callers"),
        Figure("first token of chat, p95, in a rush at the door", ratio, 1.10, " x alone", 2, note),
    ]


def _crowd(people: list[dict[str, Any]], number: int) -> dict[str, Any]:
    return {
        "job": "crowd", "prefix": "long", "tokens": TOKENS["long"], "turns": TURNS,
        "from_turn": number * TURNS, "stagger_s": STAGGER_S, "lanes": people,
    }  # fmt: skip


class _Rush:
    """Threads that sign in until they are stopped; None: nobody does."""

    def __init__(self, port: int | None, email: str, password: str) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v2/auth/login"
        self._body = json.dumps({"email": email, "password": password}).encode()
        self._over = threading.Event()
        self._started = time.monotonic()
        self._count = 0
        self._counting = threading.Lock()
        callers = CALLERS if port is not None else 0
        self._threads = [threading.Thread(target=self._call) for _ in range(callers)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[float]:
        """How many a second got in; empty where nobody asked."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        return [self._count / (time.monotonic() - self._started)] if self._threads else []

    def _call(self) -> None:
        while not self._over.is_set():
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(self._url, self._body, headers)
            with urllib.request.urlopen(request, timeout=60), self._counting:
                self._count += 1
