"""Laws of memory's pure parts, over generated text and evidence."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from memory import times, walk
from memory.cognition.drawing import drawn
from memory.entities import MAX_NAMES, mentions, names, without_names
from memory.passages import PASSAGE_CHARS, split
from memory.ports import Recalled
from memory.recall import Asked, Candidate, Corpus, certainty, fuse
from memory.rescue import answer_from_memory
from memory.terms import MAX_TERMS, Term, normalised, query_terms, telling_share

NOW = datetime(2026, 3, 3, tzinfo=UTC)
TERMS = tuple(Term(word) for word in ("miso", "cat", "tuna"))
dates = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)
candidates = st.lists(
    st.builds(
        Candidate,
        memory_id=st.uuids(),
        text=st.text(min_size=1, max_size=60),
        said_at=dates,
        speaker=st.sampled_from(["user", "assistant"]),
        conversation_id=st.sampled_from([None, UUID(int=1), UUID(int=2)]),
        turn_id=st.none(),
        matched=st.frozensets(st.integers(0, 2)),
        cosine=st.none() | st.floats(-1, 1),
        about=st.none() | st.floats(-1, 1),
        beside=st.dictionaries(st.uuids(), st.integers(-2, 2), max_size=2),
        names=st.lists(st.sampled_from(["miso", "ada", "porto"]), max_size=2).map(tuple),
        superseded_by=st.none() | st.uuids(),
    ),
    max_size=30,
    unique_by=lambda one: one.memory_id,
)
corpora = st.builds(Corpus, st.integers(0, 10_000), st.tuples(*[st.integers(0, 10_000)] * 3))


@given(candidates, corpora, st.integers(1, 12), st.randoms(use_true_random=False))
def test_recall_is_short_sorted_relevant_and_independent_of_the_order_of_its_evidence(
    items: list[Candidate], corpus: Corpus, limit: int, shuffle: random.Random
) -> None:
    asked = Asked("Does Miso the cat like tuna?", TERMS, NOW, names=("miso",))
    assert 0 <= certainty(asked, corpus, items) <= 1
    found = fuse(asked, corpus, items, limit)
    assert len(found) <= limit
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    given_ids = {item.memory_id: item for item in items}
    for one in found:
        evidence = given_ids[one.memory_id]
        assert one.text == evidence.text
        assert one.speaker == evidence.speaker
        assert one.reason
    assert len({normalised(one.text) for one in found}) == len(found)
    mixed = list(items)
    shuffle.shuffle(mixed)
    assert fuse(asked, corpus, mixed, limit) == found


@given(candidates, corpora, st.integers(1, 12), st.data())
def test_what_was_replaced_never_stands_before_what_replaces_it(
    items: list[Candidate], corpus: Corpus, limit: int, data: st.DataObject
) -> None:
    asked = Asked("Does Miso the cat like tuna?", TERMS, NOW, names=("miso",))
    # Of each pair the first was replaced by the second; nothing is replaced in a circle.
    order = data.draw(st.permutations(items))
    chained = [
        replace(older, superseded_by=newer.memory_id)
        for older, newer in zip(order[0::2], order[1::2], strict=False)
    ]
    current = [replace(one, superseded_by=None) for one in order[1::2]]
    found = [one.memory_id for one in fuse(asked, corpus, [*chained, *current], limit)]
    for older in chained:
        if older.memory_id in found and older.superseded_by in found:
            assert found.index(older.superseded_by) < found.index(older.memory_id)


@given(st.text(max_size=400))
def test_a_text_tells_a_share_of_itself(text: str) -> None:
    assert 0 <= telling_share(text) <= 1
    if not {"?", "\uff1f", "\u061f"} & set(text):
        assert telling_share(text) == 1


@given(st.text(max_size=400))
def test_any_text_gives_few_facts_of_bounded_length(text: str) -> None:
    for fact in drawn(f"I live in {text}"):
        assert len(fact.slot) <= 200
        assert len(fact.value) <= 80


@given(st.text(max_size=5_000), st.integers(10, 2_000))
def test_passages_joined_are_the_message(text: str, most_chars: int) -> None:
    passages = split(text, most_chars)
    assert all(0 < len(one.text) <= most_chars for one in passages)
    assert all(text[one.start : one.start + len(one.text)] == one.text for one in passages)
    # What is between the passages is white space, and nothing overlaps.
    rest, at = [], 0
    for one in passages:
        assert one.start >= at
        rest.append(text[at : one.start])
        at = one.start + len(one.text)
    rest.append(text[at:])
    assert not "".join(rest).strip()


@given(st.text(alphabet="ab.\n ", min_size=PASSAGE_CHARS, max_size=6 * PASSAGE_CHARS))
def test_the_number_of_passages_stays_in_proportion(text: str) -> None:
    assert len(split(text)) <= len(text) / (0.4 * PASSAGE_CHARS) + 1


@given(st.text(max_size=2_000))
def test_any_text_gives_few_distinct_lower_case_words(text: str) -> None:
    words = [term.word for term in query_terms(text)]
    assert len(words) <= MAX_TERMS
    assert len(set(words)) == len(words)
    assert all(word == word.lower() for word in words)


@given(
    st.text(max_size=300),
    st.lists(st.text(min_size=1, max_size=900), max_size=8),
    st.sampled_from(["no-model", "models-down"]),
    dates,
    st.booleans(),
)
def test_a_rescue_answer_always_explains_itself_and_keeps_quotations_apart(
    question: str, memories: list[str], reason: str, said_at: datetime, is_away: bool
) -> None:
    recalled = [
        Recalled(
            memory_id=UUID(int=number),
            text=text,
            said_at=said_at,
            speaker="user",
            conversation_id=None,
            turn_id=None,
            score=0.5,
            reason="",
        )
        for number, text in enumerate(memories)
    ]
    answer = answer_from_memory(question, recalled, reason, memory_is_away=is_away)
    assert "Models and providers" in answer
    assert "OPENAI_API_KEY" in answer
    outside = [line for line in answer.splitlines() if line and not line.startswith(">")]
    # The opening and the notice; all that was remembered is inside a quotation.
    assert len(outside) == 2


@given(st.text(max_size=300), dates)
def test_any_text_at_any_time_names_stretches_that_begin_before_they_end(
    text: str, at: datetime
) -> None:
    for span in times.spans(text, at):
        assert span.start < span.end
        assert span.words
        before = times.earlier(span, 1)
        assert before is None or before.start < before.end <= span.end
    for offset in times.offsets(text):
        assert offset.anchor


@given(
    st.sampled_from(["last", "this", "in"]),
    st.sampled_from(["spring", "summer", "autumn", "winter", "March", "December", "May"]),
    st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
)
def test_without_a_year_nothing_is_meant_that_has_not_begun(
    which: str, name: str, at: datetime
) -> None:
    (span,) = times.spans(f"What happened {which} {name}?", at.replace(tzinfo=UTC))
    assert span.start <= at.replace(tzinfo=UTC)
    assert (at.replace(tzinfo=UTC) - span.start).days <= 2 * 366


@given(st.text(max_size=500))
def test_any_text_has_few_distinct_names_in_lower_case(text: str) -> None:
    found = mentions(text)
    assert len(found) <= MAX_NAMES
    assert len(set(found)) == len(found)
    assert not set(names(without_names(text))) & set(names(text)) or text.upper() != text


@given(
    st.dictionaries(st.integers(0, 9), st.lists(st.sampled_from("abcde"), max_size=3), max_size=9),
    st.dictionaries(st.integers(0, 12), st.floats(0.1, 2), max_size=4),
)
def test_visits_are_shares(linked: dict[int, list[str]], seeds: dict[int, float]) -> None:
    found = walk.visits(seeds, linked, dict.fromkeys("abcd", 1.0))
    assert set(found) == set(linked)
    assert all(0 <= share <= 1 for share in found.values())
    assert sum(found.values()) <= 1 + 1e-6
    reached = {name for key in seeds for name in linked.get(key, ())}
    if not reached:
        assert all(found[key] == 0 for key in found if key not in seeds)
