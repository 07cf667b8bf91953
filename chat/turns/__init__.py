"""The life of a turn.

service (open, cancel, continue) -> store (every synchronous unit) -> runner (the async loop:
governor, recall, context, model) -> stream (frames to readers) -> store.close; reaper ends what
its runner could not.
"""
