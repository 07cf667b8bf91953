"""Time expressions: which stretch of time a text means, seen from the moment it was said.

Pure; English.  `spans` reads "in March 2024", "last spring", "two weeks ago", "yesterday", "early
May" and returns stretches of time in UTC; `offsets` reads "two weeks before my birthday", which
needs a memory that dates the birthday.  Without a year the latest possible one is meant that is not
in the future: memory is asked about the past.  Seasons are those of the northern hemisphere.
"""

from __future__ import annotations

import re
from calendar import isleap
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = {name: number for number, name in enumerate(_MONTHS, 1)} | {
    name[:3]: number for number, name in enumerate(_MONTHS, 1)
}
_MONTH["sept"] = 9
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()  # noqa: SIM905
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_NUMBERS = {
    word: number
    for number, words in enumerate(
        [
            "a|an|one",
            "two|couple of|a couple of",
            "three|few|a few",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ],
        1,
    )
    for word in words.split("|")
}
_ORDINALS = {
    word: number
    for number, word in enumerate(
        [
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
            "eleventh",
            "twelfth",
            "thirteenth",
            "fourteenth",
            "fifteenth",
            "sixteenth",
            "seventeenth",
            "eighteenth",
            "nineteenth",
            "twentieth",
            "twenty-first",
            "twenty-second",
            "twenty-third",
            "twenty-fourth",
            "twenty-fifth",
            "twenty-sixth",
            "twenty-seventh",
            "twenty-eighth",
            "twenty-ninth",
            "thirtieth",
            "thirty-first",
        ],
        1,
    )
}
_UNIT_DAYS = {"day": 1.0, "week": 7.0, "fortnight": 14.0, "month": 30.44, "year": 365.25}
_FEASTS = {
    "christmas": (12, 24, 3),
    "xmas": (12, 24, 3),
    "new year": (12, 31, 2),
    "new year's eve": (12, 31, 1),
    "new year's day": (1, 1, 1),
    "halloween": (10, 31, 1),
    "valentine's day": (2, 14, 1),
    "midsummer": (6, 19, 8),
}
_DAY = timedelta(days=1)

