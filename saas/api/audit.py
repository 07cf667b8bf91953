"""Operations under /api/v2/audit."""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router, Schema

from kernel import paging
from saas.api.auth import actor_of
from saas.audit import archiving, exploring
from saas.audit.exploring import AuditQuery, Entry

router = Router(tags=["audit"])

COLUMNS = (
    "id", "at", "actor_id", "actor_name", "actor_email", "action", "object_type", "object_id",
    "before", "after", "address", "request_id",
    "as_user_id", "as_user_name", "as_user_email",
)  # fmt: skip
# What a spreadsheet would take for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class AuditFilter(Schema):
    """What to look for. `action`: whole ("person.removed"), or its noun ("person")."""

    actor_id: UUID | None = None
    action: Annotated[str, Query(max_length=100)] = ""
    object_id: Annotated[str, Query(max_length=100)] = ""
    since: datetime | None = None
    until: datetime | None = None
    q: Annotated[str, Query(max_length=200)] = ""
    of: Literal["tenant", "platform"] = "tenant"

    def query(self) -> AuditQuery:
        """As the verbs take it."""
        return AuditQuery(
            self.actor_id, self.action, self.object_id, self.since, self.until, self.q,
            self.of == "platform",
        )  # fmt: skip


class AuditEntryOut(Schema):
    """Who did what to what, when, from where; `request_id` leads to our log.

    `as_…`: as whom the actor acted, where that was somebody else.
    """

    id: UUID
    at: datetime
    actor_id: UUID
    actor_name: str
    actor_email: str
    action: str
    object_type: str
    object_id: str
    before: Any
    after: Any
    address: str
    request_id: str
    as_user_id: UUID | None
    as_user_name: str
    as_user_email: str


class AuditPage(Schema):
    """Entries, the newest first."""

    items: list[AuditEntryOut]
    next: str | None


class ActionCountOut(Schema):
    """How often an act is in the log."""

    action: str
    count: int


class AuditStats(Schema):
    """Acts by how often they are in the log."""

    items: list[ActionCountOut]


class AuditArchiveOut(Schema):
    """A file of older entries; `since` and `until`: of its first and last."""

    id: UUID
    since: datetime
    until: datetime
    first_seq: int
    last_seq: int
    size_bytes: int
    sha256: str


class AuditArchives(Schema):
    """The files, newest first."""

    items: list[AuditArchiveOut]


@router.get("", response=AuditPage, operation_id="audit_list")
def list_entries(
    request: HttpRequest,
    wanted: Query[AuditFilter],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> object:
    """The audit log of one's tenant, or of the platform."""
    after = paging.decode(cursor, UUID)
    before = after[0] if after else None
    found = exploring.list_entries(actor_of(request), wanted.query(), limit, before)
    rows = found[:limit]
    return {"items": rows, "next": paging.encode(rows[-1].id) if len(found) > limit else None}


@router.get("/stats", response=AuditStats, operation_id="audit_stats")
def stats(request: HttpRequest, wanted: Query[AuditFilter]) -> object:
    """How often which act."""
    return {"items": exploring.count_actions(actor_of(request), wanted.query())}


@router.get("/archives", response=AuditArchives, operation_id="audit_archives")
def list_archives(request: HttpRequest, of: Literal["tenant", "platform"] = "tenant") -> object:
    """Where entries are that are older than the log here: the newest file first."""
    query = AuditQuery(is_platform=of == "platform")
    return {"items": archiving.list_archives(actor_of(request), query)}


@router.get("/archives/{archive_id}", operation_id="audit_archive", response={200: str})
def read_archive(
    request: HttpRequest, archive_id: UUID, of: Literal["tenant", "platform"] = "tenant"
) -> StreamingHttpResponse:
    """A file of older entries: JSON lines with the links of the chain, compressed (gzip)."""
    query = AuditQuery(is_platform=of == "platform")
    content = archiving.read_archive(actor_of(request), archive_id, query)
    answer = StreamingHttpResponse(content, content_type="application/gzip")
    answer["Content-Disposition"] = f'attachment; filename="audit-{archive_id}.jsonl.gz"'
    return answer


@router.get("/export", operation_id="audit_export", response={200: str})
def export(
    request: HttpRequest, wanted: Query[AuditFilter], form: Literal["csv", "jsonl"] = "csv"
) -> StreamingHttpResponse:
    """All that the filter finds, as CSV or as JSON lines."""
    portions = exploring.export_entries(actor_of(request), wanted.query())
    write, kind = (_csv, "text/csv") if form == "csv" else (_lines, "application/x-ndjson")
    answer = StreamingHttpResponse(write(portions), content_type=f"{kind}; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="audit.{form}"'
    return answer


def _lines(portions: Iterator[list[Entry]]) -> Iterator[bytes]:
    for portion in portions:
        yield b"".join(orjson.dumps(asdict(one)) + b"\n" for one in portion)


def _csv(portions: Iterator[list[Entry]]) -> Iterator[bytes]:
    yield (",".join(COLUMNS) + "\r\n").encode()
    for portion in portions:
        page = io.StringIO()
        writer = csv.writer(page)
        for one in portion:
            writer.writerow([_cell(getattr(one, name)) for name in COLUMNS])
        yield page.getvalue().encode()


def _cell(value: object) -> str:
    if isinstance(value, dict | list):
        value = orjson.dumps(value).decode()
    text = value.isoformat() if isinstance(value, datetime) else str(value or "")
    return f"'{text}" if text.startswith(FORMULA) else text
