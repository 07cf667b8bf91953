"""Fusion: from the evidence of all searches to a short list worth quoting.

Pure.  Each candidate brings the words that it shares with the question, its closeness in meaning
and who stands beside it; together they are weighed as

    words + meaning + how much it tells
        (less for what asks and tells nothing, and for what a newer memory replaces)
    + the turns beside it + the conversation as a whole + the person asked about
    + the time asked about + names shared with the best hits (random walk) + recency

An irrelevant memory is worse than none: what bears on nothing is dropped, and when nothing that
was found answers the question, nothing is returned (`certainty`).  The weights were set on one half
of the dialogues of `bench/quality` and measured on the other; half or one and a half times any of
them gives nearly the same figures (docs/decisions/0004-brain.md).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from memory import entities, walk
from memory.cognition.drawing import drawn
from memory.ports import Recalled, ScoreParts
from memory.terms import Term, echo_of, normalised, query_terms, telling, telling_share
from memory.times import Span, earlier, spans

# Without one of both a candidate bears on nothing: unrelated sentences stay below it with MiniLM.
COSINE_FLOOR = 0.25
COVERAGE_FLOOR = 0.45
# Below this cosine even shared words are taken for chance.
COSINE_CHANCE = 0.10
# Less than this in common by names with the best hits is no reason to quote a memory.
LINKS_FLOOR = 0.3
# This share of the words themselves, two at least, is evidence as well.
SHARE_FLOOR = 0.6
# See `Corpus.rarity`.
PRIOR_SIZE = 100
# An earlier question tells less than an answer; what was replaced, less than what is current.
QUESTION_WEIGHT = 0.6
SUPERSEDED_WEIGHT = 0.7
# One word of three is likelier chance than a third of the evidence: coverage counts squared.
WORDS_WEIGHT, WORDS_POWER = 0.4, 2.0
# "You and your bargains." is near to much and tells little: this, for a turn of MANY_WORDS.
TELLING_WEIGHT, MANY_WORDS = 0.08, 8
# By distance: what a turn gets from the weight of the one before it (positive) or after it.
BESIDE_WEIGHTS = {1: 0.15, -1: 0.15, 2: 0.075, -2: 0.075}
CONVERSATION_WEIGHT = 0.3
PERSON_WEIGHT = 0.1
TIME_WEIGHT = 0.3
WALK_WEIGHT = 0.15
RECENCY_WEIGHT = 0.01
# "Where do you live now?"
PRESENT_WEIGHT = 0.1
# "What did we do in May?" means the latest May of which anything is known, among so many.
YEARS_BACK = 3
# Where the walk begins, and which names it may use: everybody's name leads everywhere.
SEEDS = 5
HALF_LIFE_DAYS = 90.0
# Neighbours that lend this much are a reason to quote a turn that bears on nothing by itself.
_BESIDE_FLOOR = 0.05
# Texts that share more of their words than this repeat one another (MMR).
_SAME_SHARE = 0.6
_REPEAT_WEIGHT = 0.3
# Statements with this share of words in common and so little between them: the newer goes first.
_SAME_FRAME, _SAME_SCORE = 0.5, 0.08
# Of how many that were chosen the facts are read.
_MOST_READ = 20
# What weighs less than this share of the best hit bears on nothing; who wants answers only gets
# what by itself weighs that much: neither neighbours nor what is merely near.
SHARE_OF_BEST, SURE_SHARE_OF_BEST = 0.5, 0.6
# Less of a turn than this that tells something, and it is taken for a question.
_LEAST_TELLING = 0.3
# Logistic regression of "is there an answer" (bench/quality, its tuned half).
_SURE_BIAS, _SURE_NEAREST, _SURE_WORDS, _SURE_ABOUT, _SURE_STRANGE = -5.1, 8.2, 0.75, 5.6, -2.2
# Certainty below which nothing is returned, and the same for a caller who wants answers only; both
# in a memory of at most PRIOR_SIZE.
LEAST_CERTAINTY = 0.25
SURE_CERTAINTY, SURE_A_DOUBLING, MOST_CERTAINTY = 0.6, 0.06, 0.9
# So many memories of somebody may all be read.
_FEW = 3
# Codes and numbers that name one thing, unlike years, ages and times of day.
_CODE = re.compile(r"^(?=.{6}).*\d.*$")
_PRESENT = re.compile(
    r"\b(?:now|nowadays|current|currently|at present|at the moment|these days|still|today)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A memory that one of the searches returned.

    `matched`: places of the question's words that occur in it.  `cosine`: None while it has no
    embedding.  `about`: closeness to the question without its names, None as `cosine`.
    `beside`: {hit: how many turns after it (negative: before it) this one was said}.
    `names`: what it mentions, written down when it was indexed (`entities.mentions`).
    `superseded_by`: the newer memory that replaces it.
    """

    memory_id: UUID
    text: str
    said_at: datetime
    speaker: str
    conversation_id: UUID | None
    turn_id: UUID | None
    matched: frozenset[int]
    cosine: float | None
    about: float | None = None
    beside: Mapping[UUID, int] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    superseded_by: UUID | None = None


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


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as recall sees it: its words, its names, the times that it names, and when.

    `only_if_sure`: return nothing rather than what is merely near.  `earlier`: the same stretches
    in the years before, newest first, for when nothing is known of `times`.
    """

    text: str
    terms: tuple[Term, ...]
    at: datetime
    times: tuple[Span, ...] = ()
    only_if_sure: bool = False
    names: tuple[str, ...] = ()
    earlier: tuple[tuple[Span, ...], ...] = ()

    @classmethod
    def of(cls, text: str, at: datetime, *, only_if_sure: bool = False) -> Asked:
        """Read a question that is asked at that moment."""
        times = spans(text, at)
        return cls(
            text,
            query_terms(text),
            at,
            times,
            only_if_sure,
            entities.names(text),
            tuple(
                tuple(found)
                for years in range(1, YEARS_BACK + 1)
                if (found := [span for one in times if (span := earlier(one, years))])
            ),
        )


@dataclass(frozen=True, slots=True)
class _Judged:
    """A candidate with its words and the parts of its score."""

    item: Candidate
    said: AbstractSet[str]
    score: float
    parts: ScoreParts


def fuse(
    asked: Asked, corpus: Corpus, candidates: Sequence[Candidate], limit: int
) -> tuple[Recalled, ...]:
    """Return the candidates worth quoting, best first, at most `limit`.

    Dropped: what bears on nothing by itself or by its surroundings, echoes of the question itself,
    repeated texts (the newest stays).  Nothing at all when it seems that no answer was ever said.
    """
    items, said = _without_repeats(candidates, echo_of(asked.text))
    coverage = _coverages(asked, corpus, items)
    worthy = [
        _is_relevant(one, share, len(asked.terms))
        for one, share in zip(items, coverage, strict=True)
    ]
    if not any(worthy):
        return ()
    sure = _certainty(asked, corpus, items, coverage, said)
    if sure < _least_certainty(asked, corpus) and not _is_rarely_told_of(asked, items):
        return ()
    judged = _judged(asked, items, said, coverage, worthy, sure)
    chosen = _current_first(_diverse(judged, limit))
    best = max((one.score for one in chosen), default=1.0)
    return tuple(_recalled(one, asked, best, sure) for one in chosen)


def _least_certainty(asked: Asked, corpus: Corpus) -> float:
    """Return below which certainty nothing is returned.

    In a large memory something is near by chance, so it takes more to be sure; and most of what is
    asked was said, so that whoever did not ask for certainty is left to judge.
    """
    times = max(1.0, corpus.size / PRIOR_SIZE)
    if asked.only_if_sure:
        return min(MOST_CERTAINTY, SURE_CERTAINTY + SURE_A_DOUBLING * math.log2(times))
    return LEAST_CERTAINTY / times


def certainty(asked: Asked, corpus: Corpus, items: Sequence[Candidate]) -> float:
    """Return how likely it is, 0..1, that one of these memories answers the question.

    Rests on the nearest memory, on the words besides names that one of them shares, on what is
    said about the persons asked about, and on names that nobody ever mentioned.
    """
    said = [said_of(normalised(one.text)) for one in items]
    return _certainty(asked, corpus, items, _coverages(asked, corpus, items), said)


def _certainty(
    asked: Asked,
    corpus: Corpus,
    items: Sequence[Candidate],
    coverage: Sequence[float],
    said: Sequence[AbstractSet[str]],
) -> float:
    fresh = [
        share for one, share in zip(items, coverage, strict=True) if one.cosine is None and share
    ]
    telling = [
        (one, words)
        for one, words in zip(items, said, strict=True)
        if one.cosine is not None and telling_share(one.text) >= _LEAST_TELLING
    ]
    if max(fresh, default=0.0) >= COVERAGE_FLOOR or not telling:
        # What has no embedding yet is judged by its words alone, and the floors do that.
        return 1.0
    if _is_identified(asked, items):
        return 1.0
    names = frozenset(asked.names)
    known = {name for name in names if any(name in words for _, words in telling)}
    asked_about = [one for one, words in telling if not known or not known.isdisjoint(words)]
    told = [one for one, _ in telling]
    logit = (
        _SURE_BIAS
        + _SURE_NEAREST * max(one.cosine or 0.0 for one in told)
        + _SURE_WORDS * max(_coverages(asked, corpus, told, names))
        + _SURE_ABOUT * max((_about(one) for one in asked_about), default=0.0)
        + _SURE_STRANGE * float(bool(names - known))
    )
    return 1 / (1 + math.exp(-logit))


def _is_identified(asked: Asked, items: Sequence[Candidate]) -> bool:
    """Say whether a memory holds every number or code of the question, word for word.

    Who asks by an order number means the passage with that number, however little its meaning says.
    """
    codes = {place for place, term in enumerate(asked.terms) if _CODE.search(term.word)}
    return bool(codes) and any(codes <= one.matched for one in items)


def _is_rarely_told_of(asked: Asked, items: Sequence[Candidate]) -> bool:
    """Say whether hardly any memory names whom the question names: then these are worth reading.

    What little is known of somebody may answer in words that a vector does not bring together.
    Whoever wants answers only is not helped by it.
    """
    names = set(asked.names)
    named = {place for place, term in enumerate(asked.terms) if term.word in names}
    told = sum(named <= one.matched for one in items)
    return bool(named) and 0 < told <= _FEW and not asked.only_if_sure


def _about(item: Candidate) -> float:
    """Return how close it is to what is asked; a question without names is that itself."""
    return (item.about if item.about is not None else item.cosine) or 0.0


def _coverages(
    asked: Asked, corpus: Corpus, items: Sequence[Candidate], besides: Collection[str] = ()
) -> list[float]:
    """Return the share of the question's words that each memory holds, weighted by rarity.

    `besides`: words that do not count.
    """
    weights = [
        0.0 if term.word in besides else corpus.rarity(place)
        for place, term in enumerate(asked.terms)
    ]
    whole = sum(weights) or 1.0
    return [sum([weights[place] for place in one.matched]) / whole for one in items]


def _is_relevant(item: Candidate, coverage: float, terms: int) -> bool:
    """Say whether the memory's own evidence, by words or by meaning, is enough to quote it."""
    if item.cosine is not None and item.cosine >= COSINE_FLOOR:
        return True
    many = len(item.matched) >= max(2, SHARE_FLOOR * terms)
    worded = many or coverage >= COVERAGE_FLOOR
    return worded and (item.cosine is None or item.cosine >= COSINE_CHANCE)


