"""Failures of the memory app that a caller may see.

SomaError
├── TooLarge ── MemoryTooLong [413]
└── Unprocessable ── EmptyMemory [422]
"""

from kernel.errors import TooLarge, Unprocessable


class MemoryTooLong(TooLarge):
    """One memory holds one passage; longer text is split by the caller (`memory.passages`)."""

    code, title = "memory-too-long", "This is too long for one memory"


class EmptyMemory(Unprocessable):
    """There is nothing in the text that could be remembered."""

    code, title = "empty-memory", "There is nothing to remember"
