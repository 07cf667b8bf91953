"""The outbox on a real database: with its cause, once in effect, in order, never silently lost."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from django.db import connections, transaction

from kernel import clock, consuming, events, outbox
from kernel.actor import Scope
from kernel.bus.backbone import BACKBONE
from kernel.db import platform_unit, unit_of_work
from kernel.errors import Unavailable
from kernel.ids import uuid7
from kernel.models import IdempotencyRecord, InboxRecord, OutboxEvent
from kernel.scope import ScopeMissing
from tests.support.cast import Cast
from tests.support.services import wait_until

NOTED, TOLD = "outboxtest.noted", "outboxtest.told"
SECRET = "the patient is called Okonkwo"
LATER = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Noted:
    """Something to write down."""

    thread: str
    number: int


@dataclass(frozen=True, slots=True)
class Told:
    """What the consumer of `Noted` itself emits."""

    number: int


class Hiccup(RuntimeError):
    """A consumer's own failure; its text must never be kept."""


@dataclass
class Consumers:
    """Two consumers of Noted, one of Told. An effect is a row, so that it can be rolled back."""

    # (thread, number) -> how often it still fails.
    failures: dict[tuple[str, int], int] = field(default_factory=dict)
    tells: bool = False
    is_away: bool = False
    seen: list[UUID] = field(default_factory=list)

    def note(self, event: Noted, envelope: events.Envelope) -> None:
        _write("noted", f"{event.thread}:{event.number}", envelope.event_id)
        if self.tells:
            outbox.emit(Told(event.number), key=event.thread)

    def count(self, event: Noted, envelope: events.Envelope) -> None:
        place = (event.thread, event.number)
        if self.failures.get(place, 0) > 0:
            self.failures[place] -= 1
            raise Unavailable(SECRET) if self.is_away else Hiccup(SECRET)
        _write("counted", f"{event.thread}:{event.number}", envelope.event_id)
        self.seen += IdempotencyRecord.objects.values_list("tenant_id", flat=True)

    def hear(self, event: Told, envelope: events.Envelope) -> None:
        _write("told", str(event.number), envelope.event_id)


@pytest.fixture(scope="module")
def registered() -> Iterator[Consumers]:
    """The test's own event types, in the catalogue for this module only."""
    consumers = Consumers()
    events.event(NOTED, version=1)(Noted)
    events.event(TOLD, version=1)(Told)
    events.subscribe(Noted, name="outboxtest.note")(consumers.note)
    events.subscribe(Noted, name="outboxtest.count")(consumers.count)
    events.subscribe(Told, name="outboxtest.hear")(consumers.hear)
    yield consumers
    for name, cls in ((NOTED, Noted), (TOLD, Told)):
        events._types.pop((name, 1))
        events._by_class.pop(cls)
        events._subscriptions.pop(name)


@pytest.fixture
def consumers(registered: Consumers, cast: Cast, nobody_is_woken: None) -> Consumers:
    """Consumers in their first state; no other process is told of these events."""
    registered.is_away = False
    registered.failures, registered.tells, registered.seen = {}, False, []
    return registered


def _write(kind: str, text: str, event_id: UUID) -> None:
    IdempotencyRecord.objects.create(
        operation=f"outboxtest.{kind}",
        key=str(uuid7()),
        user_id=event_id,
        request_digest="",
        result={"text": text},
        expires_at=clock.now() + LATER,
    )


def effects(scope: Scope, kind: str) -> list[str]:
    """What a consumer wrote for one tenant, in the order of writing."""
    with unit_of_work(scope):
        rows = IdempotencyRecord.objects.filter(operation=f"outboxtest.{kind}").order_by("id")
        return [row.result["text"] for row in rows]


def pending() -> list[OutboxEvent]:
    """Every event that is still in the outbox, as the platform sees it."""
    with platform_unit("test"):
        return list(OutboxEvent.objects.order_by("id"))


def emit(scope: Scope, *numbers: int, thread: str = "a") -> list[UUID]:
    """One unit that notes each number."""
    with unit_of_work(scope):
        return [outbox.emit(Noted(thread, number), key=thread) for number in numbers]


def insert_raw(scope: Scope, *, version: int, payload: dict[str, Any], key: str = "raw") -> None:
    """An event that this version of the code would never emit."""
    with unit_of_work(scope):
        OutboxEvent.objects.create(type=NOTED, version=version, key=key, payload=payload)


class Killed(BaseException):
    """The process ends here."""


