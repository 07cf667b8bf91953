"""The embedded adapter of BrainPort: memories in PostgreSQL, embeddings on this machine.

`engine` is the adapter, `search` its SQL, `indexing` what the worker does after a write.
Never opens a transaction while a model works for a request; never sees another tenant.
"""

from memory.brain_embedded.engine import EmbeddedBrain

__all__ = ["EmbeddedBrain"]
