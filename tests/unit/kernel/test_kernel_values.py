"""Identifiers, errors, cursors, text, sealed secrets, breakers, storage paths."""

import asyncio
import os
from uuid import UUID, uuid4

import pytest

from kernel import crypto, paging
from kernel.crypto import KeyRing, SealBroken
from kernel.errors import NotFound, SomaError, TooManyRequests, registry
from kernel.events import InvalidEvent, catalogue, dump, load
from kernel.ids import uuid7
from kernel.resilience import BreakerOpen, Bulkhead, BulkheadFull, CircuitBreaker, retry
from kernel.text import UnstorableText, checked, scrubbed


def test_ids_are_version_7_and_strictly_rising() -> None:
    made = [uuid7() for _ in range(5000)]
    assert made == sorted(set(made))
    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {"specified in RFC 4122"}


def test_a_problem_has_the_members_of_rfc_9457() -> None:
    problem = TooManyRequests("Slow down.", retry_after=3, limit=5).problem("req-1")
    assert problem == {
        "type": "/problems/too-many-requests",
        "title": "Too many requests",
        "status": 429,
        "detail": "Slow down.",
        "instance": "req-1",
        "code": "too-many-requests",
        "retry_after": 3,
        "limit": 5,
    }


def test_one_code_means_one_thing() -> None:
    import somaagent.asgi  # noqa: F401

    meanings: dict[str, set[tuple[int, str]]] = {}
    for cls in registry():
        meanings.setdefault(cls.code, set()).add((cls.status, cls.title))
    assert {code: found for code, found in meanings.items() if len(found) > 1} == {}
    assert all(issubclass(cls, SomaError) for cls in registry())


def test_a_cursor_survives_its_round_trip_and_a_forged_one_is_a_clear_error() -> None:
    key = uuid4()
    assert paging.decode(paging.encode("name", str(key)), str, UUID) == ("name", key)
    assert paging.decode(None, str) is None
    for forged in ("%%%", "e30", paging.encode("one"), "a" * 1000):
        with pytest.raises(paging.BadCursor):
            paging.decode(forged, str, UUID)


def test_text_that_cannot_be_stored_is_refused_and_model_text_is_repaired() -> None:
    assert checked("grüße 🌍", "/text") == "grüße 🌍"
    for bad in ("a\x00b", "half \ud800 pair"):
        with pytest.raises(UnstorableText) as refused:
            checked(bad, "/text")
        assert refused.value.errors[0]["pointer"] == "/text"
    assert scrubbed("a\x00b") == "a\ufffdb"
    scrubbed("half \ud800 pair").encode()


class TestSealing:
    old = KeyRing({"one": os.urandom(32)})

    def test_a_sealed_secret_opens_only_in_its_own_place(self) -> None:
        blob = crypto.seal("sk-secret", "provider:1", self.old)
        assert b"sk-secret" not in blob
        assert crypto.open_sealed(blob, "provider:1", self.old) == "sk-secret"
        with pytest.raises(SealBroken):
            crypto.open_sealed(blob, "provider:2", self.old)

    def test_every_changed_byte_is_noticed(self) -> None:
        blob = crypto.seal("x", "c", self.old)
        for place in range(len(blob)):
            broken = bytearray(blob)
            broken[place] ^= 1
            with pytest.raises((SealBroken, UnicodeDecodeError)):
                crypto.open_sealed(bytes(broken), "c", self.old)

    def test_rotation_rewraps_under_the_new_key_and_old_values_still_open(self) -> None:
        blob = crypto.seal("sk", "c", self.old)
        both = KeyRing({"two": os.urandom(32), **self.old.keys})
        moved = crypto.rewrap(blob, "c", both)
        assert crypto.key_id_of(blob) == "one"
        assert crypto.key_id_of(moved) == "two"
        only_new = KeyRing({"two": both.keys["two"]})
        assert crypto.open_sealed(moved, "c", only_new) == "sk"
        with pytest.raises(SealBroken):
            crypto.open_sealed(blob, "c", only_new)

    def test_a_key_ring_never_shows_its_keys(self) -> None:
        assert self.old.keys["one"].hex() not in repr(self.old)
        assert "one" in repr(self.old)


class TestBreaker:
    def test_opens_after_three_failures_and_lets_one_trial_through_after_the_rest(self) -> None:
        at = [0.0]
        breaker = CircuitBreaker("x", failures=3, reset_after_s=30, clock=lambda: at[0])
        for _ in range(2):
            breaker.failure()
        breaker.before_call()
        breaker.failure()
        with pytest.raises(BreakerOpen) as refused:
            breaker.before_call()
        assert refused.value.retry_after == 30
        at[0] = 31
        assert breaker.state == "half-open"
        breaker.before_call()
        with pytest.raises(BreakerOpen):
            breaker.before_call()
        breaker.failure()
        assert breaker.state == "open"
        at[0] = 62
        breaker.before_call()
        breaker.success()
        assert breaker.state == "closed"
        breaker.before_call()

    def test_a_success_in_between_starts_the_count_again(self) -> None:
        breaker = CircuitBreaker("x")
        for _ in range(5):
            breaker.failure()
            breaker.failure()
            breaker.success()
        assert breaker.state == "closed"

    def test_a_trial_whose_caller_died_does_not_block_for_ever(self) -> None:
        at = [0.0]
        breaker = CircuitBreaker("x", failures=1, reset_after_s=10, clock=lambda: at[0])
        breaker.failure()
        at[0] = 11
        breaker.before_call()
        at[0] = 22
        breaker.before_call()


async def test_retry_stops_at_what_is_not_retryable() -> None:
    calls = []

    async def work() -> str:
        calls.append(1)
        raise NotFound

    with pytest.raises(NotFound):
        await retry(work, retryable=lambda error: not isinstance(error, NotFound))
    assert len(calls) == 1


async def test_retry_gives_the_first_success() -> None:
    outcomes = iter([OSError(), OSError(), "fine"])

    async def work() -> str:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert await retry(work, base_s=0.0001, retryable=lambda _: True) == "fine"


async def test_a_full_bulkhead_refuses_at_once_and_frees_its_places() -> None:
    bulkhead = Bulkhead(limit=1, waiting=1)
    inside, leave = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with bulkhead.enter():
            inside.set()
            await leave.wait()

    first = asyncio.create_task(hold())
    await inside.wait()
    second = asyncio.create_task(hold())
    await asyncio.sleep(0)
    with pytest.raises(BulkheadFull):
        async with bulkhead.enter():
            pass
    leave.set()
    await asyncio.gather(first, second)
    async with bulkhead.enter():
        pass


def test_every_event_has_a_schema_and_a_broken_payload_names_its_field() -> None:
    from chat.events import TurnFinished

    assert {entry.name for entry in catalogue()} >= {"chat.turn_finished", "chat.feedback_given"}
    for entry in catalogue():
        assert entry.schema()["properties"]
    key = uuid4()
    event = TurnFinished(key, key, key, key, "done", None, key)
    payload = dump(event)
    assert load("chat.turn_finished", 1, payload) == event
    with pytest.raises(InvalidEvent, match="state"):
        load("chat.turn_finished", 1, payload | {"state": "nonsense"})
    with pytest.raises(InvalidEvent, match="unknown event"):
        load("chat.turn_finished", 99, payload)