_M = r"(?P<month>" + "|".join(_MONTHS) + r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?"
_Y = r"(?P<year>(?:19|20)\d\d)"
_NTH = (
    r"(?P<day>\d{1,2}(?:st|nd|rd|th)?|" + "|".join(sorted(_ORDINALS, key=len, reverse=True)) + ")"
)
_N = r"(?P<count>\d{1,3}|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + ")"
_U = r"(?P<unit>day|week|fortnight|month|year)s?"
_WHICH = r"(?P<which>last|previous|past|this|the current|next|coming)"
_PART = r"(?P<part>early|mid|middle of|late|beginning of|start of|end of|first week of)"


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` on, before `end`; `words` is what the text says for it."""

    start: datetime
    end: datetime
    words: str

    def holds(self, moment: datetime) -> bool:
        """Say whether a moment lies inside."""
        return self.start <= moment < self.end


@dataclass(frozen=True, slots=True)
class Offset:
    """A distance in days from an event that memory has to date; negative: before it.

    `slack_days`: how exact such talk is. `anchor`: the words that name the event.
    """

    days: float
    slack_days: float
    anchor: str
    words: str

    def around(self, event: datetime) -> Span:
        """Return the stretch of time that is meant when the event was on that day."""
        middle = _midnight(event) + timedelta(days=self.days)
        slack = timedelta(days=self.slack_days)
        return _span(middle - slack, middle + slack + _DAY, self.words)


def spans(text: str, at: datetime) -> tuple[Span, ...]:
    """Return the stretches of time that `text`, said at `at`, names; in the order of the text.

    Of overlapping readings the longest counts: "14 May 2025" is neither "May" nor "2025".
    """
    at = at.astimezone(UTC)
    read: list[tuple[int, int, Span]] = []
    for pattern, reading in _READINGS:
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end, _ in read):
                continue
            try:
                found = reading(match, at)
            except (ValueError, OverflowError):
                # 31 February, or a year beyond the calendar.
                continue
            read.append((match.start(), match.end(), found))
    return tuple(found for *_, found in sorted(read, key=lambda one: one[0]))


def earlier(span: Span, years: int) -> Span | None:
    """Return the same stretch that many years before; None where the text fixes the year.

    "In May" may mean any May; "in May 2024", "last May" and "two weeks ago" mean one.
    """
    if _FIXED.search(span.words) or not _RETURNS.search(span.words):
        return None
    try:
        return Span(_years_before(span.start, years), _years_before(span.end, years), span.words)
    except ValueError:
        # Before the calendar begins.
        return None


def offsets(text: str) -> tuple[Offset, ...]:
    """Return the distances from events that `text` names."""
    return tuple(_offset(match) for match in _OFFSET.finditer(text))


def event_day(text: str, said_at: datetime, asked_at: datetime) -> datetime:
    """Return the day of the event that a memory dates: by its words, else the day it was said.

    A day without a year is taken for a yearly one: its last return before `asked_at`.
    """
    for match in _DAY_OF_MONTH.finditer(text):
        try:
            if match["year"]:
                return _day_of_month(match, said_at).start
            return _day_of_month(match, asked_at).start
        except ValueError:
            continue
    named = spans(text, said_at)
    return named[0].start if named else _midnight(said_at)


def _offset(match: re.Match[str]) -> Offset:
    count = _number(match["count"]) if match["count"] else 0
    unit = match["unit"] or "day"
    sign = -1 if match["way"].lower() == "before" else 1
    days = sign * count * _UNIT_DAYS[unit.lower()]
    if not count:
        # "just before the wedding": within a month of it.
        return Offset(sign * 15.0, 15.0, match["anchor"].strip(), match.group().strip())
    slack = {"day": 1.0, "week": 4.0, "fortnight": 4.0, "month": 16.0}.get(unit.lower(), 60.0)
    return Offset(days, slack, match["anchor"].strip(), match.group().strip())


def _years_before(moment: datetime, years: int) -> datetime:
    is_leap_day = (moment.month, moment.day) == (2, 29)
    return moment.replace(year=moment.year - years, day=28 if is_leap_day else moment.day)


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _span(start: datetime, end: datetime, words: str) -> Span:
    return Span(start, end, " ".join(words.split()))


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _NUMBERS[word.lower()]


def _date(year: int, month: int, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def _month_after(moment: datetime, count: int = 1) -> datetime:
    months = moment.year * 12 + moment.month - 1 + count
    return _date(months // 12, months % 12 + 1)


def _latest(begin: Callable[[int], datetime], at: datetime, which: str | None = None) -> datetime:
    """Return the last beginning not after `at`; "last" means one that is over or long begun."""
    year = at.year + (1 if which in {"next", "coming"} else 0)
    begun = begin(year)
    if which in {"next", "coming"}:
        return begun if begin(at.year) <= at else begin(at.year)
    return begun if begun <= at else begin(year - 1)


def _iso(match: re.Match[str], _at: datetime) -> Span:
    day = _date(int(match["year"]), int(match["number"]), int(match["day"]))
    return _span(day, day + _DAY, match.group())


def _day_of_month(match: re.Match[str], at: datetime) -> Span:
    word = match["day"].lower()
    number = _ORDINALS.get(word) or int(re.sub(r"\D", "", word))
    month = _MONTH[match["month"].lower()]

    def begin(year: int) -> datetime:
        # 29 February in other years; there is no 31 June in any.
        return _date(year, month, 28 if (month, number) == (2, 29) and not isleap(year) else number)

    day = _date(int(match["year"]), month, number) if match["year"] else _latest(begin, at)
    return _span(day, day + _DAY, match.group())


def _month(match: re.Match[str], at: datetime) -> Span:
    month = _MONTH[match["month"].lower()]
    words = match.groupdict()
    which = (words.get("which") or "").lower()
    if match["year"]:
        start = _date(int(match["year"]), month)
    else:
        start = _latest(lambda year: _date(year, month), at, which)
        if which in {"last", "previous", "past"} and start.year == at.year and month == at.month:
            start = _date(at.year - 1, month)
        if (words.get("of_year") or "").lower().startswith("last"):
            start = _date(at.year - 1, month)
    return _part_of(start, _month_after(start), words.get("part"), match.group())


def _season(match: re.Match[str], at: datetime) -> Span:
    month = _SEASONS[match["season"].lower()]
    words = match.groupdict()
    which = (words.get("which") or "").lower()
    if match["year"]:
        start = _date(int(match["year"]), month)
    elif (words.get("of_year") or "").lower().startswith("last"):
        start = _date(at.year - 1, month)
    else:
        start = _latest(lambda year: _date(year, month), at, which)
        if which in {"last", "previous", "past"} and at < _month_after(start, 3):
            start = _date(start.year - 1, month)
    return _part_of(start, _month_after(start, 3), words.get("part"), match.group())


def _year(match: re.Match[str], _at: datetime) -> Span:
    start = _date(int(match["year"]), 1)
    return _part_of(start, _date(start.year + 1, 1), match.groupdict().get("part"), match.group())


def _part_of(start: datetime, end: datetime, part: str | None, words: str) -> Span:
    third = timedelta(days=(end - start).days // 3)
    match (part or "").lower().split(" ")[0]:
        case "early" | "beginning" | "start":
            # What begins early is told a little before as well.
            end = start + third + 2 * _DAY
        case "mid" | "middle":
            start, end = start + third, end - third
        case "late" | "end":
            start = end - third
        case "first":
            end = start + 8 * _DAY
    return _span(start, end, words)


def _feast(match: re.Match[str], at: datetime) -> Span:
    month, day, length = _FEASTS[match["feast"].lower().replace("\u2019", "'")]
    if match["year"]:
        start = _date(int(match["year"]), month, day)
    else:
        start = _latest(lambda year: _date(year, month, day), at)
    # What happens at a feast is told some days before or after it.
    return _span(start - 4 * _DAY, start + (length + 4) * _DAY, match.group())


def _ago(match: re.Match[str], at: datetime) -> Span:
    unit = match["unit"].lower()
    days = _number(match["count"]) * _UNIT_DAYS[unit]
    middle = _midnight(at - timedelta(days=days))
    slack = {"day": 0.0, "week": 3.0, "fortnight": 4.0, "month": 15.0}.get(unit, 90.0)
    around = timedelta(days=slack)
    return _span(middle - around, middle + around + _DAY, match.group())


def _recent(match: re.Match[str], at: datetime) -> Span:
    days = _number(match["count"] or "a few") * _UNIT_DAYS[match["unit"].lower()]
    return _span(_midnight(at - timedelta(days=days)), _midnight(at) + _DAY, match.group())


def _near_unit(match: re.Match[str], at: datetime) -> Span:
    step = {"last": -1, "previous": -1, "past": -1, "next": 1, "coming": 1}.get(
        match["which"].lower(), 0
    )
    today = _midnight(at)
    match_unit = match["unit"].lower()
    if match_unit == "month":
        start = _month_after(today, step)
        return _span(start, _month_after(start), match.group())
    if match_unit == "year":
        start = _date(today.year + step, 1)
        return _span(start, _date(start.year + 1, 1), match.group())
    monday = today - today.weekday() * _DAY
    if match_unit == "weekend":
        start = monday + (5 + 7 * step) * _DAY
        return _span(start, start + 2 * _DAY, match.group())
    start = monday + 7 * step * _DAY
    return _span(start, start + 7 * _DAY, match.group())


def _weekday(match: re.Match[str], at: datetime) -> Span:
    today = _midnight(at)
    number = _DAYS.index(match["weekday"].lower())
    back = (today.weekday() - number) % 7
    if match["which"].lower() in {"next", "coming"}:
        start = today + ((number - today.weekday()) % 7 or 7) * _DAY
    else:
        start = today - (back or (7 if match["which"].lower() != "this" else 0)) * _DAY
    return _span(start, start + _DAY, match.group())


def _near_day(match: re.Match[str], at: datetime) -> Span:
    words = match.group().lower()
    step = 0
    if "before yesterday" in words:
        step = -2
    elif "yesterday" in words or "last night" in words:
        step = -1
    elif "tomorrow" in words:
        step = 2 if "after" in words else 1
    start = _midnight(at) + step * _DAY
    return _span(start, start + _DAY, match.group())


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(rf"\b{text}\b", re.IGNORECASE)


_OF_YEAR = r"(?:\s+(?P<of_year>last year|this year))?"
# Day first ("14 May") or month first ("May 14, 2025"): one shape for both.
_DAY_OF_MONTH = _pattern(rf"(?:the\s+)?{_NTH}\s+(?:of\s+)?{_M}(?:,?\s+{_Y})?")
_MONTH_FIRST = _pattern(rf"{_M}\s+(?:the\s+)?{_NTH}(?:,?\s+{_Y})?(?!\d)")
_PARTED = rf"(?:(?:the\s+)?{_PART}\s+)?(?:the\s+)?"
_FIXED = _pattern(
    r"(?:(?:19|20)\d\d|last|previous|past|this|current|next|coming|ago|yesterday|tomorrow|to\w+)"
)
_RETURNS = _pattern("(?:" + "|".join([*_MONTH, *_SEASONS, *_FEASTS]) + ")")
_OFFSET = re.compile(
    rf"\b(?:{_N}\s+{_U}|just|right|shortly|soon)\s+(?P<way>before|after)\s+"
    r"(?P<anchor>[^\W\d][^,.;?!]{1,60})",
    re.IGNORECASE,
)
# The most specific first: later readings keep away from what an earlier one has taken.
_READINGS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], datetime], Span]], ...] = (
    (_pattern(r"(?P<year>(?:19|20)\d\d)-(?P<number>\d\d)-(?P<day>\d\d)"), _iso),
    (_DAY_OF_MONTH, _day_of_month),
    (_MONTH_FIRST, _day_of_month),
    (_pattern(rf"{_PARTED}{_M}\s+(?:of\s+)?{_Y}"), _month),
    (_pattern(rf"{_PARTED}(?P<season>{'|'.join(_SEASONS)})\s+(?:of\s+)?{_Y}"), _season),
    (_pattern(rf"(?:last\s+)?(?P<feast>{'|'.join(_FEASTS)})(?:\s+(?:of\s+)?{_Y})?"), _feast),
    (_pattern(rf"{_N}\s+{_U}\s+ago"), _ago),
    (
        _pattern(
            rf"(?:the\s+)?(?:last|past)\s+(?P<count>\d{{1,3}}|few|{'|'.join(_NUMBERS)})\s+{_U}"
        ),
        _recent,
    ),
    (
        _pattern(
            r"(?:the\s+day\s+(?:before\s+yesterday|after\s+tomorrow)|yesterday|last\s+night"
            r"|today|tonight|this\s+(?:morning|evening|afternoon)|tomorrow)"
        ),
        _near_day,
    ),
    (
        _pattern(
            rf"(?:{_WHICH}\s+|in\s+|during\s+|over\s+|since\s+|by\s+|until\s+|{_PART}\s+)"
            rf"(?:the\s+)?(?P<season>{'|'.join(_SEASONS)})(?P<year>(?!)x)?{_OF_YEAR}"
        ),
        _season,
    ),
    (
        _pattern(
            rf"(?:{_WHICH}\s+|in\s+|during\s+|since\s+|by\s+|until\s+|of\s+|{_PART}\s+)"
            rf"(?:the\s+)?{_M}(?P<year>(?!)x)?{_OF_YEAR}"
        ),
        _month,
    ),
    (_pattern(rf"{_WHICH}\s+(?P<unit>week|weekend|month|year)"), _near_unit),
    (_pattern(rf"{_WHICH}\s+(?P<weekday>{'|'.join(_DAYS)})"), _weekday),
    (_pattern(rf"{_PARTED}{_Y}"), _year),
)
