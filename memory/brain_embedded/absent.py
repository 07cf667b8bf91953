"""What the embedded brain cannot do yet, refused by name.

The methods leave this class one by one as their code arrives; `absent` must name what is left.
"""

# ruff: noqa: ARG002 - the signatures are the port's
from __future__ import annotations

from uuid import UUID

from memory.errors import CapabilityAbsent
from memory.ports import READ_TIMEOUT_S, WRITE_TIMEOUT_S, Link, MemoryScope, Neighbour
from memory.values import (
    Adjustment,
    Capability,
    CognitiveState,
    Feedback,
    FeedbackResult,
    SleepCycle,
    SleepRequest,
)


class AbsentCognition:
    """Raises CapabilityAbsent for each call; signatures as in `BrainPort`."""

    absent: frozenset[Capability] = frozenset(("links", "feedback", "state", "adjust", "sleep"))

    def link(self, scope: MemoryScope, link: Link, *, timeout_s: float = WRITE_TIMEOUT_S) -> bool:
        """Connect two memories; see `BrainPort.link`."""
        raise _absent("links")

    def neighbours(
        self,
        scope: MemoryScope,
        memory_id: UUID,
        *,
        hops: int = 1,
        limit: int = 20,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> tuple[Neighbour, ...]:
        """Walk along the links; see `BrainPort.neighbours`."""
        raise _absent("links")

    def feedback(
        self, scope: MemoryScope, feedback: Feedback, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> FeedbackResult:
        """Learn from an answer; see `BrainPort.feedback`."""
        raise _absent("feedback")

    def state(
        self, scope: MemoryScope, *, history: int = 0, timeout_s: float = READ_TIMEOUT_S
    ) -> CognitiveState:
        """Read levels and weights; see `BrainPort.state`."""
        raise _absent("state")

    def adjust(
        self, scope: MemoryScope, adjustment: Adjustment, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> CognitiveState:
        """Set levels or weights; see `BrainPort.adjust`."""
        raise _absent("adjust")

    def sleep(
        self, scope: MemoryScope, request: SleepRequest, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> SleepCycle:
        """Start a sleep cycle; see `BrainPort.sleep`."""
        raise _absent("sleep")

    def sleep_cycles(
        self, scope: MemoryScope, *, limit: int = 1, timeout_s: float = READ_TIMEOUT_S
    ) -> tuple[SleepCycle, ...]:
        """List sleep cycles; see `BrainPort.sleep_cycles`."""
        raise _absent("sleep")

    def wake(self, scope: MemoryScope, *, timeout_s: float = WRITE_TIMEOUT_S) -> SleepCycle | None:
        """Interrupt a sleep cycle; see `BrainPort.wake`."""
        raise _absent("sleep")


def _absent(capability: Capability) -> CapabilityAbsent:
    return CapabilityAbsent(capability=capability)
