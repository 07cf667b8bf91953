"""What this process knows of calls and the database does not yet: it outlives the process.

Files of lines of JSON below one directory: `{"begun": row, "charges": [...]}` when a call is sent
to a model, `{"ended": ...}` alike when it is over, `{"void": id}` when nothing was asked. A file
is removed when all of its calls are settled. The owner holds a lock on its file (flock); one that
can be locked has no owner any more, and `orphans` gives its calls. Nothing is synced: it is safe
from the end of the process, not from the end of the machine.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import structlog

SEGMENT_BYTES = 4 * 1024 * 1024
MAKING_S = 60.0

log = structlog.get_logger(__name__)

Row = dict[str, Any]


@dataclass(slots=True)
class _Segment:
    path: Path
    file: int
    size_bytes: int = 0
    open_calls: set[UUID] = field(default_factory=set)


class Journal:
    """The journal of one process. Files appear with the first call."""

    def __init__(self, directory: Path, process_id: UUID) -> None:
        self._directory = directory
        self._process_id = process_id
        self._number = 0
        self._segments: list[_Segment] = []

    def begin(self, row: Row, charges: list[Row]) -> None:
        """A call is about to be sent; `row` is what will be recorded if nothing more is known."""
        segment = self._current()
        segment.open_calls.add(row["id"])
        self._write(segment, {"begun": row, "charges": charges})

    def end(self, row: Row, charges: list[Row]) -> None:
        """A call is over and waits for being settled."""
        segment = self._current()
        segment.open_calls.add(row["id"])
        self._write(segment, {"ended": row, "charges": charges})

    def void(self, usage_id: UUID) -> None:
        """A call that was begun did not take place."""
        self._write(self._current(), {"void": usage_id})
        self.settled([usage_id])

    def settled(self, usage_ids: list[UUID]) -> None:
        """The database knows of these calls."""
        for segment in list(self._segments):
            segment.open_calls.difference_update(usage_ids)
            if not segment.open_calls and segment.size_bytes:
                self._remove(segment)

    def close(self) -> None:
        """Let go of the files; those with unsettled calls stay for whoever comes next."""
        for segment in self._segments:
            os.close(segment.file)
        self._segments = []

    def _current(self) -> _Segment:
        if self._segments and self._segments[-1].size_bytes < SEGMENT_BYTES:
            return self._segments[-1]
        self._directory.mkdir(parents=True, exist_ok=True)
        self._number += 1
        path = self._directory / f"{self._process_id}.{self._number}.jsonl"
        file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._segments.append(_Segment(path, file))
        return self._segments[-1]

    def _write(self, segment: _Segment, entry: Row) -> None:
        segment.size_bytes += os.write(segment.file, orjson.dumps(entry) + b"\n")

    def _remove(self, segment: _Segment) -> None:
        if segment is self._segments[-1] and segment.size_bytes < SEGMENT_BYTES:
            # The one in use is emptied: making files is dearer than writing to them.
            os.ftruncate(segment.file, 0)
            segment.size_bytes = 0
            return
        self._segments.remove(segment)
        segment.path.unlink(missing_ok=True)
        os.close(segment.file)


@dataclass(frozen=True, slots=True)
class Orphan:
    """What a process left behind: (row, charges) of each call, ended or cut by its end."""

    process_id: UUID
    calls: list[tuple[Row, list[Row]]]


def orphans(directory: Path) -> Iterator[Orphan]:
    """The journals without owner, oldest first; each is removed when the caller comes back."""
    for path in sorted(directory.glob("*.jsonl")):
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_being_made(file):
                    continue
                yield _read(path)
                path.unlink(missing_ok=True)
        finally:
            os.close(file)


def _is_being_made(file: int) -> bool:
    """Whether its owner may be between making and locking it."""
    state = os.fstat(file)
    return state.st_size == 0 and time.time() - state.st_mtime < MAKING_S


def _read(path: Path) -> Orphan:
    calls: dict[str, tuple[Row, list[Row]]] = {}
    for line in path.read_bytes().splitlines():
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:
            # The last line of a process that was killed while it wrote.
            log.warning("journal.line_unreadable", file=path.name)
            continue
        if "void" in entry:
            calls.pop(entry["void"], None)
            continue
        row = entry.get("ended") or entry["begun"]
        calls[row["id"]] = (row, entry["charges"])
    return Orphan(UUID(path.name.partition(".")[0]), list(calls.values()))
