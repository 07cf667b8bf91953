"""Time expressions, seen from a Saturday before Christmas."""

from datetime import UTC, datetime

import pytest

from memory.times import earlier, event_day, offsets, spans

ASKED = datetime(2025, 12, 20, 15, tzinfo=UTC)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("What did I do last spring?", "2025-03-01", "2025-06-01"),
        ("last winter", "2024-12-01", "2025-03-01"),
        ("in autumn 2024", "2024-09-01", "2024-12-01"),
        ("in 2023", "2023-01-01", "2024-01-01"),
        ("early 2024", "2024-01-01", "2024-05-04"),
        ("in June", "2025-06-01", "2025-07-01"),
        ("in June this year", "2025-06-01", "2025-07-01"),
        ("in March last year", "2024-03-01", "2024-04-01"),
        ("last August", "2025-08-01", "2025-09-01"),
        ("last December", "2024-12-01", "2025-01-01"),
        ("at the start of May 2025", "2025-05-01", "2025-05-13"),
        ("in the first week of January", "2025-01-01", "2025-01-09"),
        ("on 10 August", "2025-08-10", "2025-08-11"),
        ("on the fourth of February 2024", "2024-02-04", "2024-02-05"),
        ("on May 14th, 2025", "2025-05-14", "2025-05-15"),
        ("on 2024-02-29", "2024-02-29", "2024-03-01"),
        ("yesterday", "2025-12-19", "2025-12-20"),
        ("the day before yesterday", "2025-12-18", "2025-12-19"),
        ("last week", "2025-12-08", "2025-12-15"),
        ("last weekend", "2025-12-13", "2025-12-15"),
        ("last month", "2025-11-01", "2025-12-01"),
        ("last year", "2024-01-01", "2025-01-01"),
        ("last Friday", "2025-12-19", "2025-12-20"),
        ("three days ago", "2025-12-17", "2025-12-18"),
        ("two weeks ago", "2025-12-03", "2025-12-10"),
        ("over the last two weeks", "2025-12-06", "2025-12-21"),
        ("last Christmas", "2024-12-20", "2024-12-31"),
    ],
)
def test_an_expression_means_a_stretch_of_time(text: str, start: str, end: str) -> None:
    (span,) = spans(text, ASKED)
    assert (span.start, span.end) == (day(start), day(end))


@pytest.mark.parametrize(
    "text",
    [
        "You may go.",
        "March on!",
        "spring onions",
        "31 June or so",
        "room 2025b",
        "He is second.",
        "",
    ],
)
def test_words_that_only_look_like_a_time_mean_none(text: str) -> None:
    assert not [span for span in spans(text, ASKED) if span.words]


def test_the_longest_reading_counts_and_the_order_is_that_of_the_text() -> None:
    found = spans("In 2023, on 14 May 2024 and last month", ASKED)
    assert [span.words for span in found] == ["2023", "14 May 2024", "last month"]


def test_a_distance_from_an_event_names_the_event() -> None:
    (before,) = offsets("What happened two weeks before my birthday, at home?")
    assert (before.days, before.anchor) == (-14.0, "my birthday")
    span = before.around(day("2025-05-14"))
    assert span.holds(day("2025-05-02"))
    assert not span.holds(day("2025-05-14"))
    (after,) = offsets("Where were we a month after the wedding?")
    assert after.around(day("2025-07-26")).holds(day("2025-08-24"))


def test_the_day_of_an_event_is_its_own_or_the_day_it_was_told() -> None:
    told = day("2025-02-22")
    assert event_day("my birthday dinner on 14 May", told, ASKED) == day("2025-05-14")
    assert event_day("We married on 2 June 2019.", told, ASKED) == day("2019-06-02")
    assert event_day("We did it yesterday!", told, ASKED) == day("2025-02-21")
    assert event_day("We did it!", told, ASKED) == told


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("in June", "2023-06-01", "2023-07-01"),
        ("in summer", "2023-06-01", "2023-09-01"),
        ("on 10 August", "2023-08-10", "2023-08-11"),
        ("on 29 February", "2023-02-28", "2023-03-01"),
    ],
)
def test_a_time_without_a_year_may_be_meant_in_an_earlier_one(
    text: str, start: str, end: str
) -> None:
    (span,) = spans(text, ASKED)
    before = earlier(span, 2)
    assert before is not None
    assert (before.start, before.end) == (day(start), day(end))


@pytest.mark.parametrize(
    "text",
    ["in June 2024", "last June", "two weeks ago", "yesterday", "in 2023", "in May last year"],
)
def test_a_fixed_time_is_meant_once(text: str) -> None:
    (span,) = spans(text, ASKED)
    assert earlier(span, 1) is None
