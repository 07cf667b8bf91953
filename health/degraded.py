"""What a service that is away means: what works, what waits, what is off, what people read.

Owns the table (`docs/reference/degradation.md` is made of it), the level and the words for each
role. Levels are derived from states, never set. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from kernel.actor import Actor
from kernel.condition import Level, Limitation, ServiceState

LEVELS: tuple[Level, ...] = ("none", "minor", "moderate", "severe", "critical")
_ADMINS = frozenset({"sysadmin", "admin"})


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `reads*`: the banner; None: only operators are told.

    `level_down`, `level_slow`: what this service alone makes of the platform's level.
    """

    service: str
    title: str
    level_down: Level
    works: str
    waits: str
    off: str
    reads: str | None
    next: str
    level_slow: Level = "minor"
    reads_slow: str | None = None


TABLE: tuple[Row, ...] = (
    Row(
        "database",
        "Database",
        "critical",
        works="Pages that are open. An answer that is being written goes on for up to two minutes "
        "and is then stored.",
        waits="Drafts and messages that are not sent yet, in the browser.",
        off="Signing in, opening conversations, sending: 503 `database-away` with `Retry-After`.",
        reads="The database cannot be reached, so nothing can be opened or sent. What you write is "
        "kept in this browser.",
        next="What waits is sent by itself as soon as the database answers.",
    ),
    Row(
        "llm",
        "Language model",
        "severe",
        works="Everything but answers of the model. Questions are answered from memory alone.",
        waits="Nothing. A question can be asked again when the model is back.",
        off="Answers of the language model.",
        reads="The language model cannot be reached. Answers come from memory alone.",
        next="It is tried again by itself; the next answer uses it as soon as it works.",
        reads_slow="The language model is slow or failed a moment ago. Answers may take longer.",
    ),
    Row(
        "somabrain",
        "Memory",
        "moderate",
        works="Chat, with all that was said in the conversation itself.",
        waits="New memories, in order, in the outbox (or without embeddings); nothing is lost.",
        off="Recall of earlier conversations, and the pages of memories.",
        reads="Answers go without memories of earlier conversations. What you say is kept and "
        "will be remembered.",
        next="What waits is remembered by itself when memory is back.",
        reads_slow="Memory is limited or slow. Some answers may go without earlier conversations.",
    ),
    Row(
        "somafractalmemory",
        "SomaFractalMemory",
        "minor",
        works="Everything, as long as the brain before it answers.",
        waits="Nothing.",
        off="The second place in which memories are found when the brain is away.",
        reads=None,
        next="It is looked at again every few seconds.",
    ),
    Row(
        "redis",
        "Valkey",
        "minor",
        works="Chat, from memory of the process that answers and from snapshots in PostgreSQL.",
        waits="Work of the worker: events, new memories, embeddings. All of it is in PostgreSQL.",
        off="Live updates between processes; a breaker is each process's own meanwhile.",
        reads="Live updates are limited: other tabs may show answers in larger pieces, and new "
        "memories take longer.",
        next="What waits is worked off by itself when Valkey is back.",
    ),
    Row(
        "kafka",
        "Kafka",
        "minor",
        works="Chat, and all pages.",
        waits="Events, in the outbox and in order; new memories are among them.",
        off="What follows from events.",
        reads="What is said now is remembered later than usual.",
        next="What waits is delivered by itself when Kafka is back.",
    ),
    Row(
        "keycloak",
        "Keycloak",
        "moderate",
        works="Everything for people who are signed in, and programs with keys or tokens.",
        waits="Changes of memberships, invitations and sign-outs, in the outbox.",
        off="Signing in anew: 503 `sso-provider-away`, and the sign-in page says so.",
        reads="Nobody can sign in anew right now. Whoever is signed in goes on.",
        next="Signing in works again as soon as Keycloak answers; what waits is told by itself.",
    ),
    Row(
        "spicedb",
        "SpiceDB",
        "severe",
        works="What needs no permission to be looked up: signing in, one's own profile.",
        waits="Changes of roles and grants, in the outbox.",
        off="Everything else: what cannot be looked up is denied.",
        reads="Permissions cannot be looked up right now, so almost everything is denied.",
        next="It works again as soon as SpiceDB answers; changes are copied by themselves.",
    ),
    Row(
        "storage",
        "File storage",
        "minor",
        works="Everything that needs no files.",
        waits="The archive of the audit log: entries stay in the database until it is written.",
        off="Reading and writing of stored files.",
        reads=None,
        next="It is looked at again every few seconds.",
    ),
)
_ROWS: Mapping[str, Row] = {row.service: row for row in TABLE}


def row_of(service: str) -> Row:
    """The line of a service; one that promises nothing for a name that has none."""
    return _ROWS.get(service) or Row(
        service,
        service,
        "minor",
        works="Everything that does not need it.",
        waits="Nothing.",
        off="What needs it.",
        reads=None,
        next="It is looked at again every few seconds.",
    )


def level_of(states: Mapping[str, ServiceState]) -> Level:
    """The worst of what each service causes; without model and memory no answer is possible."""
    if states.get("llm") == "down" and states.get("somabrain") == "down":
        return "critical"
    worst = 0
    for service, state in states.items():
        row = row_of(service)
        level = {"down": row.level_down, "slow": row.level_slow}.get(state, "none")
        worst = max(worst, LEVELS.index(level))
    return LEVELS[worst]


@dataclass(frozen=True, slots=True)
class Affected:
    """A service that is not well, with what operators are told of it."""

    service: str
    state: ServiceState
    since: datetime
    detail: str
    advice: str


def limitations(actor: Actor, affected: Iterable[Affected]) -> tuple[Limitation, ...]:
    """What `actor` is told, the worst first.

    Everyone reads what they will notice; tenant administrators also which service it is; platform
    admins every service, with the cause and what to do.
    """
    told = []
    for one in affected:
        row = row_of(one.service)
        text = row.reads if one.state == "down" else row.reads_slow
        if text is None:
            if not actor.is_platform_admin:
                continue
            text = f"{row.title} {'is away' if one.state == 'down' else 'is slow or limited'}."
        told.append((row, one, text))
    told.sort(key=lambda item: -_weight(item[0], item[1].state))
    return tuple(
        Limitation(
            service=one.service,
            state=one.state,
            since=rfc3339(one.since),
            text=text,
            next=row.next,
            detail=_detail(actor, row, one),
        )
        for row, one, text in told
    )


def _detail(actor: Actor, row: Row, one: Affected) -> str | None:
    if actor.is_platform_admin:
        said = [f"{row.title}: {one.detail}".rstrip(": "), one.advice]
        return " ".join(part if part.endswith(".") else f"{part}." for part in said if part)
    if actor.role in _ADMINS:
        return f"Cause: {row.title}. Whoever runs the platform sees more."
    return None


def _weight(row: Row, state: ServiceState) -> int:
    return LEVELS.index(row.level_down if state == "down" else row.level_slow)


def rfc3339(moment: datetime) -> str:
    """UTC with Z."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
