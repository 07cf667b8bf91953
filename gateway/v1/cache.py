"""Answers that serve the same question again, for tenants that want it: exact matches alone.

In Valkey, by tenant and by a digest of all that was asked and of the models that may answer it, so
that nothing of one tenant ever reaches another, nor what a key may not use. Only whole answers are
kept. The usage in them says that it was cached: the call is recorded, and costs nothing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from redis.exceptions import RedisError

from gateway.ports import Endpoint
from gateway.v1.asking import Ask
from gateway.v1.events import as_event
from kernel.condition import report
from kernel.valkey import async_client

PREFIX = "soma:v1:answer:"
# More than that is dear to keep, and asked seldom.
LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the answer to one question is kept, for `life_s` seconds."""

    key: str
    life_s: int

    @classmethod
    def of(cls, tenant_id: UUID, ask: Ask, endpoints: Sequence[Endpoint], life_s: int) -> "Slot":
        """The slot of a question that `endpoints` may answer."""
        # The order of names in an object says nothing.
        asked = orjson.dumps(ask.fields, option=orjson.OPT_SORT_KEYS)
        able = sorted(str(one.model_id) for one in endpoints)
        digest = hashlib.sha256(orjson.dumps([ask.kind, able]) + asked).hexdigest()
        return cls(f"{PREFIX}{tenant_id}:{digest}", life_s)

    async def find(self) -> bytes | None:
        """The answer as it was given: JSON, or all events of a stream without the last."""
        try:
            found = await async_client().get(self.key)
        except (RedisError, OSError):
            report("redis")
            return None
        # The client gives bytes, unless its address asks for text.
        return found.encode() if isinstance(found, str) else found

    async def keep(self, answer: bytes) -> None:
        """Keep an answer that is whole."""
        if len(answer) > LIMIT_BYTES:
            return
        try:
            await async_client().set(self.key, marked(answer), ex=self.life_s)
        except (RedisError, OSError):
            report("redis")


def marked(answer: bytes) -> bytes:
    """`answer` with usage that says that it is told again."""
    if answer.lstrip().startswith(b"{"):
        return orjson.dumps(_marked(orjson.loads(answer)))
    return b"".join(_marked_event(event) for event in answer.split(b"\n\n") if event)


def _marked_event(event: bytes) -> bytes:
    if b'"usage"' in event and event.startswith(b"data:") and b"\n" not in event:
        return as_event(_marked(orjson.loads(event[5:])))
    return event + b"\n\n"


def _marked(told: dict[str, Any]) -> dict[str, Any]:
    usage = told.get("usage")
    if not isinstance(usage, dict):
        return told
    details = usage.get("prompt_tokens_details") or {}
    details = {**details, "cached_tokens": usage.get("prompt_tokens")}
    return {**told, "usage": {**usage, "prompt_tokens_details": details, "cached": True}}
