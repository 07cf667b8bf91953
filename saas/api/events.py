"""Operations under /api/v2/saas/events, for platform admins."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from saas import events
from saas.api.auth import actor_of

router = Router(tags=["events"])
MOST_AT_ONCE = 1_000


class QueueOut(Schema):
    """Events of one type in one condition: due, retrying or dead."""

    type: str
    condition: str
    cause: str
    count: int


class TopicOut(Schema):
    """One topic. `on_bus` is null while the bus cannot be asked; `lag_s`: of the oldest event."""

    topic: str
    waiting: int
    dead: int
    on_bus: int | None
    lag_s: float


class EventStatsOut(Schema):
    """How delivery stands. `on_bus` is null while the bus cannot be asked."""

    waiting: int
    parked: int
    dead: int
    oldest_s: float
    on_bus: int | None
    queues: list[QueueOut]
    topics: list[str]
    by_topic: list[TopicOut]


class LetterOut(Schema):
    """A dead letter; the reason holds no content."""

    id: UUID
    tenant_id: UUID
    type: str
    version: int
    key: str
    reason: str
    attempts: int
    emitted_at: datetime
    dead_at: datetime


class LettersOut(Schema):
    """A page; `next` is the id to go on before."""

    items: list[LetterOut]
    next: UUID | None


class ReplayIn(Schema):
    """Which dead letters; null: all of them."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_AT_ONCE)] | None


class DiscardIn(Schema):
    """Which, and why: kept in the audit log."""

    ids: list[UUID] = Field(min_length=1, max_length=MOST_AT_ONCE)
    reason: str = Field(min_length=3, max_length=300)


class CountOut(Schema):
    """How many of those named there were."""

    count: int


@router.get("/stats", response=EventStatsOut, operation_id="events_stats")
def stats(request: HttpRequest) -> object:
    """What waits, is tried again, is dead, or lies on the bus."""
    return events.see_delivery(actor_of(request))


@router.get("/dead", response=LettersOut, operation_id="events_dead")
def dead(
    request: HttpRequest,
    limit: Annotated[int, Field(ge=1, le=200)] = 50,
    before: UUID | None = None,
) -> object:
    """Dead letters of every tenant, newest first."""
    found = events.see_letters(actor_of(request), limit + 1, before)
    page = found[:limit]
    return {"items": page, "next": page[-1].id if len(found) > limit else None}


@router.post("/replay", response=CountOut, operation_id="events_replay")
def replay(request: HttpRequest, body: ReplayIn) -> object:
    """Try dead letters again; audited."""
    return {"count": events.replay_letters(actor_of(request), body.ids)}


@router.post("/discard", response=CountOut, operation_id="events_discard")
def discard(request: HttpRequest, body: DiscardIn) -> object:
    """Delete dead letters for ever; audited with the reason."""
    return {"count": events.discard_letters(actor_of(request), body.ids, body.reason)}
