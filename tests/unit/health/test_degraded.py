"""Levels and words: who is told what."""

from datetime import UTC, datetime
from itertools import product
from uuid import uuid4

import pytest

from health.degraded import LEVELS, TABLE, Affected, level_of, limitations, row_of
from kernel.actor import Actor

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MEMBER = Actor(uuid4(), uuid4(), role="member")
ADMIN = Actor(uuid4(), uuid4(), role="admin")
PLATFORM = Actor(uuid4(), uuid4(), role="member", is_platform_admin=True)


def away(*services: str, state: str = "down") -> list[Affected]:
    return [Affected(one, state, NOON, "connection refused", "Start it.") for one in services]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("states", "level"),
    [
        ({}, "none"),
        ({"database": "ok", "llm": "unknown", "redis": "ok"}, "none"),
        ({"redis": "slow"}, "minor"),
        ({"redis": "down"}, "minor"),
        ({"somabrain": "slow"}, "minor"),
        ({"somabrain": "down", "redis": "down"}, "moderate"),
        ({"llm": "down"}, "severe"),
        ({"llm": "down", "somabrain": "slow"}, "severe"),
        ({"llm": "down", "somabrain": "down"}, "critical"),
        ({"database": "down"}, "critical"),
        ({"something new": "down"}, "minor"),
    ],
)
def test_the_level_follows_from_the_states(states: dict, level: str) -> None:
    assert level_of(states) == level


def test_a_service_that_gets_worse_never_lowers_the_level() -> None:
    order = ("ok", "slow", "down")
    names = [row.service for row in TABLE]
    for combination in product(order, repeat=len(names)):
        states = dict(zip(names, combination, strict=True))
        level = LEVELS.index(level_of(states))
        for name, now in states.items():
            for worse in order[order.index(now) + 1 :]:
                assert LEVELS.index(level_of({**states, name: worse})) >= level


def test_nobody_is_told_anything_while_all_is_well() -> None:
    assert limitations(MEMBER, []) == limitations(PLATFORM, []) == ()


def test_everyone_reads_what_they_will_notice_and_only_operators_the_cause() -> None:
    affected = away("somabrain")
    (member,) = limitations(MEMBER, affected)
    (admin,) = limitations(ADMIN, affected)
    (platform,) = limitations(PLATFORM, affected)
    assert member.text == admin.text == platform.text
    assert "without memories" in member.text
    assert member.since == "2026-03-01T12:00:00.000Z"
    assert member.next
    assert member.detail is None
    assert admin.detail is not None
    assert "Memory" in admin.detail
    assert "refused" not in admin.detail
    assert platform.detail == "Memory: connection refused. Start it."


def test_what_only_operators_can_notice_is_told_to_them_alone() -> None:
    affected = away("storage") + away("redis", state="slow")
    assert limitations(MEMBER, affected) == limitations(ADMIN, affected) == ()
    texts = [one.text for one in limitations(PLATFORM, affected)]
    assert texts == ["File storage is away.", "Valkey is slow or limited."]


def test_the_worst_comes_first() -> None:
    told = limitations(MEMBER, away("redis", "somabrain", "database", "llm"))
    assert [one.service for one in told] == ["database", "llm", "somabrain", "redis"]


def test_every_row_says_what_works_waits_is_off_and_comes_next() -> None:
    assert len({row.service for row in TABLE}) == len(TABLE)
    for row in (*TABLE, row_of("something new")):
        assert row.works
        assert row.waits
        assert row.off
        assert row.next
        assert LEVELS.index(row.level_down) >= LEVELS.index(row.level_slow) > 0
