"""What turns text into vectors, whichever model does it: the embedder that the engine knows.

Questions go through `begin`, which puts them on the embedder's own threads, so that many questions
at once never take more than it allows.  Never called on the event loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

from kernel.clock import monotonic_s

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from memory.embedding.handover import Handover

    Vector = npt.NDArray[np.float32]
    Vectors = npt.NDArray[np.float32]

DIMENSIONS = 384
# Announced questions that are kept at most.
_MOST_EXPECTED = 256


@dataclass(frozen=True, slots=True)
class Underway:
    """Questions whose vectors are being computed: for each, the batch it is in, and its row."""

    rows: Sequence[tuple[Future[Vectors], int]]

    def result(self, timeout_s: float) -> list[Vector]:
        """Return the vectors, one a question, each of shape (384,).

        Raises: TimeoutError after `timeout_s` (the work is dropped when it had not begun),
        EmbeddingUnavailable.
        """
        until_s = monotonic_s() + timeout_s
        found = []
        for batch, row in self.rows:
            try:
                found.append(batch.result(timeout=max(0.0, until_s - monotonic_s()))[row])
            except TimeoutError:
                batch.cancel()
                raise
        return found


class TextEmbedder(ABC):
    """Turns text into unit vectors of 384 floats; cosine similarity is their dot product.

    `model`: names the kind of its vectors; only vectors of one kind are compared.
    `is_remote`: it waits for a network, so nothing may be locked meanwhile.
    """

    model: str
    dimensions = DIMENSIONS
    is_remote = False
    # How many batches of questions are embedded at once.
    threads = 1

    # How vectors of questions reach whoever stores the same text; None: they do not.
    handover: Handover | None = None

    def __init__(self) -> None:
        # Questions that were announced, with their vectors as they come.
        self._expected: dict[str, Future[Vectors]] = {}

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, in order: shape (len(texts), 384), L2 norm 1.

        Raises: EmbeddingUnavailable; ValueError for texts that the model does not take.
        """

    @abstractmethod
    def warm_up(self) -> None:
        """Make ready now (a worker's start, a probe).  Raises: EmbeddingUnavailable."""

    @property
    @abstractmethod
    def is_loaded(self) -> bool:
        """Whether `embed` can begin at once."""

    def embed_query(self, text: str, timeout_s: float) -> Vector:
        """Return the vector of one question, shape (384,); see `Underway.result`."""
        return self.begin((text,)).result(timeout_s)[0]

    def begin(self, texts: Sequence[str]) -> Underway:
        """Begin to embed some questions on the embedder's own thread; never waits.

        Together they take little longer than one.
        """
        expected = {text: self._expected.pop(text, None) for text in texts}
        rows = {text: (future, 0) for text, future in expected.items() if future is not None}
        fresh = [text for text in expected if text not in rows]
        if fresh:
            together = self._thread.submit(self.embed, fresh)
            rows |= {text: (together, place) for place, text in enumerate(fresh)}
        return Underway([rows[text] for text in texts])

    def expect(self, text: str) -> None:
        """Begin with a question that `begin` will be asked for in a moment; never waits."""
        if not self.is_loaded or text in self._expected:
            return
        if len(self._expected) >= _MOST_EXPECTED:
            # Questions that never came: they were refused between the two calls.
            self._expected.clear()
        self._expected[text] = self._thread.submit(self.embed, (text,))

    def give(self, tenant_id: UUID, text: str, vector: Vector) -> None:
        """Hand over the vector of a question, for when its text is stored; never waits."""
        if self.handover is not None:
            self.handover.give(tenant_id, text, vector)

    def take(self, texts: Sequence[tuple[UUID, str]]) -> list[Vector | None]:
        """Return the vectors that were handed over of (tenant, text), None for the others."""
        if self.handover is None:
            return [None] * len(texts)
        return self.handover.take(texts)

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, thread_name_prefix="memory-embed-query")
