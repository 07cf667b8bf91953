"""Verbs that carry memories out and in: JSON lines, one memory a line.

An export can be imported again, into the same or another agent: what is known stays as it is, what
supersedes what is restored.  Of a file with bad lines the good ones are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, Field, ValidationError

from kernel.actor import Actor
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.errors import SomaError, TooLarge
from memory.errors import CapabilityAbsent
from memory.moments import Moment
from memory.ports import (
    BRAIN,
    MAX_ITEMS,
    MAX_LOOK_UP,
    Link,
    MemoryItem,
    MemoryScope,
    Position,
    Speaker,
)
from memory.scoping import own
from memory.workspace import WORKSPACE
from saas.facade import audit, require

MAX_IMPORT_BYTES = 10_000_000
MAX_IMPORT_LINES = 10_000
_PAGE = 200
_MAX_INT = 2**31 - 1


class ImportTooLarge(TooLarge):
    """An import holds at most 10 MB and 10,000 lines; `limit` says which was passed."""

    code, title = "import-too-large", "This file is too large for one import"


class Line(BaseModel):
    """One memory of a file; other members are ignored."""

    text: str
    speaker: Speaker = "user"
    kind: Literal["episodic", "semantic", "procedural"] = "episodic"
    said_at: Moment | None = None
    memory_id: UUID | None = None
    superseded_by: UUID | None = None
    conversation_id: UUID | None = None
    turn_id: UUID | None = None
    message_id: UUID | None = None
    span_start: Annotated[int, Field(ge=0, le=_MAX_INT)] = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that was not kept, counted from 1, and why."""

    line: int
    detail: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: lines kept, lines known before, lines refused."""

    kept: int
    known: int
    refused: tuple[Refused, ...] = ()


def export_memories(actor: Actor, agent_id: UUID | None = None) -> Iterator[bytes]:
    """Return the actor's own memories as JSON lines, newest first, a page of lines at a time.

    What is kept meanwhile is not in it; what is forgotten meanwhile may be missing.
    Raises: Forbidden, CapabilityAbsent; both before the first line.
    """
    require(actor, "memory.read")
    scope = own(actor, agent_id)
    first, following = _page(scope, None)
    with unit_of_work(actor.scope):
        audit(actor, "memory.exported", "memory", agent_id or "all")
    return _pages(scope, first, following)


def import_memories(actor: Actor, agent_id: UUID, body: bytes) -> Imported:
    """Keep the memories of a file for one agent.

    Idempotent on: (actor, agent, line).  After an error in between, earlier lines may be kept.
    Raises: NotFound (agent), Forbidden, ImportTooLarge.
    """
    require(actor, "memory.write")
    with unit_of_work(actor.scope):
        WORKSPACE.get().require_agent(actor, agent_id, "use")
    if len(body) > MAX_IMPORT_BYTES:
        raise ImportTooLarge(limit=MAX_IMPORT_BYTES)
    rows = body.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if sum(bool(row.strip()) for row in rows) > MAX_IMPORT_LINES:
        raise ImportTooLarge(limit=MAX_IMPORT_LINES)
    scope = own(actor, agent_id)
    read, refused = _read(scope, rows)
    places = _known(scope, [line for line, _ in read])
    kept = 0
    fresh = [(line, item) for line, item in read if line.memory_id not in places]
    for first in range(0, len(fresh), MAX_ITEMS):
        batch = fresh[first : first + MAX_ITEMS]
        answers = BRAIN.get().remember_many(scope, [item for _, item in batch])
        # A line that stands there twice is one memory.
        kept += len({answer.memory_id for answer in answers if answer.created})
        for (line, _), answer in zip(batch, answers, strict=True):
            if line.memory_id is not None:
                places[line.memory_id] = answer.memory_id
    _relink(scope, [line for line, _ in fresh], places)
    result = Imported(kept, len(read) - kept, tuple(refused))
    with unit_of_work(actor.scope):
        after = {"kept": kept, "known": result.known, "refused": len(refused)}
        audit(actor, "memory.imported", "agent", agent_id, after=after)
    return result


def _pages(scope: MemoryScope, lines: bytes, following: Position | None) -> Iterator[bytes]:
    while lines:
        yield lines
        if following is None:
            return
        lines, following = _page(scope, following)


def _page(scope: MemoryScope, before: Position | None) -> tuple[bytes, Position | None]:
    """Return the lines of a page and where the next begins, None after the last."""
    listed = BRAIN.get().recent(scope, limit=_PAGE, before=before)
    whole = BRAIN.get().look_up(scope, [one.memory_id for one in listed])
    lines = b"".join(orjson.dumps(asdict(one), option=orjson.OPT_APPEND_NEWLINE) for one in whole)
    if len(listed) < _PAGE:
        return lines, None
    return lines or b"\n", Position(listed[-1].said_at, listed[-1].memory_id)


def _read(
    scope: MemoryScope, rows: Sequence[bytes]
) -> tuple[list[tuple[Line, MemoryItem]], list[Refused]]:
    """Return the good lines as memories, and the bad ones by their number."""
    good: list[tuple[Line, MemoryItem]] = []
    bad: list[Refused] = []
    at = now()
    for number, row in enumerate(rows, 1):
        if not row.strip():
            continue
        try:
            line = Line.model_validate(orjson.loads(row))
            good.append((line, _item(scope, line, at)))
        except orjson.JSONDecodeError:
            bad.append(Refused(number, "is not a JSON object in UTF-8"))
        except ValidationError as exc:
            bad.append(Refused(number, _first(exc)))
        except SomaError as exc:
            bad.append(Refused(number, exc.detail))
    return good, bad


def _item(scope: MemoryScope, line: Line, at: datetime) -> MemoryItem:
    # Without the time of the import, so that the same line again is the same memory.
    content = line.model_dump_json(exclude={"superseded_by"})
    digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
    return MemoryItem(
        line.text,
        line.speaker,
        line.said_at or at,
        f"import:{scope.user_id}:{scope.agent_id}:{digest}",
        conversation_id=line.conversation_id,
        turn_id=line.turn_id,
        message_id=line.message_id,
        span_start=line.span_start,
        kind=line.kind,
    )


def _known(scope: MemoryScope, lines: Sequence[Line]) -> dict[UUID, UUID]:
    """Return the ids in the file that are memories of the agent already."""
    ids = list(dict.fromkeys(line.memory_id for line in lines if line.memory_id is not None))
    found: dict[UUID, UUID] = {}
    try:
        for first in range(0, len(ids), MAX_LOOK_UP):
            there = BRAIN.get().look_up(scope, ids[first : first + MAX_LOOK_UP])
            found.update((one.memory_id, one.memory_id) for one in there)
    except CapabilityAbsent:
        return {}
    return found


def _relink(scope: MemoryScope, lines: Sequence[Line], places: dict[UUID, UUID]) -> None:
    """Restore what supersedes what among the memories of the file."""
    for line in lines:
        old = places.get(line.memory_id) if line.memory_id else None
        new = places.get(line.superseded_by) if line.superseded_by else None
        if old is None or new is None or old == new:
            continue
        try:
            BRAIN.get().link(scope, Link(new, old, "supersedes"))
        except CapabilityAbsent:
            return


def _first(exc: ValidationError) -> str:
    error = exc.errors()[0]
    where = "/".join(str(part) for part in error["loc"])
    return f"{where}: {error['msg']}" if where else str(error["msg"])
