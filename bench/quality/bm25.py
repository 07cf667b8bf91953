"""Okapi BM25 (Robertson and Walker 1994) over passages: what recall is compared with.

Plain: lower-case words, no stems, k1 = 1.2, b = 0.75. `stemmed` drops stop words and cuts the
commonest endings, to show how much of a difference is only that.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

from memory.terms import query_terms

K1, B = 1.2, 0.75
_WORD = re.compile(r"\w+")
_ENDING = re.compile(r"(?<=\w{3})(?:ing|ed|es|s|ly)$")


class Bm25:
    """An index over passages."""

    def __init__(self, passages: Sequence[str], *, stemmed: bool = False) -> None:
        self._stemmed = stemmed
        self._bags = [Counter(self._words(text)) for text in passages]
        self._lengths = [sum(bag.values()) for bag in self._bags]
        self._mean = sum(self._lengths) / max(1, len(self._lengths))
        self._holders = Counter(word for bag in self._bags for word in bag)

    def best(self, question: str, limit: int) -> list[int]:
        """Places of the best passages, best first; only those that share a word."""
        words = self._words(question)
        scores = [self._score(place, words) for place in range(len(self._bags))]
        order = sorted(range(len(scores)), key=lambda place: -scores[place])
        return [place for place in order[:limit] if scores[place] > 0]

    def _score(self, place: int, words: Sequence[str]) -> float:
        bag, total = self._bags[place], 0.0
        for word in words:
            if count := bag[word]:
                holders = self._holders[word]
                rarity = math.log(1 + (len(self._bags) - holders + 0.5) / (holders + 0.5))
                share = 1 - B + B * self._lengths[place] / self._mean
                total += rarity * count * (K1 + 1) / (count + K1 * share)
        return total

    def _words(self, text: str) -> list[str]:
        if not self._stemmed:
            return _WORD.findall(text.lower())
        return [_ENDING.sub("", term.word) for term in query_terms(text)]
