"""The one failure of embeddings that callers meet.

Never a SomaError: no request fails because of it; recall goes on by words alone.
"""


class EmbeddingUnavailable(RuntimeError):
    """The model's files are missing or cannot be prepared; the message says which and why."""
