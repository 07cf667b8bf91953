"""Facts drawn from what a person says, by rules: who lives where, what is called how.

Pure and deliberately narrow: a rule fires on plain statements in the first person or about a named
relation.  Questions, negations, conditions and reported wishes say nothing certain and are skipped.
A fact never replaces the words it was drawn from; it points at them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from memory.entities import voice

_MAX_VALUE_CHARS = 80
_MAX_SLOT_CHARS = 200
_SENTENCE = re.compile(r"[^.!?\n]+(?:\.(?=\w)[^.!?\n]+)*[.!?]?")
# What makes a sentence no plain statement.
_UNCERTAIN = re.compile(
    r"\b(?:not|n't|never|if|would|could|might|maybe|perhaps|should|used to|think about|wish|"
    r"imagine|suppose|pretend|no longer|want to|hope to|plan to|going to)\b|n['’]t\b",  # noqa: RUF001
    re.IGNORECASE,
)
_END = re.compile(
    r"\s*(?:[,;:()!?\n]|\.(?:\s|$)|\s(?:and|but|because|since|when|while|so|which|who|although|"
    r"though|where|until|as of|for now|these days|right now|at the moment)\b).*",
    re.IGNORECASE | re.DOTALL,
)
_TAIL = re.compile(
    r"\s+(?:now|today|currently|already|again|too|also|recently|yesterday|"
    r"(?:last|this|next)\s+\w+|a\s+\w+\s+ago)$",
    re.IGNORECASE,
)
# Words that point at something said before: alone they tell nothing.
_POINTING = frozenset("it that this them those these him her you there here one both all".split())  # noqa: SIM905 - as in memory.terms
_START = r"(?:^|[,;:]\s*|\b(?:and|but|so|because|now|well|yes|by the way|actually|also)[, ]+)"
_V = r"(?P<value>\S.*)"
_R = r"(?P<relation>(?:[\w'’-]+\s){0,2}[\w'’-]+)"  # noqa: RUF001
_BE = r"(?:is|are|'s|’s)"  # noqa: RUF001
_I_AM = r"I(?:\s+am|'m|’m)"  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact.  `slot`: what it is about; of the facts of one slot the newest is current.

    `text`: the fact as a sentence of the speaker.  `value`: what fills the slot.
    """

    slot: str
    value: str
    text: str

    @property
    def key(self) -> str:
        """The same for the same fact, however it was said; 32 hexadecimal digits."""
        return hashlib.sha256(f"{self.slot}\x1f{_plain(self.value)}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    slot: str
    text: str


def _rule(pattern: str, slot: str, text: str) -> _Rule:
    return _Rule(re.compile(_START + pattern, re.IGNORECASE), slot, text)


# The first rule that fires on a clause wins.  {value} in a slot: several may hold at once.
_RULES: tuple[_Rule, ...] = (
    _rule(rf"(?:my name {_BE}|call me)\s+{_V}", "I|name", "My name is {value}."),
    _rule(
        rf"I(?:'ve| have| just)?(?: just| recently)?\s+(?:moved|relocated) to\s+{_V}",
        "I|home",
        "I live in {value}.",
    ),
    _rule(
        rf"(?:(?:I|we)(?: now)? live|(?:{_I_AM}|we(?:'re| are))(?: now)? living) in\s+{_V}",
        "I|home",
        "I live in {value}.",
    ),
    _rule(
        rf"(?:I(?: now)? work|{_I_AM}(?: now)? working|I(?: just)? started(?: working)?) (?:at|for)"
        rf"\s+{_V}",
        "I|employer",
        "I work at {value}.",
    ),
    _rule(
        rf"(?:I(?: now)? work|{_I_AM} working) as\s+(?P<value>an? \S.*)",
        "I|job",
        "I work as {value}.",
    ),
    _rule(
        rf"{_I_AM}(?: now)?\s+(?P<value>\d{{1,3}})(?: years old)?(?=\s*(?:[.,;!]|$|years))",
        "I|age",
        "I am {value} years old.",
    ),
    _rule(
        rf"my (?P<relation>(?:boss|manager|partner|wife|husband|girlfriend|boyfriend|mother|father|"
        rf"landlord|landlady|neighbour|neighbor|doctor|dentist|teacher|(?:best )?friend))"
        rf" {_BE} (?P<value>(?-i:[A-Z])[\w.'-]+(?: (?-i:[A-Z])[\w.'-]+){{0,2}})(?=\s*(?:[.,;!]|$))",
        "my {relation}|name",
        "My {relation} is called {value}.",
    ),
    _rule(rf"{_I_AM} allergic to\s+{_V}", "I|allergic|{value}", "I am allergic to {value}."),
    _rule(rf"I (?:really )?(?:love|like|enjoy)\s+{_V}", "I|likes|{value}", "I like {value}."),
    _rule(
        rf"I (?:really )?(?:hate|dislike|can't stand)\s+{_V}",
        "I|dislikes|{value}",
        "I dislike {value}.",
    ),
    _rule(rf"I prefer\s+{_V}", "I|prefers|{value}", "I prefer {value}."),
    _rule(
        rf"my {_R} (?:(?:is|was) (?:called|named)|{_BE} name {_BE})\s+{_V}",
        "my {relation}|name",
        "My {relation} is called {value}.",
    ),
    _rule(
        rf"my {_R}'s name {_BE}\s+{_V}", "my {relation}|name", "My {relation} is called {value}."
    ),
    _rule(
        rf"my {_R}(?: now)? lives in\s+{_V}",
        "my {relation}|home",
        "My {relation} lives in {value}.",
    ),
    _rule(
        rf"my {_R}(?: has| just)? moved to\s+{_V}",
        "my {relation}|home",
        "My {relation} lives in {value}.",
    ),
    _rule(
        rf"my {_R}(?: now)? works (?:at|for)\s+{_V}",
        "my {relation}|employer",
        "My {relation} works at {value}.",
    ),
    _rule(
        rf"my (?P<relation>(?:favou?rite|new|old|current|middle|last|first)\s[\w-]+"
        r"(?: (?:number|address|name))?|"
        rf"birthday|anniversary|address|e-?mail|phone(?: number)?|job|hobby|budget|deadline)"
        rf" (?:is|are)\s+(?:now\s+)?{_V}",
        "my {relation}|is",
        "My {relation} is {value}.",
    ),
    _rule(
        r"(?P<relation>(?-i:[A-Z])[\w-]+['’]s (?:birthday|address|phone number|favou?rite [\w-]+|"  # noqa: RUF001
        rf"job|hobby)) is\s+{_V}",
        "{relation}|is",
        "{relation} is {value}.",
    ),
)


# Every rule needs one of these; most sentences have none, and twenty rules take their time.
_MAY_STATE = re.compile(r"\b(?:i|we|my|me)\b|['\u2019]s\s", re.IGNORECASE)


def drawn(text: str) -> tuple[Fact, ...]:
    """Return the facts that `text`, said by a person, states; each once, in order.

    In a transcript ("Nadia: I moved to Brno.") the facts are those of whoever speaks.
    """
    speaker = voice(text)
    name, body = "", text
    if speaker is not None:
        name, _, body = text.partition(":")
    found: dict[str, Fact] = {}
    for sentence in _sentences(body):
        for fact in _of_sentence(sentence):
            if speaker is not None:
                slot = f"{speaker}: {fact.slot}"[:_MAX_SLOT_CHARS]
                fact = Fact(slot, fact.value, f"{name.strip()}: {fact.text}")  # noqa: PLW2901
            found.setdefault(fact.key, fact)
    return tuple(found.values())


def _sentences(text: str) -> Iterator[str]:
    for match in _SENTENCE.finditer(text):
        sentence = match.group().strip()
        if sentence and not sentence.endswith("?") and not _UNCERTAIN.search(sentence):
            yield sentence


def _of_sentence(sentence: str) -> Iterator[Fact]:
    if not _MAY_STATE.search(sentence):
        return
    taken: set[int] = set()
    for rule in _RULES:
        for match in rule.pattern.finditer(sentence):
            value = _clean(match.group("value"))
            # Two rules may read the same words; the one that stands first knows better.
            if not value or match.start("value") in taken:
                continue
            taken.add(match.start("value"))
            relation = (match.groupdict().get("relation") or "").strip()
            slot = rule.slot.format(relation=relation.lower(), value=_plain(value))
            yield Fact(
                slot[:_MAX_SLOT_CHARS], value, rule.text.format(relation=relation, value=value)
            )


def _clean(value: str) -> str:
    """Return the value up to the end of its clause, without words of time at its end."""
    value = _END.sub("", value).strip(" .\"'“”")
    while (shorter := _TAIL.sub("", value)) != value:
        value = shorter
    if value.lower() in _POINTING:
        return ""
    return value if 0 < len(value) <= _MAX_VALUE_CHARS else ""


def _plain(value: str) -> str:
    return re.sub(r"\W+", " ", value).strip().lower()
