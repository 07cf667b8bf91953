"""What the agent remembers: storing what was said, and finding it again.

Flow: a finished turn -> `facade.remember_turn` (inside the outbox's unit) -> rows, found by
their words at once -> `tasks.index_pending` gives them embeddings -> `facade.recall` before the
next turn.
Never: calls a language model, reads another app's tables, quotes what belongs to someone else.
"""
