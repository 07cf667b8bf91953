"""The breakers of this process, known by name and kept in step with those of other processes.

What happens to a breaker is told on the bus and applied everywhere; the newest standing is also
kept in Valkey, for processes that start later. The one trial of a half-open breaker is claimed
there. Without Valkey every process goes by what it sees itself.
Never: waits for Valkey on the way of a call that works.
"""

import os
import queue
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import orjson
import structlog
from redis.exceptions import RedisError

from kernel.bus.ports import BUS, Payload
from kernel.resilience import CircuitBreaker, Happening
from kernel.valkey import prompt_client

TOPIC = "breakers"
KEPT_KEY = "soma:breakers"
TRIAL_KEY = "soma:breaker-trial:"
# What is not heard of for so long is forgotten.
KEPT_S = 3_600
# Models come and go; so many names are known at once.
MOST = 1_000

Watcher = Callable[[CircuitBreaker, Happening], None]

log = structlog.get_logger(__name__)


class Board:
    """Breakers by name. `reset_after_s`: how long those that it makes rest.

    `is_alone`: nothing is told to or asked of other processes.
    """

    def __init__(self, *, reset_after_s: float = 30.0, is_alone: bool = False) -> None:
        self._reset_after_s = reset_after_s
        self._is_alone = is_alone
        self._breakers: OrderedDict[str, CircuitBreaker] = OrderedDict()
        self._watchers: list[Watcher] = []
        self._told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._teller: threading.Thread | None = None
        self._lock = threading.Lock()
        self._me = f"{os.getpid()}-{secrets.token_hex(4)}"

    def breaker(self, name: str, *, dependency: str, title: str = "") -> CircuitBreaker:
        """The breaker of that name, made when there is none."""
        found = self._breakers.get(name)
        if found is not None:
            found.title = title or found.title
            return found
        made = CircuitBreaker(dependency, name=name, title=title, reset_after_s=self._reset_after_s)
        return self.enrol(made)

    def enrol(self, breaker: CircuitBreaker) -> CircuitBreaker:
        """Take in a breaker that was made elsewhere; the newest of a name counts."""
        with self._lock:
            while len(self._breakers) >= MOST:
                self._breakers.popitem(last=False)
            self._breakers[breaker.name] = breaker
            breaker.link = None if self._is_alone else self
        return breaker

    def get(self, name: str) -> CircuitBreaker | None:
        """The breaker of that name."""
        return self._breakers.get(name)

    def all(self) -> list[CircuitBreaker]:
        """Every breaker, by name."""
        with self._lock:
            return [self._breakers[name] for name in sorted(self._breakers)]

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` whenever something happens to a breaker, here or elsewhere; any thread."""
        self._watchers.append(watcher)

    def tell(self, breaker: CircuitBreaker, happening: Happening) -> None:
        """See `Link`."""
        standing = breaker.standing
        opened = breaker.trial_in_s
        self._told.put(
            {
                "from": self._me,
                "name": breaker.name,
                "dependency": breaker.dependency,
                "title": breaker.title,
                "happening": happening,
                "failures": standing.failures,
                "opened_at": None
                if opened is None
                else time.time() - (breaker.rules.reset_after_s - opened),
            }
        )
        if self._teller is None or not self._teller.is_alive():
            self._start_teller()
        self._wake(breaker, happening)

    def claim_trial(self, breaker: CircuitBreaker) -> bool:
        """See `Link`."""
        try:
            won = prompt_client().set(
                TRIAL_KEY + breaker.name,
                self._me,
                nx=True,
                px=max(1, int(breaker.rules.reset_after_s * 1000)),
            )
        except RedisError:
            return True
        return bool(won)

    async def follow(self) -> None:
        """Hear what happens in other processes; once, in a long-lived loop."""
        await BUS.get().listen(TOPIC, self._heard)
        # Beside the loop: Valkey may be slow.
        threading.Thread(target=self._catch_up, name="soma-breakers-load", daemon=True).start()

    def _heard(self, payload: Payload) -> None:
        if payload.get("reset"):
            threading.Thread(target=self._catch_up, name="soma-breakers-load", daemon=True).start()
            return
        if payload.get("from") == self._me:
            return
        breaker = self._of(payload)
        breaker.apply(payload["happening"])
        self._wake(breaker, payload["happening"])

    def _catch_up(self) -> None:
        try:
            rows: Any = prompt_client().hgetall(KEPT_KEY)
        except RedisError:
            return
        for row in rows.values():
            kept = orjson.loads(row)
            breaker = self._of(kept)
            if kept["failures"] <= breaker.standing.failures:
                continue
            opened_at = kept["opened_at"]
            breaker.adopt(kept["failures"], opened_at and max(0.0, time.time() - opened_at))
            self._wake(breaker, "failure")

    def _of(self, payload: Payload) -> CircuitBreaker:
        return self.breaker(
            str(payload["name"]), dependency=str(payload["dependency"]), title=str(payload["title"])
        )

    def _wake(self, breaker: CircuitBreaker, happening: Happening) -> None:
        for watcher in self._watchers:
            watcher(breaker, happening)

    def _start_teller(self) -> None:
        with self._lock:
            if self._teller is None or not self._teller.is_alive():
                # A daemon, and started anew after a fork, as the waker of the worker is.
                self._teller = threading.Thread(
                    target=self._tell_all, name="soma-breakers", daemon=True
                )
                self._teller.start()

    def _tell_all(self) -> None:
        while True:
            told = self._told.get()
            try:
                self._keep(told)
                BUS.get().publish(TOPIC, told)
            except RedisError as exc:
                log.info("breakers.not_told", error=type(exc).__name__)

    def _keep(self, told: dict[str, Any]) -> None:
        pipeline = prompt_client().pipeline(transaction=False)
        if told["happening"] == "failure":
            pipeline.hset(KEPT_KEY, told["name"], orjson.dumps(told))
            pipeline.expire(KEPT_KEY, KEPT_S)
        else:
            pipeline.hdel(KEPT_KEY, told["name"])
        # The trial is over, however it ended.
        pipeline.delete(TRIAL_KEY + told["name"])
        pipeline.execute()
