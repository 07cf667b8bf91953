"""Words in the place of personal data, and the way back. Pure.

`<PERSON_1>` stands for the same words throughout a request. An answer comes in pieces that may cut
a placeholder anywhere: `Restorer` holds back what may be the beginning of one.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LIKE_OURS = re.compile(r"<[A-Z][A-Z_]*_\d+>")


@dataclass(frozen=True, slots=True)
class Span:
    """Where personal data of a kind stands in a text. `score`: 0..1, how sure that is."""

    start: int
    end: int
    kind: str
    score: float = 1.0


class Placeholders:
    """The words of one request and what stands in their place."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        # What the texts hold already must not be taken for one of ours on the way back.
        self._taken = {found for text in texts for found in _LIKE_OURS.findall(text)}
        self._by_words: dict[str, str] = {}
        self._last: dict[str, int] = {}

    def hide(self, text: str, spans: Sequence[Span]) -> str:
        """The text with every span replaced; of two that overlap, the surer and longer one."""
        pieces, at = [], 0
        for span in _apart(spans):
            pieces += [text[at : span.start], self._of(text[span.start : span.end], span.kind)]
            at = span.end
        return "".join([*pieces, text[at:]])

    def restorer(self) -> "Restorer":
        """The way back."""
        return Restorer({placeholder: words for words, placeholder in self._by_words.items()})

    def _of(self, words: str, kind: str) -> str:
        known = self._by_words.get(words)
        if known is not None:
            return known
        while True:
            self._last[kind] = self._last.get(kind, 0) + 1
            placeholder = f"<{kind}_{self._last[kind]}>"
            if placeholder not in self._taken:
                self._by_words[words] = placeholder
                return placeholder


class Restorer:
    """Puts the words back, in a text or in one that comes in pieces."""

    def __init__(self, words: dict[str, str]) -> None:
        self._words = words
        self._known = re.compile("|".join(map(re.escape, words)) or r"(?!)")
        self._longest = max(map(len, words), default=0)
        self._held = ""

    def whole(self, text: str) -> str:
        """The text with all words back."""
        return self._known.sub(lambda found: self._words[found.group()], text)

    def feed(self, piece: str) -> str:
        """What can be said now; possibly nothing."""
        text = self._held + piece
        cut = self._beginning(text)
        self._held = text[cut:]
        return self.whole(text[:cut])

    def rest(self) -> str:
        """What was held back, at the end."""
        held, self._held = self._held, ""
        return held

    def _beginning(self, text: str) -> int:
        """Where a placeholder may begin that is not whole yet; the end of the text if nowhere."""
        start = text.rfind("<", max(0, len(text) - self._longest + 1))
        if start < 0:
            return len(text)
        tail = text[start:]
        is_cut = any(one.startswith(tail) and one != tail for one in self._words)
        return start if is_cut else len(text)


def _apart(spans: Sequence[Span]) -> list[Span]:
    """Spans that do not overlap, in order."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda one: (-one.score, one.start - one.end, one.start)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept, key=lambda one: one.start)
