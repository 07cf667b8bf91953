"""The processes of the events bench: one that emits, one that relays and consumes."""
