"""Fusion of both searches, and what is never quoted."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from memory.ports import Recalled
from memory.recall import COSINE_FLOOR, QUESTION_WEIGHT, Candidate, Corpus, fuse
from memory.terms import Term

DAY = datetime(2026, 3, 3, 12, tzinfo=UTC)
TERMS = (Term("name"), Term("cat"))
CORPUS = Corpus(100, (3, 3))


def candidate(number: int, text: str = "", **values: object) -> Candidate:
    given = {
        "said_at": DAY,
        "speaker": "user",
        "conversation_id": None,
        "turn_id": None,
        "matched": frozenset(),
        "density": 0.0,
        "cosine": None,
    } | values
    return Candidate(memory_id=UUID(int=number), text=text or f"Fact {number}.", **given)


def found(*items: Candidate, question: str = "What is the name of my cat?", limit: int = 10):
    return fuse(question, TERMS, CORPUS, items, limit)


def numbers(items: tuple[Recalled, ...]) -> list[int]:
    return [item.memory_id.int for item in items]


def test_first_in_both_lists_beats_first_in_one() -> None:
    both = candidate(1, matched=frozenset({0, 1}), cosine=0.7)
    near = candidate(2, cosine=0.6)
    worded = candidate(3, matched=frozenset({0}), cosine=0.35)
    result = found(near, worded, both)
    assert numbers(result)[0] == 1
    assert result[0].score == 1.0
    assert result[0].parts.lexical_rank == 1
    assert result[0].parts.dense_rank == 1


def test_a_paraphrase_without_a_shared_word_is_found() -> None:
    assert numbers(found(candidate(1, cosine=0.5))) == [1]


def test_what_bears_on_nothing_is_not_quoted() -> None:
    assert found(candidate(1, cosine=COSINE_FLOOR - 0.01), candidate(2, cosine=0.0)) == ()


def test_words_shared_by_chance_are_not_evidence() -> None:
    chance = candidate(1, matched=frozenset({0, 1}), cosine=0.05)
    assert found(chance) == ()


def test_words_alone_are_enough_before_there_is_an_embedding() -> None:
    fresh = candidate(1, matched=frozenset({1}), cosine=None)
    assert numbers(found(fresh)) == [1]
    assert found(candidate(2, matched=frozenset(), cosine=None)) == ()


def test_a_common_word_weighs_less_than_a_rare_one() -> None:
    corpus = Corpus(100, (90, 1))
    common = candidate(1, matched=frozenset({0}))
    rare = candidate(2, matched=frozenset({1}))
    assert numbers(fuse("q", TERMS, corpus, [common, rare], 5)) == [2]


def test_the_question_itself_asked_before_is_no_answer() -> None:
    echo = candidate(1, "what is the NAME of my cat", matched=frozenset({0, 1}), cosine=0.99)
    fact = candidate(2, "My cat is called Miso.", matched=frozenset({1}), cosine=0.6)
    assert numbers(found(echo, fact)) == [2]


def test_a_question_ranks_behind_a_statement() -> None:
    asked = candidate(1, "Do you like my cat?", matched=frozenset({1}), cosine=0.62)
    said = candidate(2, "My cat is called Miso.", matched=frozenset({1}), cosine=0.6)
    result = found(asked, said)
    assert numbers(result) == [2, 1]
    assert result[1].score <= QUESTION_WEIGHT


def test_a_text_that_was_said_twice_is_quoted_once_with_the_newer_date() -> None:
    old = candidate(1, "My cat is Miso.", cosine=0.6, said_at=DAY - timedelta(days=9))
    new = candidate(2, "my cat is MISO", cosine=0.6)
    assert numbers(found(old, new)) == [2]


def test_the_newer_of_two_near_equals_comes_first() -> None:
    old = candidate(1, "I live in Lisbon.", cosine=0.52, said_at=DAY - timedelta(days=300))
    new = candidate(2, "I live in Porto now.", cosine=0.51)
    assert numbers(found(old, new)) == [2, 1]


@pytest.mark.parametrize("limit", [1, 3])
def test_never_more_than_the_limit(limit: int) -> None:
    items = [candidate(number, cosine=0.4 + number / 100) for number in range(1, 8)]
    assert len(found(*items, limit=limit)) == limit


def test_the_reason_names_the_shared_words_and_the_closeness() -> None:
    one = found(candidate(1, matched=frozenset({0, 1}), cosine=0.62))[0]
    assert one.reason == "shares the words name, cat and is close in meaning (0.62)"


def test_no_candidates_and_no_terms_give_nothing() -> None:
    assert fuse("??", (), Corpus(0, ()), [], 5) == ()
