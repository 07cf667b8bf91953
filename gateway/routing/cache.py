"""Candidates weighed a moment ago: in this process, and in Valkey for the others.

The key names what was asked and the state of everything that it went by (catalogue, rules, health),
so that a change makes another key; the time only bounds what nobody asks for any more, and how long
a price may go on after its hour. What is drawn (split, bandit) is never kept. Without Valkey every
process weighs for itself.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from hashlib import blake2b
from uuid import UUID

import orjson
from redis.exceptions import RedisError

from gateway.routing.engine import Weighed
from kernel.clock import monotonic_s
from kernel.valkey import async_client

KEPT_S, SHARED_S = 5.0, 5
MOST = 2_000
PREFIX = "soma:route:"

Parts = tuple[Hashable, ...]


class DecisionCache:
    """Weighed candidates by what they depend on."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Parts, tuple[float, list[Weighed]]] = OrderedDict()

    def get(self, parts: Parts) -> list[Weighed] | None:
        """What this process weighed."""
        found = self._kept.get(parts)
        return found[1] if found is not None and found[0] > monotonic_s() else None

    def put(self, parts: Parts, weighed: list[Weighed]) -> None:
        """Keep it for this process."""
        self._kept[parts] = (monotonic_s() + KEPT_S, weighed)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)

    async def shared(self, parts: Parts) -> list[Weighed] | None:
        """What another process weighed."""
        try:
            text = await async_client().get(_name(parts))
        except RedisError:
            return None
        if text is None:
            return None
        return [
            Weighed(UUID(model_id), label, cost, score, left_out)
            for model_id, label, cost, score, left_out in orjson.loads(text)
        ]

    async def share(self, parts: Parts, weighed: Sequence[Weighed]) -> None:
        """Tell the others."""
        rows = [[str(o.model_id), o.label, o.cost_micros, o.score, o.left_out] for o in weighed]
        try:
            await async_client().set(_name(parts), orjson.dumps(rows), ex=SHARED_S)
        except RedisError:
            return


def _name(parts: Parts) -> str:
    return PREFIX + blake2b(repr(parts).encode(), digest_size=16).hexdigest()
