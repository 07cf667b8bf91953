"""The event catalogue: versioned facts that one app tells the others after its commit.

An event type is a frozen dataclass; pydantic derives its JSON Schema and checks every payload when
it is emitted and again when it is consumed (a newer or broken payload goes to the dead letters).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, from_json

from kernel import trace

E = TypeVar("E")

# What each topic is for; an event goes to the topic that its name begins with.
TOPICS = ("chat", "memory", "routing", "audit", "delegation", "degradation")
DEAD_LETTERS = "dead-letters"


class InvalidEvent(Exception):
    """The payload does not match the catalogue; `reason` names the fields, never their values."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Envelope:
    """What travels around an event: identity, tenant, order key, trace."""

    event_id: UUID
    tenant_id: UUID
    type: str
    version: int
    key: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class EventType:
    """A catalogue entry. `topic`: where on the backbone events of this type go.

    `waits`: whether consumers are told of it only once its tenant is not held (`kernel.holding`).
    """

    name: str
    version: int
    cls: type[Any]
    adapter: TypeAdapter[Any]
    topic: str
    waits: bool = True

    def schema(self) -> dict[str, Any]:
        """JSON Schema (draft 2020-12) of the payload."""
        return self.adapter.json_schema()


Handler = Callable[[Any, Envelope], None]
# What arrived together, in order.
Arrivals = Sequence[tuple[Any, Envelope]]
ManyHandler = Callable[[Arrivals], None]


@dataclass(frozen=True, slots=True)
class Subscription:
    """A named consumer: the name is the inbox key, so it never changes once released."""

    name: str
    handle: Callable[[Arrivals], None]


_types: dict[tuple[str, int], EventType] = {}
_by_class: dict[type[Any], EventType] = {}
_subscriptions: dict[str, list[Subscription]] = {}


def event(
    name: str, *, version: int, topic: str = "", waits: bool = True
) -> Callable[[type[E]], type[E]]:
    """Class decorator: put a frozen dataclass into the catalogue under `name`.

    `topic`: unset, the first part of the name. `waits`: false, consumers are told also while the
    tenant is held.
    """

    def register(cls: type[E]) -> type[E]:
        entry = EventType(name, version, cls, TypeAdapter(cls), topic or topic_of(name), waits)
        if (name, version) in _types:
            msg = f"event {name} v{version} is declared twice"
            raise RuntimeError(msg)
        _types[name, version] = entry
        _by_class[cls] = entry
        return cls

    return register


def subscribe(cls: type[E], name: str) -> Callable[[Callable[[E, Envelope], None]], Handler]:
    """Decorator: run the function for each event of `cls`, inside a unit of its tenant.

    The effect happens exactly once: an inbox row (name, event) commits with it.
    """

    def register(handler: Callable[[E, Envelope], None]) -> Handler:
        def one_by_one(arrivals: Arrivals) -> None:
            for value, envelope in arrivals:
                with taking(name, envelope):
                    handler(value, envelope)

        _add(cls, Subscription(name, one_by_one))
        return handler

    return register


def subscribe_many(cls: type[E], name: str) -> Callable[[ManyHandler], ManyHandler]:
    """Decorator: run the function once for all events of `cls` that arrived together for a tenant.

    For consumers whose effect is a statement over many rows. When one event of them fails, each is
    handed over alone. What is done for one event alone goes into `taking`.
    """

    def register(handler: ManyHandler) -> ManyHandler:
        _add(cls, Subscription(name, handler))
        return handler

    return register


@contextmanager
def taking(name: str, envelope: Envelope) -> Iterator[None]:
    """The consumer `name` at work for one event: a span of the trace that the event came from."""
    with trace.following(envelope.headers), trace.span(name, "consumer"):
        yield


def _add(cls: type[Any], subscription: Subscription) -> None:
    known = _subscriptions.setdefault(_by_class[cls].name, [])
    if all(one.name != subscription.name for one in known):
        known.append(subscription)


def type_of(value: object) -> EventType:
    """Catalogue entry of an event instance. Raises: KeyError when it is not an event."""
    return _by_class[type(value)]


def dump(value: object) -> dict[str, Any]:
    """Checked JSON payload of an event. Raises: InvalidEvent."""
    payload: dict[str, Any] = from_json(encode(value))
    return payload


def encode(value: object) -> bytes:
    """Checked JSON text of an event. Raises: InvalidEvent."""
    entry = type_of(value)
    try:
        # An instance is taken as it is by pydantic, so it is its JSON that is checked. A warning of
        # the serialiser would quote the value.
        encoded = entry.adapter.dump_json(value, warnings=False)
        entry.adapter.validate_json(encoded, strict=True)
    except ValidationError as exc:
        raise InvalidEvent(_reason(exc)) from exc
    except PydanticSerializationError as exc:
        raise InvalidEvent("cannot be written as JSON") from exc
    return encoded


def load(name: str, version: int, payload: dict[str, Any]) -> Any:
    """The event instance of a payload. Raises: InvalidEvent (unknown type, version or shape)."""
    entry = _types.get((name, version))
    if entry is None:
        msg = f"unknown event {name} v{version}"
        raise InvalidEvent(msg)
    try:
        return entry.adapter.validate_python(payload)
    except ValidationError as exc:
        raise InvalidEvent(_reason(exc)) from exc


def topic_of(name: str) -> str:
    """The topic of events called `name`, known or not."""
    for (known, _), entry in _types.items():
        if known == name:
            return entry.topic
    return name.partition(".")[0]


def going_on() -> list[str]:
    """Names of the events that consumers are told of also while their tenant is held."""
    return sorted({entry.name for entry in _types.values() if not entry.waits})


def topics_apart() -> dict[str, str]:
    """The topics of those types whose names begin with another one."""
    return {
        entry.name: entry.topic
        for entry in _types.values()
        if entry.topic != entry.name.partition(".")[0]
    }


def topics() -> list[str]:
    """Every topic that consumers read, in a fixed order; dead letters are for operators."""
    return sorted({*TOPICS, *(entry.topic for entry in _types.values())} - {DEAD_LETTERS})


def subscriptions(name: str) -> list[Subscription]:
    """Consumers of an event name, in order of registration."""
    return _subscriptions.get(name, [])


def told_to(consumers: str) -> list[str]:
    """Names of the events that consumers whose names begin with `consumers` are told of."""
    return sorted(
        name
        for name, known in _subscriptions.items()
        if any(subscription.name.startswith(consumers) for subscription in known)
    )


def catalogue() -> list[EventType]:
    """All event types, by name and version."""
    return [_types[key] for key in sorted(_types)]


def _reason(exc: ValidationError) -> str:
    fields = (".".join(map(str, item["loc"])) + ": " + item["type"] for item in exc.errors())
    return "; ".join(fields)