def _without_repeats(
    items: Sequence[Candidate], echo: str | None
) -> tuple[list[Candidate], list[set[str]]]:
    """Keep the newest of equal texts, oldest first, none that equals `echo`; and their words.

    The result does not depend on the order of `items`.
    """
    newest: dict[str, Candidate] = {}
    for item in sorted(items, key=lambda one: (one.said_at, one.memory_id)):
        newest[normalised(item.text)] = item
    if echo is not None:
        newest.pop(echo, None)
    kept = sorted(newest.items(), key=lambda one: (one[1].said_at, one[1].memory_id))
    return [one for _, one in kept], [said_of(text) for text, _ in kept]


def _judged(
    asked: Asked,
    items: Sequence[Candidate],
    said: Sequence[AbstractSet[str]],
    coverage: Sequence[float],
    worthy: Sequence[bool],
    sure: float,
) -> list[_Judged]:
    """Weigh all evidence; leave out what neither it nor its surroundings make worth quoting."""
    own = [
        _own_weight(one, share, words)
        for one, share, words in zip(items, coverage, said, strict=True)
    ]
    conversations = _conversation_weights(items, own)
    beside = _beside(items, own)
    names = frozenset(asked.names)
    person = [float(not names.isdisjoint(words)) for words in said]
    timely = _timely(asked, items)
    surrounded = [
        own[place]
        + beside[place]
        + CONVERSATION_WEIGHT * conversations.get(one.conversation_id, 0.0)
        + PERSON_WEIGHT * person[place]
        + TIME_WEIGHT * timely[place]
        for place, one in enumerate(items)
    ]
    surrounded = _succeeded(items, surrounded)
    linked = _linked(items, surrounded, worthy)
    lexical = _ranks(items, lambda place: coverage[place])
    dense = _ranks(items, lambda place: items[place].cosine or 0.0)
    present = PRESENT_WEIGHT if _PRESENT.search(asked.text) else RECENCY_WEIGHT
    if asked.only_if_sure:
        weighed, least = _succeeded(items, own), SURE_SHARE_OF_BEST
    else:
        weighed, least = surrounded, SHARE_OF_BEST
    least *= max(weighed)
    judged = []
    for place, one in enumerate(items):
        near = beside[place] >= _BESIDE_FLOOR or linked[place] >= LINKS_FLOOR or timely[place]
        is_kept = not asked.only_if_sure and (worthy[place] or near)
        if not is_kept and weighed[place] < least:
            continue
        recency = _recency(one.said_at, asked.at)
        judged.append(
            _Judged(
                one,
                said[place],
                surrounded[place] + WALK_WEIGHT * linked[place] + present * recency,
                ScoreParts(
                    lexical_rank=lexical.get(place),
                    dense_rank=dense.get(place),
                    coverage=coverage[place],
                    cosine=one.cosine,
                    beside=beside[place],
                    conversation=conversations.get(one.conversation_id, 0.0),
                    person=person[place],
                    time=timely[place],
                    links=linked[place],
                    recency=recency,
                    certainty=sure,
                ),
            )
        )
    judged.sort(
        key=lambda one: (-round(one.score, 9), -one.item.said_at.timestamp(), one.item.memory_id)
    )
    return judged


