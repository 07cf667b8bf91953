"""Fusion: from the evidence of both searches to a short list worth quoting.

Pure.  Each candidate brings the words that it shares with the question and its cosine.  Both
lists are ranked on their own, joined by reciprocal rank fusion with k = 60 (Cormack, Clarke and
Buettcher 2009), and cut by a floor, because an irrelevant memory is worse than none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from memory.ports import Recalled, ScoreParts
from memory.terms import Term, is_question, normalised

RRF_K = 60
# Floors, set on the set of facts and questions in tests/fixtures/memory (see its README):
# unrelated sentences stay below 0.25 with MiniLM, answers to paraphrased questions mostly above.
COSINE_FLOOR = 0.30
# Below this cosine even shared words are taken for chance.
COSINE_CHANCE = 0.10
# Share of the question's words, weighted by rarity, that is evidence by itself.
COVERAGE_FLOOR = 0.45
# Below this share the words in common are taken for chance and do not lift the rank.
COVERAGE_CHANCE = 1 / 3
# This share of the words themselves, two at least, is evidence as well.
SHARE_FLOOR = 0.6
# See `Corpus.rarity`.
PRIOR_SIZE = 100
# An earlier question tells less than an answer.
QUESTION_WEIGHT = 0.6
# Cosines that differ by less are a tie, and the newer memory goes first.
COSINE_STEP = 0.03
_BEST_SUM = 2 / (RRF_K + 1)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A memory that one of the searches returned.

    `matched`: places of the question's words that occur in it.  `density`: how often and how
    close (ts_rank_cd).  `cosine`: None while it has no embedding.
    """

    memory_id: UUID
    text: str
    said_at: datetime
    speaker: str
    conversation_id: UUID | None
    turn_id: UUID | None
    matched: frozenset[int]
    density: float
    cosine: float | None


@dataclass(frozen=True, slots=True)
class Corpus:
    """What rarity is measured against: the user's memories, and how many hold each word."""

    size: int
    counts: tuple[int, ...]

    def rarity(self, place: int) -> float:
        """Return the inverse document frequency of a word (Robertson and Sparck Jones), > 0.

        Smoothed with PRIOR_SIZE imagined memories, of which one holds the word: with three
        memories in all, a word is not common because one of them has it.
        """
        count = self.counts[place]
        others = max(self.size - count, 0) + PRIOR_SIZE - 1
        return math.log(1 + (others + 0.5) / (count + 1.5))


def fuse(
    question: str,
    terms: Sequence[Term],
    corpus: Corpus,
    candidates: Sequence[Candidate],
    limit: int,
) -> tuple[Recalled, ...]:
    """Return the candidates worth quoting, best first, at most `limit`.

    Dropped: what stays below the floors, echoes of the question itself, repeated texts (the
    newest stays).
    """
    weights = [corpus.rarity(place) for place in range(len(terms))]
    whole = sum(weights) or 1.0
    coverage = {
        item.memory_id: sum(weights[place] for place in item.matched) / whole for item in candidates
    }
    asked = normalised(question)
    worthy = [
        item
        for item in candidates
        if _is_relevant(item, coverage[item.memory_id], len(terms)) and not _is_echo(item, asked)
    ]
    lexical = _lexical_ranks(worthy, coverage)
    dense = _dense_ranks(worthy)
    found = [
        _recalled(
            item,
            terms,
            ScoreParts(
                lexical_rank=lexical.get(item.memory_id),
                dense_rank=dense.get(item.memory_id),
                coverage=round(coverage[item.memory_id], 4),
                cosine=None if item.cosine is None else round(item.cosine, 4),
            ),
        )
        for item in _without_repeats(worthy)
    ]
    found.sort(key=lambda one: (one.score, one.said_at, one.memory_id), reverse=True)
    return tuple(found[:limit])


def _is_relevant(item: Candidate, coverage: float, terms: int) -> bool:
    """Say whether the evidence, by words or by meaning, is enough to quote the memory."""
    if item.cosine is not None and item.cosine >= COSINE_FLOOR:
        return True
    many = len(item.matched) >= max(2, SHARE_FLOOR * terms)
    worded = many or coverage >= COVERAGE_FLOOR
    return worded and (item.cosine is None or item.cosine >= COSINE_CHANCE)


def _is_echo(item: Candidate, asked: str) -> bool:
    """Say whether the memory is the very question, asked before."""
    return normalised(item.text) == asked


def _without_repeats(items: Sequence[Candidate]) -> list[Candidate]:
    """Keep the newest of equal texts."""
    newest: dict[str, Candidate] = {}
    for item in sorted(items, key=lambda one: (one.said_at, one.memory_id)):
        newest[normalised(item.text)] = item
    return list(newest.values())


def _lexical_ranks(items: Sequence[Candidate], coverage: dict[UUID, float]) -> dict[UUID, int]:
    hits = [item for item in items if coverage[item.memory_id] >= COVERAGE_CHANCE]
    # Stable sorts, the least important first; the id makes the order independent of the input's.
    hits.sort(key=lambda one: (one.said_at, one.memory_id), reverse=True)
    hits.sort(key=lambda one: (coverage[one.memory_id], one.density), reverse=True)
    return {item.memory_id: place for place, item in enumerate(hits, 1)}


def _dense_ranks(items: Sequence[Candidate]) -> dict[UUID, int]:
    near = [item for item in items if item.cosine is not None]
    near.sort(key=lambda one: (_steps(one.cosine), one.said_at, one.memory_id), reverse=True)
    return {item.memory_id: place for place, item in enumerate(near, 1)}


def _steps(cosine: float | None) -> int:
    """Return the cosine in whole steps, so that hair's breadths do not decide."""
    return 0 if cosine is None else round(cosine / COSINE_STEP)


def _recalled(item: Candidate, terms: Sequence[Term], parts: ScoreParts) -> Recalled:
    ranks = [rank for rank in (parts.lexical_rank, parts.dense_rank) if rank is not None]
    score = sum(1 / (RRF_K + rank) for rank in ranks) / _BEST_SUM
    if is_question(item.text):
        score *= QUESTION_WEIGHT
    return Recalled(
        memory_id=item.memory_id,
        text=item.text,
        said_at=item.said_at,
        speaker=item.speaker,
        conversation_id=item.conversation_id,
        turn_id=item.turn_id,
        score=round(score, 4),
        reason=_reason([terms[place].word for place in sorted(item.matched)], parts.cosine),
        parts=parts,
    )


def _reason(words: Sequence[str], cosine: float | None) -> str:
    """Return in words why the memory was chosen."""
    shared = f"shares the words {', '.join(words)}" if words else ""
    if len(words) == 1:
        shared = f"shares the word {words[0]}"
    near = ""
    if cosine is not None and cosine >= COSINE_FLOOR:
        near = f"is close in meaning ({cosine:.2f})"
    return " and ".join(filter(None, (shared, near))) or "was said recently"
