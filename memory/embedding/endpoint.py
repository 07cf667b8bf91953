"""Sentence embeddings by an OpenAI-compatible endpoint, `POST {address}/embeddings`.

The address is the operator's setting: a provider, a server of one's own, or this product's gateway
(`/v1` with a key of a tenant, so that the tokens are budgeted and metered there).

The table has room for 384 numbers.  An endpoint that takes `dimensions` is asked for so many; of
another, shorter vectors are filled up with zeros, which keeps every cosine, and longer ones are
projected at random (Johnson and Lindenstrauss, 1984: cosines stay within a few hundredths).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.exceptions import HTTPError

from kernel.calling import calling
from memory.embedding.embedder import DIMENSIONS, TextEmbedder
from memory.embedding.errors import EmbeddingUnavailable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from memory.embedding.embedder import Vectors

CONNECT_TIMEOUT_S, TIMEOUT_S = 3.0, 10.0
# Texts a request.
_BATCH = 64
_MAX_CHARS = 4_000
# What an endpoint answers that does not take the texts, or not the number of dimensions.
_REFUSED = frozenset((400, 413, 422))
# `memory_memory.embedding_model` has room for so many characters.
_MODEL_CHARS = 64


class EndpointEmbedder(TextEmbedder):
    """Asks an endpoint for vectors; `model` names what is asked for."""

    is_remote = True
    is_loaded = True
    threads = 4

    def __init__(self, address: str, model: str, key: str | None = None) -> None:
        """`address`: what `/embeddings` is added to.  `key`: sent as bearer."""
        super().__init__()
        self.model = model[:_MODEL_CHARS]
        self._asked = model
        self._address = f"{address.rstrip('/')}/embeddings"
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._takes_dimensions = True

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text; see `TextEmbedder.embed`."""
        import numpy as np  # 12 MB that an idle process does not pay

        found = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        for first in range(0, len(texts), _BATCH):
            batch = [text[:_MAX_CHARS] or " " for text in texts[first : first + _BATCH]]
            found[first : first + len(batch)] = _fitted(self._ask(batch))
        return found

    def warm_up(self) -> None:
        """Ask for one vector.  Raises: EmbeddingUnavailable."""
        try:
            self.embed(("ready",))
        except ValueError as exc:
            raise EmbeddingUnavailable(str(exc)) from exc

    def _ask(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """Return the vectors as they come, shape (len(texts), any)."""
        import numpy as np

        body: dict[str, Any] = {"model": self._asked, "input": texts, "encoding_format": "float"}
        if self._takes_dimensions:
            body["dimensions"] = DIMENSIONS
        try:
            with calling("embedding", "embed", texts=len(texts)):
                answer = self._pool.request(
                    "POST", self._address, json=body, headers=self._headers, redirect=False
                )
        except HTTPError as exc:
            msg = f"The embedding endpoint does not answer ({type(exc).__name__})."
            raise EmbeddingUnavailable(msg) from exc
        if answer.status in _REFUSED:
            if self._takes_dimensions:
                self._takes_dimensions = False
                return self._ask(texts)
            msg = f"The embedding endpoint refuses these texts ({answer.status})."
            raise ValueError(msg)
        if answer.status != HTTPStatus.OK:
            msg = f"The embedding endpoint answers {answer.status}."
            raise EmbeddingUnavailable(msg)
        try:
            rows = sorted(answer.json()["data"], key=lambda row: row["index"])
            vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
        except (ValueError, KeyError, TypeError) as exc:
            raise EmbeddingUnavailable("The embedding endpoint answers in another shape.") from exc
        if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
            raise EmbeddingUnavailable("The embedding endpoint answers in another shape.")
        return vectors

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        # The operator's address, not a user's: it may well be in the own network.
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=TIMEOUT_S)
        return urllib3.PoolManager(timeout=timeout, retries=False, maxsize=self.threads)


def _fitted(vectors: npt.NDArray[np.float32]) -> Vectors:
    """Return the vectors with 384 numbers each and L2 norm 1."""
    import numpy as np

    size = vectors.shape[1]
    if size > DIMENSIONS:
        vectors = vectors @ _projection(size)
    elif size < DIMENSIONS:
        vectors = np.pad(vectors, ((0, 0), (0, DIMENSIONS - size)))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    # A vector of zeros has no direction: it stays, and is near to nothing.
    scaled: Vectors = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return scaled


@cache
def _projection(size: int) -> npt.NDArray[np.float32]:
    """The same random matrix in every process, shape (size, 384)."""
    import numpy as np

    drawn = np.random.default_rng(DIMENSIONS).normal(size=(size, DIMENSIONS))
    scaled: npt.NDArray[np.float32] = (drawn / np.sqrt(DIMENSIONS)).astype(np.float32)
    return scaled
