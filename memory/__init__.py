"""What the agent remembers: storing what was said, and finding it again.

Flow: finished turns -> `facade.remember_turns` (inside the outbox's unit) -> rows, found by
their words at once -> `tasks.index_pending` gives them embeddings -> `facade.recall` before the
next turn.
Never: calls a language model, reads another app's tables, quotes what belongs to someone else.
"""
