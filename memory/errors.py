"""Failures of the memory app that a caller may see.

SomaError
├── NotFound ── NoSuchMemory [404]
├── TooLarge ── MemoryTooLong [413]
├── Unprocessable ── EmptyMemory, BadMemory [422]
├── CapabilityAbsent [501]
├── MemoryRefused [502]
├── Unavailable ── MemoryUnavailable [503] ── NotAcknowledged
└── DeadlineExceeded ── MemoryLate [504], which is a TimeoutError too
"""

from kernel.errors import (
    DeadlineExceeded,
    NotFound,
    SomaError,
    TooLarge,
    Unavailable,
    Unprocessable,
)


class NoSuchMemory(NotFound):
    """There is no such memory in the scope; foreign ones are never told apart from unknown ones."""

    code, title = "no-such-memory", "There is no such memory"


class MemoryTooLong(TooLarge):
    """One memory holds one passage; longer text is split by the caller (`memory.passages`)."""

    code, title = "memory-too-long", "This is too long for one memory"


class EmptyMemory(Unprocessable):
    """There is nothing in the text that could be remembered."""

    code, title = "empty-memory", "There is nothing to remember"


class BadMemory(Unprocessable):
    """A value is outside what the brain accepts; `errors` names it."""

    code, title = "bad-memory", "Some values of this memory are not accepted"


class CapabilityAbsent(SomaError):
    """This brain cannot do that at all; `capability` names it.  Asking again does not help."""

    code, status, title = "capability-absent", 501, "The connected brain cannot do this"


class MemoryRefused(SomaError):
    """The brain answers, but refuses this installation (key, tenant) or speaks another contract."""

    code, status, title = "memory-refused", 502, "The brain refuses this installation"


class MemoryUnavailable(Unavailable):
    """Memory did not answer in time or is away; what was kept is still kept."""

    code, title = "memory-unavailable", "Memory does not answer at the moment"


class NotAcknowledged(MemoryUnavailable):
    """The brain took the write but gave no proof that it is durable: send it again."""

    code, title = "memory-not-acknowledged", "The brain did not confirm that this is kept"


class MemoryLate(DeadlineExceeded, TimeoutError):
    """The call did not finish within its `timeout_s`; a write may or may not have happened.

    Repeating a write with the same idempotency key is safe.
    """

    code, title = "memory-late", "Memory took too long"
