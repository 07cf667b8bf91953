"""The meaningful words of a question: what full-text search should look for.

Pure.  Owns the stop words of questions put to a memory; never talks to the database.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

MAX_TERMS = 16
_MAX_WORD_CHARS = 60
# Letters and digits of any script, joined by the marks that occur inside names and numbers.
_WORD = re.compile(r"[^\W_]+(?:[-'\u2019.@:/+_][^\W_]+)*", re.UNICODE)
# Latin, full-width, Arabic.
_ASKED = ("?", "\uff1f", "\u061f")
# With the mark that ends it, so that the last character tells a question.
_OPENS_QUESTION = re.compile(
    r"\s*(who|whom|whose|what|which|when|where|why|how|do|does|did|is|are|am|was|were|can|could|"
    r"will|would|should|has|have|had)(['\u2019]\w+)?\s",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?\u2026\uff1f\u061f]+[.!?\u2026\uff1f\u061f]?")
_SPEAKER = re.compile(r"^\s*[^\W\d_][\w.'\u2019 -]{0,40}:\s+")
_CLITICS = frozenset({"s", "m", "re", "ve", "ll", "d", "t"})
# PostgreSQL's english.stop, then the words that only frame a question.
_STOP_WORDS = frozenset(
    """
    i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she
    her hers herself it its itself they them their theirs themselves what which who whom this that
    these those am is are was were be been being have has had having do does did doing a an the and
    but if or because as until while of at by for with about against between into through during
    before after above below to from up down in out on off over under again further then once here
    there when where why how all any both each few more most other some such no nor not only own
    same so than too very s t can will just don should now
    also anything could ever everything let may might must please shall something thing things
    whether whose would yes yet
    ask asked asking know knew known mention mentioned remember remembered remind reminded said say
    saying says talk talked talking tell telling tells told
    hello hey hi ok okay thank thanks well
    """.split()  # noqa: SIM905 - a list of 200 quoted words reads worse
)


@dataclass(frozen=True, slots=True)
class Term:
    """One word to look for; `exact` words are names or numbers and are not stemmed."""

    word: str
    exact: bool = False


def query_terms(text: str) -> tuple[Term, ...]:
    """Return the words that carry the question, at most MAX_TERMS, without repetition.

    A stop word that is written like a name in mid-sentence ("Will", "IT") is kept.
    Of a long text the names, numbers and longest words stay, in their order.
    """
    shouting = text.isupper()
    found: dict[str, Term] = {}
    for position, match in enumerate(_WORD.finditer(text)):
        written = _without_clitic(match.group())[:_MAX_WORD_CHARS]
        word = written.lower()
        named = position > 0 and len(written) > 1 and written[0].isupper() and not shouting
        if word in _STOP_WORDS and not named:
            continue
        if len(word) == 1 and word.isascii() and not word.isdigit():
            continue
        exact = any(letter.isdigit() for letter in word) or word in _STOP_WORDS
        found.setdefault(word, Term(word, exact=exact))
    kept = sorted(found.values(), key=lambda term: (not term.exact, -len(term.word)))[:MAX_TERMS]
    return tuple(term for term in found.values() if term in kept)


def normalised(text: str) -> str:
    """Return the words of `text` in lower case, single-spaced: equal for echoes of one another."""
    return " ".join(_WORD.findall(text.lower()))


def is_question(text: str) -> bool:
    """Say whether `text` asks and tells nothing: its last sentence ends in a question mark."""
    return text.rstrip().rstrip("\"'\u201d\u2019)*").endswith(_ASKED)


def echo_of(text: str) -> str | None:
    """Return what a memory must not be equal to (normalised) to answer `text`; None: no such thing.

    A question that was asked before answers nothing, also one typed without its mark. Whoever
    searches a statement word for word wants to find it.
    """
    asks = is_question(text) or _OPENS_QUESTION.match(text)
    return normalised(text) if asks else None


def telling_share(text: str) -> float:
    """Return the share of `text`, 0..1, that is not asked: "I moved. And you?" tells mostly."""
    if not any(mark in text for mark in _ASKED):
        return 1.0
    whole = asked = 0
    for sentence in _SENTENCE.findall(_SPEAKER.sub("", text)):
        if not _WORD.search(sentence):
            continue
        whole += len(sentence)
        if sentence[-1] in _ASKED:
            asked += len(sentence)
    return 1 - asked / whole if whole else 1.0


def _without_clitic(word: str) -> str:
    """Return `word` without 's, n't and the like."""
    head, mark, tail = word.replace("\u2019", "'").rpartition("'")
    if mark and tail.lower() in _CLITICS and head:
        return head
    return word


def is_stop_word(word: str) -> bool:
    """Say whether `word`, in lower case, is grammar and carries no question."""
    return word in _STOP_WORDS


def telling(words: AbstractSet[str]) -> int:
    """Return how many of the words are not grammar."""
    return len(words - _STOP_WORDS)
