"""Vectors of questions, handed from the process that asked to the one that stores the same text.

What a person says is embedded when memory is asked, and would be again seconds later, when the
worker makes a memory of it. Meanwhile its vector waits in Valkey, under its tenant. Whoever does
not find it embeds the text itself, so nothing depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from kernel.valkey import prompt_client, sync_client

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vector = npt.NDArray[np.float32]

PREFIX = "soma:vector:"
# As long as a worker is behind that keeps up; the text itself may be forgotten by then.
KEPT_S = 60
# Vectors that wait to be sent; more are embedded twice.
MOST = 1_000

log = structlog.get_logger(__name__)


class Handover:
    """Gives and takes vectors of one model.

    `soon`: makes of a function one that has it called soon, on a thread of its own.
    """

    def __init__(
        self, model: str, soon: Callable[[Callable[[], None]], Callable[[], None]]
    ) -> None:
        self._model = model
        self._given: dict[str, bytes] = {}
        self._wake = soon(self.send)

    def give(self, tenant_id: UUID, text: str, vector: Vector) -> None:
        """Let others have the vector of `text`; never waits, never fails."""
        if len(self._given) < MOST:
            self._given[self._name(tenant_id, text)] = vector.tobytes()
            self._wake()

    def send(self) -> None:
        """Send what was given; without Valkey it is lost."""
        with sync_client().pipeline(transaction=False) as pipeline:
            while self._given:
                pipeline.set(*self._given.popitem(), ex=KEPT_S)
            try:
                pipeline.execute()
            except RedisError as exc:
                log.info("memory.handover_lost", error=type(exc).__name__)

    def take(self, texts: Sequence[tuple[UUID, str]]) -> list[Vector | None]:
        """Return the vector of each text (tenant, text), None where it has to be embedded.

        What was taken is there no more.
        """
        import numpy as np  # 12 MB that an idle process does not pay

        with prompt_client().pipeline(transaction=False) as pipeline:
            for one in texts:
                pipeline.getdel(self._name(*one))
            try:
                found = pipeline.execute()
            except RedisError:
                return [None] * len(texts)
        return [None if value is None else np.frombuffer(value, np.float32) for value in found]

    def _name(self, tenant_id: UUID, text: str) -> str:
        # The blanks around a text make no difference to its vector.
        digest = blake2b(text.strip().encode(), key=tenant_id.bytes, digest_size=16).hexdigest()
        return f"{PREFIX}{self._model}:{digest}"
