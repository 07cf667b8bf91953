"""Failures of the memory app that a caller may see.

SomaError
├── TooLarge ── MemoryTooLong [413]
├── Unprocessable ── EmptyMemory [422]
└── Unavailable ── MemoryUnavailable [503]
"""

from kernel.errors import TooLarge, Unavailable, Unprocessable


class MemoryTooLong(TooLarge):
    """One memory holds one passage; longer text is split by the caller (`memory.passages`)."""

    code, title = "memory-too-long", "This is too long for one memory"


class EmptyMemory(Unprocessable):
    """There is nothing in the text that could be remembered."""

    code, title = "empty-memory", "There is nothing to remember"


class MemoryUnavailable(Unavailable):
    """Memory did not answer in time or is away; what was kept is still kept."""

    code, title = "memory-unavailable", "Memory does not answer at the moment"
