"""The whole way of an event over a real Kafka: outbox, relay, bus, consumer, effect."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest

from kernel import clock, consuming, events, outbox
from kernel.actor import Scope
from kernel.bus.backbone import BACKBONE, BackboneAway, Record
from kernel.bus.kafka import KafkaBackbone, KafkaPlace
from kernel.db import platform_unit, unit_of_work
from kernel.ids import uuid7
from kernel.models import IdempotencyRecord, OutboxEvent
from somaagent.consumer import EventConsumer
from tests.support.cast import Cast
from tests.support.services import wait_until
from tests.support.up import free_port

# A worker of another suite would deliver what these tests look at.
pytestmark = pytest.mark.usefixtures("nobody_is_woken")

NAME = "kafkatest.noted"


@dataclass(frozen=True, slots=True)
class Noted:
    thread: str
    number: int


@dataclass
class Notes:
    broken: set[str] = field(default_factory=set)
    traces: list[str] = field(default_factory=list)

    def note(self, event: Noted, envelope: events.Envelope) -> None:
        if event.thread in self.broken:
            raise LookupError
        self.traces.append(envelope.headers["traceparent"])
        IdempotencyRecord.objects.create(
            operation="kafkatest",
            key=str(uuid7()),
            user_id=envelope.event_id,
            request_digest="",
            result={"text": f"{event.thread}:{event.number}"},
            expires_at=clock.now(),
        )


@pytest.fixture
def notes(cast: Cast) -> Iterator[Notes]:
    made = Notes()
    events.event(NAME, version=1)(Noted)
    events.subscribe(Noted, name="kafkatest.note")(made.note)
    yield made
    events._types.pop((NAME, 1))
    events._by_class.pop(Noted)
    events._subscriptions.pop(NAME)


@pytest.fixture
def bus(kafka: str, cast: Cast) -> Iterator[KafkaBackbone]:
    before = BACKBONE.get()
    made = KafkaBackbone(KafkaPlace(kafka, prefix=f"{uuid7().hex}."))
    BACKBONE.bind(made)
    yield made
    BACKBONE.bind(before)
    made.close()


@pytest.fixture
def consumer(bus: KafkaBackbone, notes: Notes) -> Iterator[EventConsumer]:
    running = EventConsumer()
    running.start()
    yield running
    running.stop()


def emit(scope: Scope, *numbers: int, thread: str = "a") -> list[UUID]:
    with unit_of_work(scope):
        return outbox.emit_all([(Noted(thread, number), thread) for number in numbers])


def effects(scope: Scope) -> list[str]:
    with unit_of_work(scope):
        rows = IdempotencyRecord.objects.filter(operation="kafkatest").order_by("id")
        return [row.result["text"] for row in rows]


def in_outbox() -> list[OutboxEvent]:
    with platform_unit("test"):
        return list(OutboxEvent.objects.order_by("id"))


def relay_all() -> None:
    """As the worker's sweep does: what a slow Kafka did not take in time is sent again."""
    end = time.monotonic() + 60
    while (
        any(not row.parked and row.dead_at is None for row in in_outbox())
        and time.monotonic() < end
    ):
        with suppress(BackboneAway):
            outbox.relay()


def soon(check: Callable[[], bool]) -> None:
    wait_until(check, "it did not happen", deadline_s=120)


def dead_letters(bus: KafkaBackbone, count: int) -> list[Record]:
    reader = bus.reader(f"look-{uuid7()}", [events.DEAD_LETTERS])
    found: list[Record] = []
    end = time.monotonic() + 120
    while len(found) < count and time.monotonic() < end:
        with reader.batch(100, 0.5) as records:
            found += records
    reader.close()
    return found


def test_events_take_effect_once_and_in_order_over_kafka(
    bus: KafkaBackbone, consumer: EventConsumer, notes: Notes, cast: Cast
) -> None:
    for first in range(0, 60, 20):
        for thread in ("a", "b"):
            emit(cast.acme, *range(first, first + 20), thread=thread)
        emit(cast.globex, *range(first, first + 20), thread="a")
        relay_all()
    soon(lambda: len(effects(cast.acme)) >= 120 and len(effects(cast.globex)) >= 60)
    for thread in ("a", "b"):
        mine = [one for one in effects(cast.acme) if one.startswith(thread)]
        assert mine == [f"{thread}:{number}" for number in range(60)]
    assert effects(cast.globex) == [f"a:{number}" for number in range(60)]
    assert in_outbox() == []
    assert bus.lag(consuming.GROUP, events.topics()).records == 0


def test_what_a_relay_publishes_again_takes_no_second_effect(
    bus: KafkaBackbone, consumer: EventConsumer, notes: Notes, cast: Cast
) -> None:
    emit(cast.acme, 1, 2, 3)
    with platform_unit("test"):
        before = list(OutboxEvent.objects.values())
    relay_all()
    with platform_unit("test"):
        OutboxEvent.objects.bulk_create(OutboxEvent(**row) for row in before)
    relay_all()
    emit(cast.acme, 4)
    relay_all()
    soon(lambda: "a:4" in effects(cast.acme))
    assert effects(cast.acme) == ["a:1", "a:2", "a:3", "a:4"]


def test_what_its_subscriber_cannot_take_is_parked_with_what_follows_and_then_told_dead(
    bus: KafkaBackbone, consumer: EventConsumer, notes: Notes, cast: Cast
) -> None:
    notes.broken = {"bad"}
    (event_id, _) = emit(cast.acme, 1, 2, thread="bad")
    emit(cast.acme, 1, thread="good")
    relay_all()
    soon(lambda: effects(cast.acme) == ["good:1"] and len(in_outbox()) == 2)
    assert [row.attempts for row in in_outbox()] == [1, 0]
    for attempt in range(1, consuming.MAX_ATTEMPTS):
        with clock.shifted(attempt * timedelta(hours=1)):
            outbox.drain()
    first = next(row for row in in_outbox() if row.id == event_id)
    assert first.dead_at is not None
    relay_all()
    (letter,) = dead_letters(bus, 1)
    assert str(event_id).encode() in letter.value
    assert b"LookupError" in letter.value
    assert letter.headers["traceparent"][3:35] == first.headers["traceparent"][3:35]


def test_what_is_no_event_of_ours_is_told_with_the_reason_and_holds_nothing_up(
    bus: KafkaBackbone, consumer: EventConsumer, notes: Notes, cast: Cast
) -> None:
    bus.publish([Record("kafkatest", "a", b"\x00 not json", {"type": NAME})])
    emit(cast.acme, 1)
    relay_all()
    soon(lambda: effects(cast.acme) == ["a:1"])
    (letter,) = dead_letters(bus, 1)
    assert letter.value == b"\x00 not json"
    assert letter.headers["reason"].startswith("no event")


def test_while_kafka_is_away_the_outbox_holds_and_the_cause_is_not_disturbed(
    kafka: str, notes: Notes, cast: Cast
) -> None:
    before = BACKBONE.get()
    away = KafkaBackbone(KafkaPlace(f"127.0.0.1:{free_port()}"))
    BACKBONE.bind(away)
    try:
        emit(cast.acme, 1, 2)
        assert outbox.drain() == 0
        assert len(in_outbox()) == 2
        assert outbox.measure()["pending"] == 2
    finally:
        BACKBONE.bind(before)
        away.close()
    assert outbox.drain() == 2
    assert effects(cast.acme) == ["a:1", "a:2"]
    assert len({trace[3:35] for trace in notes.traces}) == 1, "emitted together: one cause"
