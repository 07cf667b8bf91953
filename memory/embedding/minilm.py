"""Sentence embeddings by MiniLM (all-MiniLM-L6-v2) in CTranslate2 int8 on the CPU.

One `Embedder` a process is enough: it is thread-safe and loads the model at the first use
(about 65 MB resident with numpy, CTranslate2 and the tokenizer).  Many questions at once never take
more than one core.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory.embedding.embedder import DIMENSIONS, TextEmbedder
from memory.embedding.errors import EmbeddingUnavailable

if TYPE_CHECKING:
    import numpy.typing as npt

    from memory.embedding.embedder import Vectors

MODEL_NAME = "minilm-l6-v2-int8"
MAX_TOKENS = 256
# The tokenizer reads the whole text before it truncates; 256 tokens never need more than this.
_MAX_CHARS = 4_000
# Padded tokens a batch: the activations stay in the cache, which is faster, and below 30 MB.
_BATCH_TOKENS = 512


class Embedder(TextEmbedder):
    """The model that comes with the product, in this process."""

    model = MODEL_NAME

    def __init__(self, directory: Path | None = None, *, threads: int = 1) -> None:
        """`directory`: a prepared model; None prepares or finds the default one at first use."""
        super().__init__()
        self._directory = directory
        self._threads = threads
        self._loading = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row a text, in order: shape (len(texts), 384), L2 norm 1.

        Empty text is allowed and gives the vector of the bare markers.
        Raises: EmbeddingUnavailable.
        """
        import numpy as np  # 12 MB that an idle process does not pay

        tokenizer, encoder = self._load()
        # One by one: the batch call would start the tokenizer's own thread pool, which breaks
        # when a worker forks afterwards.
        ids = [tokenizer.encode(text[:_MAX_CHARS]).ids for text in texts]
        vectors = np.empty((len(ids), DIMENSIONS), dtype=np.float32)
        for rows in _batches([len(tokens) for tokens in ids]):
            states = encoder.forward_batch([ids[row] for row in rows]).last_hidden_state
            vectors[rows] = _mean_pool(np.array(states), [len(ids[row]) for row in rows])
        return vectors

    def warm_up(self) -> None:
        """Load the model now (a worker's start, a probe).  Raises: EmbeddingUnavailable."""
        self._load()

    @property
    def is_loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._loaded is not None

    def _load(self) -> tuple[Any, Any]:
        """Return (tokenizer, encoder), loading both under the lock the first time."""
        if self._loaded is not None:
            return self._loaded
        with self._loading:
            if self._loaded is None:
                self._loaded = _open_model(self._directory, self._threads)
        return self._loaded


def _open_model(directory: Path | None, threads: int) -> tuple[Any, Any]:
    # Imported here: 27 MB and 50 ms that a process which never embeds does not pay.
    import ctranslate2
    from tokenizers import Tokenizer

    from memory.embedding.prepare import prepared_apart

    try:
        place = prepared_apart(directory)
        tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        encoder = ctranslate2.Encoder(
            str(place), device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads
        )
    except (OSError, RuntimeError, ValueError) as exc:
        msg = f"The embedding model cannot be opened: {exc}"
        raise EmbeddingUnavailable(msg) from exc
    return tokenizer, encoder


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield row numbers grouped by similar length, so that little is wasted on padding."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[row] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _mean_pool(states: npt.NDArray[Any], lengths: Sequence[int]) -> Vectors:
    """Return the mean over each text's own tokens, scaled to length 1."""
    import numpy as np  # as above

    counts = np.asarray(lengths)[:, None]
    own = (np.arange(states.shape[1])[None, :] < counts)[:, :, None]
    pooled = np.where(own, states, 0.0).sum(axis=1) / counts
    scaled: Vectors = (pooled / np.linalg.norm(pooled, axis=1, keepdims=True)).astype(np.float32)
    return scaled