def _succeeded(items: Sequence[Candidate], weighed: Sequence[float]) -> list[float]:
    """Let what is current answer in the place of what it replaces, and lower the latter."""
    places = {one.memory_id: place for place, one in enumerate(items)}
    weights = list(weighed)
    for place, one in enumerate(items):
        if one.superseded_by is None:
            continue
        weights[place] *= SUPERSEDED_WEIGHT
        newer = places.get(one.superseded_by)
        if newer is not None:
            weights[newer] = max(weights[newer], weighed[place])
    return weights


def _own_weight(item: Candidate, coverage: float, said: AbstractSet[str]) -> float:
    """Return what a memory weighs by its own words and meaning, and by how much it tells."""
    weight = max(0.0, (item.cosine or 0.0) + WORDS_WEIGHT * math.pow(coverage, WORDS_POWER))
    told = telling(said) - bool(entities.voice(item.text))
    if weight > 0:
        share = math.log1p(max(0, told)) / math.log1p(MANY_WORDS)
        weight += TELLING_WEIGHT * min(1.0, share)
    return weight * (QUESTION_WEIGHT + (1 - QUESTION_WEIGHT) * telling_share(item.text))


def _conversation_weights(
    items: Sequence[Candidate], own: Sequence[float]
) -> dict[UUID | None, float]:
    """Return the mean weight of the three best memories of each conversation."""
    of: dict[UUID, list[float]] = {}
    for one, weight in zip(items, own, strict=True):
        if one.conversation_id is not None:
            of.setdefault(one.conversation_id, []).append(weight)
    return {key: sum(sorted(weights)[-3:]) / 3 for key, weights in of.items()}


