"""SomaFractalMemory's contract, corrected: the tenant is that of the key, filters always hold."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Path, Router, Schema
from pydantic import Field

from kernel.actor import Scope
from memory.brain_server import coordinates
from memory.brain_server.auth import tenant_of
from memory.brain_server.models import StoredObject
from memory.errors import NoSuchMemory

router = Router(tags=["memories"])

Kind = Literal["episodic", "semantic"]
Place = Annotated[str, Path(max_length=2_000, description="Numbers with commas between.")]


class KeepIn(Schema):
    """An object and its place."""

    coord: str = Field(max_length=2_000)
    payload: dict[str, Any]
    memory_type: Kind = "episodic"


class KeptOut(Schema):
    """Durable when this is answered."""

    coord: str
    memory_type: Kind


class ObjectOut(Schema):
    """A stored object; `score` of a search, else null."""

    coordinate: list[float]
    payload: dict[str, Any]
    memory_type: str
    importance: float = 0.0
    created_at: datetime
    updated_at: datetime
    score: float | None = None


class FoundOut(Schema):
    """One object."""

    memory: ObjectOut


class DeletedOut(Schema):
    """Whether there was one."""

    coord: str
    deleted: bool


class SearchIn(Schema):
    """Any word of `query`; `filters` are members of the payload that have to be equal."""

    query: str = Field(max_length=4_000)
    top_k: int = Field(5, ge=0, le=1_000)
    offset: int = Field(0, ge=0, le=100_000)
    memory_type: Kind | None = None
    filters: dict[str, Any] = Field(default_factory=dict)


class HitsOut(Schema):
    """Best first."""

    memories: list[ObjectOut]


class StatsOut(Schema):
    """Of the key's tenant."""

    total_memories: int
    episodic: int
    semantic: int


@router.post("/memories", response=KeptOut, operation_id="fractal_keep")
def keep(request: HttpRequest, body: KeepIn) -> KeptOut:
    """Keep an object; one that is at this place is replaced."""
    place = coordinates.coordinate(body.coord)
    coordinates.keep(_scope(request), place, body.payload, body.memory_type)
    return KeptOut(coord=body.coord, memory_type=body.memory_type)


@router.post("/memories/search", response=HitsOut, operation_id="fractal_search")
def search(request: HttpRequest, body: SearchIn) -> HitsOut:
    """Find objects by the words of their text."""
    found = coordinates.search(
        _scope(request),
        body.query,
        kind=body.memory_type,
        filters=body.filters,
        limit=body.top_k,
        offset=body.offset,
    )
    return HitsOut(memories=[_out(row, score) for row, score in found])


@router.get("/memories/{coord}", response=FoundOut, operation_id="fractal_read")
def read(request: HttpRequest, coord: Place) -> FoundOut:
    """The object of a place."""
    row = coordinates.read(_scope(request), coordinates.coordinate(coord))
    if row is None:
        raise NoSuchMemory("Memory not found")
    return FoundOut(memory=_out(row))


@router.delete("/memories/{coord}", response=DeletedOut, operation_id="fractal_delete")
def delete(request: HttpRequest, coord: Place) -> DeletedOut:
    """Delete for good."""
    deleted = coordinates.delete(_scope(request), coordinates.coordinate(coord))
    return DeletedOut(coord=coord, deleted=deleted)


@router.get("/stats", response=StatsOut, operation_id="fractal_stats")
def stats(request: HttpRequest) -> StatsOut:
    """How many there are."""
    counted = coordinates.count(_scope(request))
    return StatsOut(
        total_memories=sum(counted.values()),
        episodic=counted.get("episodic", 0),
        semantic=counted.get("semantic", 0),
    )


def _scope(request: HttpRequest) -> Scope:
    return Scope(tenant_of(request))


def _out(row: StoredObject, score: float | None = None) -> ObjectOut:
    return ObjectOut(
        coordinate=row.coordinate,
        payload=row.payload,
        memory_type=row.kind,
        created_at=row.created_at,
        updated_at=row.updated_at,
        score=score,
    )
