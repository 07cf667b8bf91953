"""Shapes of the memory operations at the HTTP edge, and the page cursor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from ninja import Schema
from pydantic import Field

from kernel import paging
from memory.ports import Position, Recalled


class ScorePartsOut(Schema):
    """Why a memory ranks where it does; ranks start at 1, null when not in that list."""

    lexical_rank: int | None
    dense_rank: int | None
    coverage: float = Field(description="Share of the question's words found, 0 to 1.")
    cosine: float | None = Field(description="Closeness in meaning; null before indexing.")
    beside: float = Field(0.0, description="What the turns beside it lend.")
    conversation: float = Field(0.0, description="What its whole conversation lends.")
    person: float = Field(0.0, description="1 when it tells of a person asked about.")
    time: float = Field(0.0, description="1 when it belongs to the time asked about.")
    links: float = Field(0.0, description="Names shared with the best hits, 0 to 1.")
    recency: float = Field(0.0, description="1 just now, 1/2 after 90 days.")
    certainty: float = Field(0.0, description="How likely anything found is an answer, 0 to 1.")


class RecalledOut(Schema):
    """A memory that was found, word for word, with where it comes from."""

    memory_id: UUID
    text: str
    said_at: datetime
    speaker: str
    conversation_id: UUID | None
    turn_id: UUID | None
    score: float
    reason: str
    parts: ScorePartsOut


class MemoryPageOut(Schema):
    """A page of memories; `next` asks for the following one."""

    items: list[RecalledOut]
    next: str | None

    @classmethod
    def of(cls, items: Sequence[Recalled], following: str | None = None) -> MemoryPageOut:
        """From the verb's values."""
        return cls(
            items=[RecalledOut.model_validate(item, from_attributes=True) for item in items],
            next=following,
        )


def cursor_after(item: Recalled) -> str:
    """Return the opaque cursor of the page that follows `item`."""
    return paging.encode(item.said_at.isoformat(), str(item.memory_id))


def position_of(cursor: str | None) -> Position | None:
    """Return the position that `cursor` stands for.  Raises: BadCursor."""
    keys = paging.decode(cursor, datetime.fromisoformat, UUID)
    if keys is None:
        return None
    said_at, memory_id = keys
    if said_at.tzinfo is None:
        raise paging.BadCursor
    return Position(said_at, memory_id)