def _beside(items: Sequence[Candidate], own: Sequence[float]) -> list[float]:
    """Return the weight that the hits a turn or two away lend to each memory."""
    weights = {one.memory_id: weight for one, weight in zip(items, own, strict=True)}
    return [
        sum(
            [
                weights.get(hit, 0.0) * BESIDE_WEIGHTS.get(step, 0.0)
                for hit, step in one.beside.items()
            ]
        )
        for one in items
    ]


def said_of(text: str) -> set[str]:
    """Return the words of a normalised text, without the s of owners: nadia's tells of nadia."""
    text = text.replace("\u2019", "'")
    words = set(text.split())
    return {word.removesuffix("'s") for word in words} if "'" in text else words


def _timely(asked: Asked, items: Sequence[Candidate]) -> list[float]:
    """Return 1 for what was said in the time asked about, or speaks of it, else 0."""
    if not asked.times:
        return [0.0] * len(items)
    told = [[about.start for about in spans(one.text, one.said_at)] for one in items]
    for times in (asked.times, *asked.earlier):
        timely = [
            float(any(time.holds(moment) for moment in (one.said_at, *of) for time in times))
            for one, of in zip(items, told, strict=True)
        ]
        if any(timely):
            return timely
    return [0.0] * len(items)


def _linked(
    items: Sequence[Candidate], weighed: Sequence[float], worthy: Sequence[bool]
) -> list[float]:
    """Return how much each memory hangs together by names with the best ones, 0..1."""
    holders: dict[str, int] = {}
    for one in items:
        for name in one.names:
            holders[name] = holders.get(name, 0) + 1
    most = max(8, len(items) // 4)
    weights = {
        name: 1 / math.log(2 + count) for name, count in holders.items() if 2 <= count <= most
    }
    nothing = [0.0] * len(items)
    if not weights:
        return nothing
    best = sorted(
        (place for place, is_worthy in enumerate(worthy) if is_worthy and weighed[place] > 0),
        key=lambda place: (-weighed[place], place),
    )[:SEEDS]
    seeds = {place: weighed[place] ** 3 for place in best}
    shares = walk.visits(seeds, {place: one.names for place, one in enumerate(items)}, weights)
    top = max(shares.values(), default=0.0)
    if top <= 0:
        return nothing
    return [math.sqrt(shares[place] / top) for place in range(len(items))]


def _recency(said_at: datetime, at: datetime) -> float:
    """Return 1 for just now, falling by half in HALF_LIFE_DAYS."""
    days = max(0.0, (at - said_at).total_seconds() / 86_400)
    return 1 / (1 + days / HALF_LIFE_DAYS)


def _ranks(items: Sequence[Candidate], weight: Callable[[int], float]) -> dict[int, int]:
    """Return ranks from 1 of those with any weight, heaviest first, the newer one of equals."""
    held = [place for place in range(len(items)) if weight(place) > 0]
    held.sort(key=lambda place: (-weight(place), -place))
    return {place: rank for rank, place in enumerate(held, 1)}


def _diverse(judged: Sequence[_Judged], limit: int) -> list[_Judged]:
    """Choose the best that do not repeat one another (maximal marginal relevance).

    Only near repetitions count against a memory: two facts of one subject share words too.
    """
    left = list(range(min(len(judged), limit * 3)))
    words = [one.said for one in judged[: len(left)]]
    scores = [one.score for one in judged[: len(left)]]
    repeats = [0.0] * len(left)
    chosen: list[int] = []
    while left and len(chosen) < limit:
        best = max(left, key=lambda place: scores[place] - _REPEAT_WEIGHT * repeats[place])
        left.remove(best)
        chosen.append(best)
        for place in left:
            shared = len(words[best] & words[place])
            share = shared / max(1, len(words[best]) + len(words[place]) - shared)
            if share > _SAME_SHARE:
                repeats[place] = max(repeats[place], share)
    return [judged[place] for place in sorted(chosen)]


def _current_first(chosen: Sequence[_Judged]) -> list[_Judged]:
    """Put what was replaced behind the memory that replaces it, where both were chosen.

    Replaced: by a link; by a newer statement of the same facts, with other values; or by a newer
    one in nearly the same words that weighs nearly the same: "I live in Lisbon." and, a year
    later, "I live in Porto."
    """

    def replaces(newer: _Judged, older: _Judged) -> bool:
        if newer.item.memory_id == older.item.superseded_by:
            return True
        if older.score - newer.score > _SAME_SCORE or newer.item.said_at <= older.item.said_at:
            return False
        mine, other = newer.said, older.said
        return len(mine & other) >= _SAME_FRAME * len(mine | other)

    order = _restated(chosen)
    for one in tuple(order):
        place = order.index(one)
        newer = [other for other in order[place + 1 :] if replaces(other, one)]
        if newer:
            order.remove(one)
            order.insert(order.index(newer[-1]) + 1, replace(one, score=newer[-1].score))
    return order


def _restated(chosen: Sequence[_Judged]) -> list[_Judged]:
    """Mark what people said whose every fact they stated anew later, with another value.

    Links of sleep say the same, but only after the next sleep.
    """
    marked = list(chosen)
    facts = [
        {fact.slot: fact.key for fact in drawn(one.item.text)} if one.item.speaker == "user" else {}
        for one in chosen[:_MOST_READ]
    ]
    for place, stated in enumerate(facts):
        older = chosen[place].item
        newer = [
            chosen[other].item
            for other, restated in enumerate(facts)
            if stated
            and chosen[other].item.said_at > older.said_at
            and all(restated.get(slot, key) != key for slot, key in stated.items())
        ]
        if newer and older.superseded_by is None:
            newest = max(newer, key=lambda one: (one.said_at, one.memory_id))
            marked[place] = replace(
                chosen[place], item=replace(older, superseded_by=newest.memory_id)
            )
    return marked


def _recalled(one: _Judged, asked: Asked, best: float, sure: float) -> Recalled:
    item, parts = one.item, _rounded(one.parts)
    return Recalled(
        memory_id=item.memory_id,
        text=item.text,
        said_at=item.said_at,
        speaker=item.speaker,
        conversation_id=item.conversation_id,
        turn_id=item.turn_id,
        score=round(max(0.0, min(1.0, one.score / max(best, 1e-9))) * sure, 4),
        reason=_reason(asked, item, parts),
        parts=parts,
    )


def _rounded(parts: ScoreParts) -> ScoreParts:
    """Return the parts as people read them."""
    numbers: dict[str, Any] = {
        name: round(value, 4)
        for name in ScoreParts.__slots__
        if isinstance(value := getattr(parts, name), float)
    }
    return replace(parts, **numbers)


def _reason(asked: Asked, item: Candidate, parts: ScoreParts) -> str:
    """Return in words why the memory was chosen."""
    said: list[str] = []
    words = [asked.terms[place].word for place in sorted(item.matched)]
    if words:
        said.append(f"shares the word{'s' * (len(words) > 1)} {', '.join(words)}")
    if item.cosine is not None and item.cosine >= COSINE_FLOOR:
        said.append(f"is close in meaning ({item.cosine:.2f})")
    if parts.time:
        said.append(
            f"belongs to the time asked about ({', '.join(one.words for one in asked.times)})"
        )
    if not said and parts.beside >= _BESIDE_FLOOR:
        said.append("was said beside a hit")
    if not said and parts.links:
        said.append("shares names with a hit")
    reason = " and ".join(said) or "was said in the same conversation"
    return f"{reason}; a newer memory replaces it" if item.superseded_by else reason
