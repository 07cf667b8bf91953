"""Names in a text: the people, places and things by which passages hang together.

Pure, by rules: capital letters where a sentence does not ask for one.  A name is kept word by
word and in lower case, so that "Freja Holm" and "Freja" meet.  Scripts without capitals have no
names here; their passages are found by words and meaning alone.
"""

from __future__ import annotations

import re

from memory.terms import is_stop_word

MAX_NAMES = 16
_MAX_NAME_CHARS = 60
_WORD = re.compile(r"[^\W\d_][\w]*(?:[-'\u2019][^\W\d_]\w*)*")
# "Nadia: ..." as a transcript writes it, at the very beginning.
_VOICE = re.compile(r"\s*([^\W\d_][\w.'\u2019-]*(?: [^\W\d_][\w.'\u2019-]*){0,2}):\s+\S")
# The word before ends a sentence, or opens a quotation.
_OPENS = re.compile(r"(?:^|[.!?\u2026:\u2014\n]|[\"\u201c\u201e(])\s*$")
_CALENDAR = frozenset(
    """
    january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday christmas easter
    mr mrs ms miss dr prof professor sir madam uncle aunt mother father mum mom dad english
    ok okay yes no hi hello hey thanks thank congratulations wow oh ah god i i'm i'll i've i'd
    """.split()  # noqa: SIM905 - as in terms
)


def voice(text: str) -> str | None:
    """Return who speaks in a passage that begins with "Name:", in lower case."""
    found = _VOICE.match(text)
    if found is None or not found.group(1)[0].isupper():
        return None
    return found.group(1).lower()


def names(text: str) -> tuple[str, ...]:
    """Return the names that `text` mentions, in lower case, at most MAX_NAMES, no repetition.

    At the beginning of a sentence a capital says nothing; such a word counts when it is no word of
    everyday grammar and another word that follows, or the same word elsewhere, is capital too.
    """
    speaker = _VOICE.match(text)
    body = text[speaker.end(1) + 1 :] if speaker is not None and voice(text) else text
    if body.isupper():
        return ()
    inside: dict[str, None] = {}
    opening: list[tuple[str, bool]] = []
    for match in _WORD.finditer(body):
        word = _plain(match.group())
        if not word[0].isupper() or not _may_name(word):
            continue
        if _OPENS.search(body[max(0, match.start() - 3) : match.start()]):
            follows = body[match.end() : match.end() + 2].lstrip()
            possessive = match.group() != word
            opening.append((word.lower(), possessive or follows[:1].isupper()))
        else:
            inside[word.lower()] = None
    for word, is_sure in opening:
        if is_sure:
            inside[word] = None
    return tuple(inside)[:MAX_NAMES]


def without_names(text: str) -> str:
    """Return `text` without its names: what is asked, whoever it is asked about."""
    left_out = set(names(text))
    return _WORD.sub(
        lambda match: "" if _plain(match.group()).lower() in left_out else match.group(), text
    )


def openings(text: str) -> tuple[str, ...]:
    """Return capital words at the beginning of sentences, which may be names.

    "Irena found work." tells nothing by itself; together with other passages it does.
    """
    speaker = _VOICE.match(text)
    body = text[speaker.end(1) + 1 :] if speaker is not None and voice(text) else text
    found = [
        _plain(match.group()).lower()
        for match in _WORD.finditer(body)
        if match.group()[0].isupper()
        and _may_name(_plain(match.group()))
        and _OPENS.search(body[max(0, match.start() - 3) : match.start()])
    ]
    return tuple(dict.fromkeys(found))[:MAX_NAMES]


def mentions(text: str) -> tuple[str, ...]:
    """Return what is stored as the links of a passage: its names, and what may be one."""
    return tuple(dict.fromkeys((*names(text), *openings(text))))[:MAX_NAMES]


def _plain(word: str) -> str:
    """Return `word` without 's."""
    head, mark, tail = word.replace("\u2019", "'").rpartition("'")
    return head if mark and tail.lower() in {"s", "ll", "d", "re", "ve", "m"} and head else word


def _may_name(word: str) -> bool:
    lower = word.lower()
    return 1 < len(word) <= _MAX_NAME_CHARS and lower not in _CALENDAR and not is_stop_word(lower)
