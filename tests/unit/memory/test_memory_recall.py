"""Fusion of both searches, and what is never quoted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from memory.entities import mentions, names
from memory.ports import Recalled
from memory.recall import COSINE_FLOOR, Asked, Candidate, Corpus, certainty, fuse
from memory.terms import Term, query_terms

DAY = datetime(2026, 3, 3, 12, tzinfo=UTC)
NOW = DAY + timedelta(days=30)
TERMS = (Term("name"), Term("cat"))
CORPUS = Corpus(100, (3, 3))


def candidate(number: int, text: str = "", **values: object) -> Candidate:
    given = {
        "said_at": DAY,
        "speaker": "user",
        "conversation_id": None,
        "turn_id": None,
        "matched": frozenset(),
        "cosine": None,
    } | values
    said = text or f"fact {number}."
    return Candidate(memory_id=UUID(int=number), text=said, **({"names": mentions(said)} | given))


def found(*items: Candidate, question: str = "What is the name of my cat?", limit: int = 10):
    return fuse(Asked(question, TERMS, NOW, names=names(question)), CORPUS, items, limit)


def numbers(items: tuple[Recalled, ...]) -> list[int]:
    return [item.memory_id.int for item in items]


def test_first_in_both_lists_beats_first_in_one() -> None:
    both = candidate(1, matched=frozenset({0, 1}), cosine=0.7)
    near = candidate(2, cosine=0.6)
    worded = candidate(3, matched=frozenset({0}), cosine=0.35)
    result = found(near, worded, both)
    assert numbers(result)[0] == 1
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
    assert numbers(fuse(Asked("q", TERMS, NOW), corpus, [common, rare], 5)) == [2]


def test_the_question_itself_asked_before_is_no_answer() -> None:
    echo = candidate(1, "what is the NAME of my cat", matched=frozenset({0, 1}), cosine=0.99)
    fact = candidate(2, "My cat is called Miso.", matched=frozenset({1}), cosine=0.6)
    assert numbers(found(echo, fact)) == [2]


def test_a_statement_is_found_by_its_own_words() -> None:
    said = candidate(1, "My cat is called Miso.", matched=frozenset({0, 1}), cosine=0.99)
    asked = Asked("My cat is called Miso.", TERMS, NOW)
    assert numbers(fuse(asked, Corpus(2, (1, 1)), [said], 5)) == [1]


def test_a_question_ranks_behind_a_statement() -> None:
    asked = candidate(1, "Do you like my cat?", matched=frozenset({1}), cosine=0.62)
    said = candidate(2, "My cat is called Miso.", matched=frozenset({1}), cosine=0.6)
    result = found(asked, said)
    assert numbers(result) == [2, 1]
    assert result[1].score < result[0].score


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
    assert fuse(Asked("??", (), NOW), Corpus(0, ()), [], 5) == ()


CHAT = UUID(int=900)


def test_the_turn_beside_a_hit_comes_along() -> None:
    hit = candidate(1, "Guess what my cat did.", cosine=0.7, conversation_id=CHAT)
    answer = candidate(2, "She opened the fridge.", cosine=0.1, beside={UUID(int=1): 1})
    far = candidate(3, "It rained.", cosine=0.1)
    result = found(hit, answer, far)
    assert numbers(result) == [1, 2]
    assert result[1].parts.beside > 0
    assert result[1].reason == "was said beside a hit"


def test_a_turn_counts_more_where_its_conversation_matches_as_a_whole() -> None:
    company = [
        candidate(number, f"About cats, part {number}.", cosine=0.6, conversation_id=CHAT)
        for number in (10, 11, 12)
    ]
    inside = candidate(1, "He is called Miso.", cosine=0.4, conversation_id=CHAT)
    outside = candidate(2, "He is called Bruno.", cosine=0.4, conversation_id=UUID(int=901))
    order = numbers(found(inside, outside, *company))
    assert order.index(1) < order.index(2)


def test_the_person_asked_about_comes_before_another_with_the_same_story() -> None:
    nadia = candidate(1, "Nadia: I bought a piano.", cosine=0.5)
    tomas = candidate(2, "Tomas: I bought a piano too.", cosine=0.5)
    result = found(tomas, nadia, question="Which instrument did Nadia buy?")
    assert numbers(result) == [1, 2]
    assert [one.parts.person for one in result] == [1, 0]


def test_what_belongs_to_the_time_asked_about_comes_first() -> None:
    asked = Asked.of("What did we plan in January?", NOW)
    then = candidate(1, "A trip.", cosine=0.35, said_at=datetime(2026, 1, 9, tzinfo=UTC))
    told_later = candidate(2, "In January we planned a fair.", cosine=0.4)
    other = candidate(3, "A dinner.", cosine=0.45)
    result = fuse(asked, Corpus(3, (0,) * len(asked.terms)), [other, then, told_later], 3)
    assert set(numbers(result)[:2]) == {1, 2}
    assert "belongs to the time asked about (in January)" in result[0].reason


def test_the_latest_year_of_which_anything_is_known_is_meant() -> None:
    asked = Asked.of("What did we plan in January?", NOW)
    then = candidate(1, "A trip.", cosine=0.35, said_at=datetime(2024, 1, 9, tzinfo=UTC))
    before = candidate(2, "A feast.", cosine=0.35, said_at=datetime(2023, 1, 9, tzinfo=UTC))
    other = candidate(3, "A dinner.", cosine=0.45)
    result = fuse(asked, Corpus(3, (0,) * len(asked.terms)), [other, then, before], 3)
    assert numbers(result)[0] == 1
    assert [one.parts.time for one in result] == [1, 0, 0]


def test_names_lead_from_a_hit_to_what_was_said_of_them_elsewhere() -> None:
    hit = candidate(1, "Our photographer is the wife of Dele.", cosine=0.6)
    linked = candidate(2, "My tutor is Dele, he works for the radio.", cosine=0.2)
    stranger = candidate(3, "My dentist is Anna, she works in Leeds.", cosine=0.2)
    result = found(hit, linked, stranger, question="What does the husband of the photographer do?")
    assert numbers(result) == [1, 2]
    assert result[1].parts.links > 0


def test_a_question_about_the_present_is_answered_by_the_newest() -> None:
    old = candidate(1, "I live in Lisbon.", cosine=0.55, said_at=DAY - timedelta(days=300))
    new = candidate(2, "I have moved to Porto.", cosine=0.52)
    assert numbers(found(old, new, question="Where do I live now?")) == [2, 1]


def test_of_two_statements_in_nearly_the_same_words_the_newer_comes_first() -> None:
    old = candidate(1, "I live in the city of Lisbon.", cosine=0.62, said_at=DAY)
    new = candidate(
        2, "I live in the city of Porto.", cosine=0.57, said_at=DAY + timedelta(days=20)
    )
    assert numbers(found(old, new)) == [2, 1]
    near = candidate(3, "I live beside a mill in Porto.", cosine=0.57, said_at=DAY)
    assert numbers(found(old, near)) == [1, 3]


def test_what_was_replaced_ranks_behind_its_successor_and_says_so() -> None:
    new = candidate(1, "The tenancy is in Porto these days.", cosine=0.45)
    old = candidate(2, "I live in Lisbon.", cosine=0.8, superseded_by=UUID(int=1))
    result = found(old, new)
    assert numbers(result) == [1, 2]
    assert result[1].reason.endswith("a newer memory replaces it")
    assert "replaces" not in result[0].reason
    assert result[1].score <= result[0].score


def test_a_fact_that_was_stated_anew_is_marked_before_any_sleep() -> None:
    old = candidate(1, "By the way, I live in Lisbon, near the river.", cosine=0.7)
    new = candidate(
        2, "I just moved to Porto last week.", cosine=0.5, said_at=DAY + timedelta(days=9)
    )
    result = found(old, new)
    assert numbers(result) == [2, 1]
    assert result[1].reason.endswith("a newer memory replaces it")
    assert not result[0].reason.endswith("a newer memory replaces it")
    # What else was said there still holds, and somebody else's home is another matter.
    more = candidate(3, "I live in Lisbon. My cat is called Miso.", cosine=0.7)
    other = candidate(
        4, "Ada: I moved to Porto last week.", cosine=0.5, said_at=DAY + timedelta(days=9)
    )
    for pair in ((more, new), (old, other)):
        result = found(*pair)
        assert not any(one.reason.endswith("replaces it") for one in result)


def test_what_is_current_answers_in_the_place_of_what_it_replaces() -> None:
    old = candidate(1, "I live in Lisbon.", cosine=0.8, superseded_by=UUID(int=2))
    new = candidate(2, "The tenancy is in Porto these days.", cosine=0.05)
    other = candidate(3, "Lisbon was rainy when we lived there.", cosine=0.6)
    assert numbers(found(old, new, other)) == [2, 3, 1]


def test_what_was_replaced_is_still_found_alone() -> None:
    old = candidate(2, "I live in Lisbon.", cosine=0.8, superseded_by=UUID(int=77))
    assert numbers(found(old)) == [2]


def test_a_turn_that_tells_and_asks_ranks_before_one_that_only_asks() -> None:
    tells = candidate(1, "Nadia: My cat is Miso, she is nine. And yours?", cosine=0.5)
    asks = candidate(2, "Nadia: What is the name of your cat?", cosine=0.55)
    assert numbers(found(asks, tells)) == [1, 2]


def test_who_wants_answers_only_gets_no_company() -> None:
    answer = candidate(1, "My cat is called Miso.", cosine=0.75, about=0.75, conversation_id=CHAT)
    beside = candidate(2, "What a name!", cosine=0.1, conversation_id=CHAT, beside={UUID(int=1): 1})
    near = candidate(3, "Dogs are loud.", cosine=0.32, conversation_id=CHAT)
    asked = Asked("What is the name of my cat?", TERMS, NOW)
    assert numbers(fuse(asked, CORPUS, [answer, beside, near], 5))[0] == 1
    sure = fuse(replace(asked, only_if_sure=True), CORPUS, [answer, beside, near], 5)
    assert numbers(sure) == [1]


def test_in_a_large_memory_it_takes_more_to_be_sure() -> None:
    asked = Asked("What is the name of my cat?", TERMS, NOW, only_if_sure=True)
    item = candidate(1, "My cat is called Miso.", cosine=0.42, about=0.42)
    assert fuse(asked, Corpus(50, (3, 3)), [item], 5)
    assert fuse(asked, Corpus(5_000, (3, 3)), [item], 5) == ()


def test_of_two_that_are_as_near_the_one_that_tells_more_comes_first() -> None:
    idle = candidate(1, "Nadia: You and your cats.", cosine=0.52)
    tells = candidate(2, "Nadia: The grey kitten with one white paw is Callas.", cosine=0.5)
    assert numbers(found(idle, tells)) == [2, 1]
    short = candidate(3, "My cat is Miso.", cosine=0.7)
    assert numbers(found(idle, tells, short))[0] == 3


def test_in_a_large_memory_whoever_asked_judges_what_is_near() -> None:
    far = [candidate(number, cosine=0.2 + number / 100, about=0.0) for number in range(1, 8)]
    asked = Asked("What is the name of my cat?", TERMS, NOW)
    assert fuse(asked, Corpus(60, (3, 3)), far, 5) == ()
    assert fuse(asked, Corpus(2_000, (3, 3)), far, 5)


def test_near_repetitions_make_room_for_something_else() -> None:
    again = [
        candidate(number, f"My cat Miso sleeps on the sofa all day {word}", cosine=0.6)
        for number, word in enumerate(("long", "again", "today", "too"), 1)
    ]
    other = candidate(9, "Miso eats tuna.", cosine=0.5)
    assert 9 in numbers(found(*again, other, limit=2))


def test_what_is_only_near_is_kept_from_those_who_want_to_be_sure() -> None:
    items = [candidate(number, cosine=0.31, about=0.1) for number in range(1, 12)]
    asked = Asked("What is the name of my cat?", TERMS, NOW, only_if_sure=True)
    assert fuse(asked, CORPUS, items, 5) == ()
    sure = candidate(20, "My cat is Miso.", matched=frozenset({1}), cosine=0.75, about=0.75)
    assert numbers(fuse(asked, CORPUS, [*items, sure], 5))[0] == 20


def test_a_name_that_nobody_mentioned_makes_an_answer_less_likely() -> None:
    item = candidate(1, "My cat is Miso.", cosine=0.5, about=0.5)
    plain = Asked("What is the cat called?", TERMS, NOW)
    strange = Asked("What is Ludmila's cat called?", TERMS, NOW, names=("ludmila",))
    assert certainty(strange, CORPUS, [item]) < certainty(plain, CORPUS, [item])


def test_a_code_that_was_said_is_found_by_itself() -> None:
    code = "7f820321-0423-49aa-8a90-b53700ac77ec"
    asked = Asked.of(f"What was it about {code}?", datetime(2026, 3, 1, tzinfo=UTC))
    said = Candidate(
        memory_id=UUID(int=1),
        text=f"the pump and its valves, with every detail, ({code})",
        said_at=datetime(2026, 1, 1, tzinfo=UTC),
        speaker="user",
        conversation_id=None,
        turn_id=None,
        matched=frozenset({0}),
        cosine=0.21,
    )
    found = fuse(asked, Corpus(120, (1,)), [said], 6)
    assert [one.memory_id for one in found] == [said.memory_id]
    # A year or an hour is no such code: it stands beside whatever happened then.
    year = Asked.of("What in 2023?", asked.at)
    assert not fuse(year, Corpus(120, (1,)), [replace(said, cosine=0.12)], 6)


def test_what_little_is_known_of_somebody_is_worth_reading() -> None:
    question = "Which food must Rosa Jansen avoid?"
    known = candidate(
        1, "Rosa Jansen is allergic to peanuts.", matched=frozenset({1, 2}), cosine=0.32, about=0.1
    )
    asked = Asked(question, query_terms(question), NOW, names=names(question))
    corpus = Corpus(90, (9, 1, 1, 9))
    assert numbers(fuse(asked, corpus, [known], 5)) == [1]
    sure = replace(asked, only_if_sure=True)
    assert fuse(sure, corpus, [known], 5) == ()
    many = [replace(known, memory_id=UUID(int=n), text=f"Rosa Jansen {n}.") for n in range(2, 7)]
    assert fuse(asked, corpus, many, 5) == ()
