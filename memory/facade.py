"""What other apps may use of memory.

`recall` is the turn's way in: asynchronous, with a deadline, and it never fails; what goes wrong
becomes `degraded`, which the user is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from kernel.clock import monotonic_s
from kernel.condition import report
from kernel.db import in_unit
from memory import metrics
from memory.forgettings import was_forgotten_since
from memory.ports import (
    BRAIN,
    DEFAULT_RECALL_TIMEOUT_S,
    Matching,
    MemoryScope,
    Recalled,
    RecallQuery,
    Remembered,
    ScoreParts,
)
from memory.rescue import RescueReason, answer_from_memory
from memory.scoping import CONSUMERS
from memory.verbs import (
    FinishedTurn,
    JudgedAnswer,
    Said,
    learn_from_feedback,
    recent_memory,
    remember_turns,
    search_memory,
)

__all__ = [
    "BRAIN",
    "CONSUMERS",
    "DEGRADED_MEMORY",
    "FinishedTurn",
    "JudgedAnswer",
    "Matching",
    "MemoryScope",
    "RecallResult",
    "Recalled",
    "Remembered",
    "RescueReason",
    "Said",
    "ScoreParts",
    "answer_from_memory",
    "expect",
    "learn_from_feedback",
    "recall",
    "recent_memory",
    "remember_turns",
    "search_memory",
    "was_forgotten_since",
]

DEGRADED_MEMORY = "memory"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RecallResult:
    """What was found, and `("memory",)` when the turn goes on without memory."""

    items: tuple[Recalled, ...] = ()
    degraded: tuple[str, ...] = ()


def expect(text: str) -> None:
    """Announce that `text` will be recalled in a moment, so that the work on it can begin.

    Never waits, never fails.
    """
    BRAIN.get().expect(text)


async def recall(
    scope: MemoryScope,
    text: str,
    *,
    limit: int = 6,
    exclude_conversation_id: UUID | None = None,
    exclude_turn_ids: Sequence[UUID] = (),
    timeout_s: float = DEFAULT_RECALL_TIMEOUT_S,
) -> RecallResult:
    """Return what memory has on `text` within `timeout_s`, or an empty, degraded result.

    `exclude_*`: what the prompt holds anyway.  Never raises but for cancellation.
    """
    query = RecallQuery(text, limit, exclude_conversation_id, tuple(exclude_turn_ids), timeout_s)
    started_s = monotonic_s()
    outcome = "failed"
    try:
        # A late thread is not waited for; its statement times out in the database by itself.
        async with asyncio.timeout(timeout_s):
            items = await in_unit(BRAIN.get().recall, scope, query)
        outcome = "found" if items else "nothing"
        return RecallResult(items)
    except TimeoutError:
        outcome = "late"
        log.warning("memory.recall_late", timeout_s=timeout_s)
        report("somabrain")
    except Exception as exc:  # whatever breaks in memory must not break the turn
        log.exception("memory.recall_failed", error=type(exc).__name__)
        report("somabrain")
    finally:
        metrics.RECALL_SECONDS.labels(outcome).observe(monotonic_s() - started_s)
    return RecallResult(degraded=(DEGRADED_MEMORY,))
