"""The calls of BrainPort on links, levels, weights and sleep: each opens its unit and delegates."""

from __future__ import annotations

from uuid import UUID

from memory.brain_embedded import cognition, links, sleep
from memory.brain_embedded.units import unit
from memory.errors import EmptyMemory
from memory.ports import READ_TIMEOUT_S, WRITE_TIMEOUT_S, Link, MemoryScope, Neighbour
from memory.values import (
    Adjustment,
    CognitiveState,
    Feedback,
    FeedbackResult,
    SleepCycle,
    SleepRequest,
)


class CognitiveCalls:
    """The cognitive part of the embedded brain; also a `memory.sleeping.Sleeper`."""

    def link(self, scope: MemoryScope, link: Link, *, timeout_s: float = WRITE_TIMEOUT_S) -> bool:
        """Connect two memories; see `BrainPort.link`."""
        with unit(scope, timeout_s=timeout_s):
            return links.link(scope, link)

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
        with unit(scope, timeout_s=timeout_s):
            return links.neighbours(scope, memory_id, hops=hops, limit=limit)

    def feedback(
        self, scope: MemoryScope, feedback: Feedback, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> FeedbackResult:
        """Learn from an answer; see `BrainPort.feedback`."""
        agent_id = _agent_of(scope)
        with unit(scope, timeout_s=timeout_s):
            return cognition.learn(agent_id, feedback)

    def state(
        self, scope: MemoryScope, *, history: int = 0, timeout_s: float = READ_TIMEOUT_S
    ) -> CognitiveState:
        """Read levels and weights; see `BrainPort.state`."""
        agent_id = _agent_of(scope)
        with unit(scope, timeout_s=timeout_s):
            return cognition.state_of(agent_id, history=history, asleep=sleep.asleep(scope))

    def adjust(
        self, scope: MemoryScope, adjustment: Adjustment, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> CognitiveState:
        """Set levels or weights; see `BrainPort.adjust`."""
        agent_id = _agent_of(scope)
        with unit(scope, timeout_s=timeout_s):
            cognition.adjust(agent_id, adjustment)
            return cognition.state_of(agent_id, asleep=sleep.asleep(scope))

    def sleep(
        self, scope: MemoryScope, request: SleepRequest, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> SleepCycle:
        """Start a sleep cycle; see `BrainPort.sleep`."""
        with unit(scope, timeout_s=timeout_s):
            return sleep.start(scope, request)

    def sleep_cycles(
        self, scope: MemoryScope, *, limit: int = 1, timeout_s: float = READ_TIMEOUT_S
    ) -> tuple[SleepCycle, ...]:
        """List sleep cycles; see `BrainPort.sleep_cycles`."""
        with unit(scope, timeout_s=timeout_s):
            return sleep.cycles(scope, limit)

    def wake(self, scope: MemoryScope, *, timeout_s: float = WRITE_TIMEOUT_S) -> SleepCycle | None:
        """Interrupt a sleep cycle; see `BrainPort.wake`."""
        with unit(scope, timeout_s=timeout_s):
            return sleep.interrupt(scope)

    def sleep_a_while(self) -> bool:
        """Do steps of open cycles for about a second; see `Sleeper.sleep_a_while`."""
        return sleep.work()

    def plan_sleep(self) -> int:
        """Start cycles that are due; see `Sleeper.plan_sleep`."""
        return sleep.plan()


def _agent_of(scope: MemoryScope) -> UUID:
    if scope.agent_id is None:
        raise EmptyMemory("Levels and weights belong to an agent; none was named.")
    return scope.agent_id
