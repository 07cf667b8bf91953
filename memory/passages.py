"""Cuts a long message into passages that are each one memory.

Pure.  Nothing is lost or changed: the passages joined are the message.  Cuts fall at paragraphs,
then lines, then sentences, then words, and as a last resort anywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# About 250 tokens of English: what the embedding model reads of one text.
PASSAGE_CHARS = 1_000
_CUTS = tuple(
    re.compile(pattern)
    for pattern in (r"\n\s*\n", r"\n", r"[.!?…\u3002][\"'\u201d\u2019)]*\s+", r"\s+")
)
# A cut before this share of the passage would leave crumbs: rather a weaker kind of cut.
_LEAST_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a message and the place of its first character."""

    text: str
    start: int


def split(text: str, most_chars: int = PASSAGE_CHARS) -> tuple[Passage, ...]:
    """Return the passages of `text` in order, each at most `most_chars` long.

    Passages of nothing but white space are left out.
    """
    passages: list[Passage] = []
    start = 0
    while start < len(text):
        end = _end_of_passage(text, start, most_chars)
        piece = text[start:end]
        if piece.strip():
            passages.append(Passage(piece, start))
        start = end
    return tuple(passages)


def _end_of_passage(text: str, start: int, most_chars: int) -> int:
    last = start + most_chars
    if last >= len(text):
        return len(text)
    least = start + int(most_chars * _LEAST_SHARE)
    for cut in _CUTS:
        ends = [match.end() for match in cut.finditer(text, least, last)]
        if ends:
            return ends[-1]
    return last