class DyingReader:
    """A reader whose process ends after the work, before the batch counts as taken."""

    @contextmanager
    def batch(self, limit: int, wait_s: float) -> Iterator[Any]:
        reader = BACKBONE.get().reader(consuming.GROUP, events.topics())
        with reader.batch(limit, wait_s) as records:
            yield records
            raise Killed

    def close(self) -> None:
        """Nothing to give up."""


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    """Run `work` with database connections of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_an_event_commits_with_its_cause_and_reaches_every_consumer_once(
    consumers: Consumers, cast: Cast
) -> None:
    emit(cast.acme, 1, 2)
    assert effects(cast.acme, "noted") == []
    assert outbox.drain() == 2
    assert effects(cast.acme, "noted") == ["a:1", "a:2"]
    assert effects(cast.acme, "counted") == ["a:1", "a:2"]
    assert pending() == []
    assert outbox.drain() == 0
    assert len(effects(cast.acme, "noted")) == 2


def test_a_cause_that_is_rolled_back_leaves_no_event_and_wakes_nobody(
    consumers: Consumers, cast: Cast
) -> None:
    woken: list[int] = []
    outbox.set_wake(lambda: woken.append(len(pending())))
    with pytest.raises(Hiccup), unit_of_work(cast.acme):
        outbox.emit(Noted("a", 1), key="a")
        raise Hiccup
    assert (pending(), woken) == ([], [])
    emit(cast.acme, 2)
    # Woken after the commit: the event is already there for everyone.
    assert woken == [1]


def test_a_wake_up_that_fails_does_not_disturb_the_cause(consumers: Consumers, cast: Cast) -> None:
    def broken() -> None:
        raise ConnectionError

    outbox.set_wake(broken)
    emit(cast.acme, 1)
    assert len(pending()) == 1


def test_nothing_is_emitted_outside_a_tenant_or_with_a_payload_that_breaks_its_schema(
    consumers: Consumers, cast: Cast
) -> None:
    with pytest.raises(ScopeMissing):
        outbox.emit(Noted("a", 1), key="a")
    with pytest.raises(events.InvalidEvent) as refused, unit_of_work(cast.acme):
        outbox.emit(Noted("a", SECRET), key="a")  # type: ignore[arg-type]  # what is tested
    assert "number" in refused.value.reason
    assert SECRET not in refused.value.reason
    assert pending() == []


def test_every_payload_of_the_catalogue_fits_its_published_schema(
    consumers: Consumers, cast: Cast
) -> None:
    emit(cast.acme, 7)
    entry = next(one for one in events.catalogue() if one.name == NOTED)
    (row,) = pending()
    jsonschema.validate(row.payload, entry.schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"thread": "a"}, entry.schema())


def test_two_relays_at_once_deliver_each_event_once(consumers: Consumers, cast: Cast) -> None:
    for number in range(0, 120, 4):
        emit(cast.acme, *range(number, number + 4), thread=f"t{number % 3}")
        emit(cast.globex, *range(number, number + 4), thread=f"t{number % 3}")
    relays = [in_thread(lambda: outbox.drain(batch_size=7)) for _ in range(3)]
    for relay in relays:
        relay.join(60)
    outbox.drain()
    assert pending() == []
    for scope in (cast.acme, cast.globex):
        for kind in ("noted", "counted"):
            found = effects(scope, kind)
            assert len(found) == len(set(found)) == 120
    for thread in ("t0", "t1", "t2"):
        numbers = [text for text in effects(cast.acme, "counted") if text.startswith(thread)]
        assert numbers == sorted(numbers, key=lambda text: int(text.split(":")[1]))


def test_a_consumer_that_died_after_its_commit_repeats_nothing(
    consumers: Consumers, cast: Cast
) -> None:
    consumers.tells = True
    emit(cast.acme, 1, 2, 3)
    # What a killed consumer leaves behind: effects committed, the batch not taken.
    assert outbox.relay() == 3
    with pytest.raises(Killed):
        consuming.consume(DyingReader(), 100)
    assert effects(cast.acme, "noted") == ["a:1", "a:2", "a:3"]
    assert len(pending()) == 3
    outbox.drain()
    assert pending() == []
    assert effects(cast.acme, "noted") == ["a:1", "a:2", "a:3"]
    assert effects(cast.acme, "counted") == ["a:1", "a:2", "a:3"]
    assert effects(cast.acme, "told") == ["1", "2", "3"]


def test_an_event_that_was_published_twice_takes_effect_once(
    consumers: Consumers, cast: Cast
) -> None:
    # What a relay leaves behind that died between publishing and deleting.
    emit(cast.acme, 1, 2)
    with platform_unit("test"):
        before = list(OutboxEvent.objects.values())
    outbox.relay()
    with platform_unit("test"):
        OutboxEvent.objects.bulk_create(OutboxEvent(**row) for row in before)
    assert outbox.drain() == 2
    assert effects(cast.acme, "noted") == effects(cast.acme, "counted") == ["a:1", "a:2"]


def test_an_event_of_a_consumer_is_delivered_in_the_same_run(
    consumers: Consumers, cast: Cast
) -> None:
    consumers.tells = True
    emit(cast.acme, 5)
    assert outbox.drain() == 2
    assert effects(cast.acme, "told") == ["5"]


def test_a_consumer_that_fails_takes_back_what_the_others_did(
    consumers: Consumers, cast: Cast
) -> None:
    consumers.failures["a", 1] = 3
    emit(cast.acme, 1)
    outbox.drain()
    assert effects(cast.acme, "noted") == []
    assert len(pending()) == 1
    with unit_of_work(cast.acme):
        assert not InboxRecord.objects.exists()


def test_order_within_a_key_holds_while_an_earlier_event_backs_off(
    consumers: Consumers, cast: Cast
) -> None:
    # Twice: once in the batch, once alone.
    consumers.failures["slow", 1] = 2
    emit(cast.acme, 1, 2, thread="slow")
    emit(cast.acme, 1, 2, thread="other")
    outbox.drain()
    emit(cast.acme, 3, thread="slow")
    outbox.drain(batch_size=1)
    assert effects(cast.acme, "counted") == ["other:1", "other:2"]
    assert [row.attempts for row in pending()] == [1, 0, 0]
    with clock.shifted(LATER):
        outbox.drain()
    assert effects(cast.acme, "counted")[2:] == ["slow:1", "slow:2", "slow:3"]
    assert pending() == []


def test_a_failure_is_retried_later_each_time_and_then_kept_as_a_dead_letter(
    consumers: Consumers, cast: Cast
) -> None:
    consumers.failures["a", 1] = 1_000
    emit(cast.acme, 1, 2)
    waits: list[float] = []
    for attempt in range(1, outbox.MAX_ATTEMPTS + 1):
        with clock.shifted(attempt * LATER):
            outbox.drain()
            first, *_ = pending()
            assert first.attempts == attempt
            waits.append((first.available_at - clock.now()).total_seconds())
            # Not due yet: nothing is tried again.
            assert outbox.drain() == 0 or first.dead_at is not None
    assert all(later > earlier / 2 for earlier, later in pairwise(waits[:-1]))
    assert 0 < waits[0] <= 2 < waits[3] <= 16
    (dead,) = pending()
    assert dead.dead_at is not None
    assert dead.last_error == "Hiccup"
    assert SECRET not in dead.last_error
    # What waited behind it goes on.
    assert effects(cast.acme, "counted") == ["a:2"]
    assert outbox.measure()["dead"] == 1


def test_a_service_that_is_away_is_waited_for_however_long_it_takes(
    consumers: Consumers, cast: Cast
) -> None:
    consumers.is_away = True
    consumers.failures["a", 1] = 1_000
    emit(cast.acme, 1, 2)
    for attempt in range(20):
        with clock.shifted(attempt * LATER):
            outbox.drain()
            first, *_ = pending()
            assert first.dead_at is None
            assert (first.available_at - clock.now()).total_seconds() <= 15
            assert outbox.backlog(cast.acme, "outboxtest").undelivered == 2
    consumers.failures.clear()
    with clock.shifted(20 * LATER):
        assert outbox.drain() == 2
    assert effects(cast.acme, "counted") == ["a:1", "a:2"]
    assert outbox.backlog(cast.acme, "outboxtest") == outbox.Backlog(0, 0)


def test_what_is_on_the_backbone_and_not_yet_read_is_counted(
    consumers: Consumers, cast: Cast
) -> None:
    emit(cast.acme, 1, 2)
    assert outbox.relay() == 2
    assert outbox.backlog(cast.acme, "outboxtest").undelivered == 2
    assert outbox.backlog(cast.globex, "outboxtest").undelivered == 0
    assert outbox.backlog(cast.acme, "outboxtest", user_id=uuid7()).undelivered == 0
    outbox.drain()
    assert outbox.backlog(cast.acme, "outboxtest").undelivered == 0


def test_dead_letters_are_delivered_after_a_replay(consumers: Consumers, cast: Cast) -> None:
    consumers.failures["a", 1] = 2 * outbox.MAX_ATTEMPTS
    emit(cast.acme, 1)
    for attempt in range(1, outbox.MAX_ATTEMPTS + 1):
        with clock.shifted(attempt * LATER):
            outbox.drain()
    assert outbox.drain() == 0
    assert outbox.replay_dead() == 1
    assert outbox.drain() == 1
    assert effects(cast.acme, "counted") == effects(cast.acme, "noted") == ["a:1"]
    assert pending() == []


@pytest.mark.parametrize(
    ("version", "payload", "reason"),
    [
        (99, {"thread": "a", "number": 1}, f"unknown event {NOTED} v99"),
        (1, {"thread": "a", "number": SECRET}, "number: int_parsing"),
        (1, {"thread": "a"}, "number: missing"),
    ],
)
def test_an_event_that_this_version_cannot_read_is_dead_at_once(
    consumers: Consumers, cast: Cast, version: int, payload: dict[str, Any], reason: str
) -> None:
    insert_raw(cast.acme, version=version, payload=payload)
    emit(cast.acme, 1)
    assert outbox.drain() == 1
    (dead,) = pending()
    assert dead.dead_at is not None
    assert dead.attempts == 1
    assert reason in dead.last_error
    assert SECRET not in dead.last_error
    assert effects(cast.acme, "counted") == ["a:1"]


def test_the_lag_is_the_age_of_the_oldest_waiting_event(consumers: Consumers, cast: Cast) -> None:
    assert outbox.measure() == {"pending": 0, "dead": 0, "lag_s": 0.0}
    emit(cast.acme, 1)
    emit(cast.globex, 2)
    with clock.shifted(timedelta(seconds=90)):
        emit(cast.acme, 3)
        found = outbox.measure()
        assert found["pending"] == 3
        assert 90 <= found["lag_s"] < 100
        outbox.drain()
        assert outbox.measure() == {"pending": 0, "dead": 0, "lag_s": 0.0}


def test_tenants_do_not_block_each_other(consumers: Consumers, cast: Cast) -> None:
    consumers.failures["bad", 1] = 1_000
    emit(cast.acme, 1, thread="bad")
    emit(cast.globex, 1, thread="good")
    assert outbox.drain() == 1
    assert effects(cast.globex, "counted") == ["good:1"]
    with clock.shifted(LATER):
        emit(cast.globex, 2, thread="good")
        consumers.failures.clear()
        with _retries_at_work_for(cast.acme):
            assert outbox.drain() == 1
        assert effects(cast.globex, "counted") == ["good:1", "good:2"]
        assert effects(cast.acme, "counted") == []
        assert outbox.drain() == 1


def test_a_table_that_is_being_changed_holds_events_up_and_nothing_else(
    consumers: Consumers, cast: Cast
) -> None:
    """The reader's and the subscribers' connections let go: no circle with whoever alters tables.

    The change holds a table that a subscriber needs, and then wants one that the reader holds.
    """
    emit(cast.acme, 1, 2)
    entered, leave = threading.Event(), threading.Event()

    def alter() -> None:
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            cursor.execute("lock table kernel_idempotencyrecord in access exclusive mode")
            entered.set()
            # The subscriber stands before it while the reader's transaction is open.
            wait_until(lambda: _waits_for(cursor, "kernel_idempotencyrecord"), "nobody came")
            # Granted only when the reader has let go.
            cursor.execute("lock table kernel_busposition in access exclusive mode")
            leave.wait(30)

    changer = in_thread(alter)
    assert entered.wait(10)
    relay = in_thread(outbox.drain)
    relay.join(20)
    stuck = relay.is_alive()
    leave.set()
    changer.join(30)
    relay.join(30)
    assert not stuck
    outbox.drain()
    assert effects(cast.acme, "counted") == ["a:1", "a:2"]
    # The event was not to blame.
    assert pending() == []


def test_a_consumer_reads_and_writes_as_the_tenant_of_its_event(
    consumers: Consumers, cast: Cast
) -> None:
    emit(cast.acme, 1)
    outbox.drain()
    consumers.seen.clear()
    emit(cast.globex, 2)
    outbox.drain()
    assert effects(cast.acme, "noted") == ["a:1"]
    assert effects(cast.globex, "noted") == ["a:2"]
    # The relay is a platform process; what it calls must not be.
    assert set(consumers.seen) == {cast.globex_id}


def test_receipts_are_forgotten_only_after_their_retention(
    consumers: Consumers, cast: Cast
) -> None:
    emit(cast.acme, 1)
    outbox.drain()
    assert outbox.forget_receipts() == 0
    with clock.shifted(outbox.INBOX_RETENTION + timedelta(minutes=1)):
        assert outbox.forget_receipts() == 2


def _waits_for(cursor: Any, table: str) -> bool:
    cursor.execute(
        "select count(*) from pg_locks where not granted and relation = %s::regclass", [table]
    )
    return bool(cursor.fetchone()[0])


@contextmanager
def _retries_at_work_for(scope: Scope) -> Iterator[None]:
    """Another process that retries this tenant's events for as long as the block lasts."""
    taken, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with (
            platform_unit("test relay") as alias,
            connections[alias].cursor() as cursor,
        ):
            cursor.execute(
                "select pg_advisory_xact_lock(736, hashtext(%s))", [str(scope.tenant_id)]
            )
            taken.set()
            leave.wait(30)

    holder = in_thread(hold)
    assert taken.wait(10)
    try:
        yield
    finally:
        leave.set()
        holder.join(10)
