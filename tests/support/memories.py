"""Memories that a test puts there without a turn."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from kernel.ids import uuid7
from memory.ports import BRAIN, MemoryItem, MemoryScope
from tests.support.cast import Cast

MORNING = datetime(2026, 3, 3, 9, tzinfo=UTC)


def keep(cast: Cast, text: str, agent_id: UUID, **values: Any) -> UUID:
    """Ann said it in the morning, unless `values` say otherwise."""
    scope = MemoryScope(cast.acme_id, cast.ann.user_id, agent_id)
    given = {"speaker": "user", "said_at": MORNING, "idempotency_key": str(uuid7())} | values
    return BRAIN.get().remember(scope, MemoryItem(text, **given)).memory_id
