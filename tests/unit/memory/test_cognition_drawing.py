"""Which facts the rules draw, and from what they draw nothing."""

import pytest

from memory.cognition.drawing import drawn


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ("I live in Lisbon.", "I live in Lisbon."),
        ("By the way, I just moved to Porto last week.", "I live in Porto."),
        ("I'm now living in New York City and it is loud.", "I live in New York City."),
        ("Hello! My cat is called Miso.", "My cat is called Miso."),
        ("My sister's name is Ida.", "My sister is called Ida."),
        ("my older brother lives in Oslo now", "My older brother lives in Oslo."),
        ("I work at Acme Corp as a designer", "I work at Acme Corp as a designer."),
        ("I'm allergic to peanuts!", "I am allergic to peanuts."),
        ("I really love hiking in the rain.", "I like hiking in the rain."),
        ("My favourite colour is green.", "My favourite colour is green."),
        ("Anna's birthday is 3 May.", "Anna's birthday is 3 May."),
        ("We live in Oslo, near the fjord.", "I live in Oslo."),
        ("I'm 34 years old now.", "I am 34 years old."),
        ("My neighbour is Mr Havel, he tunes organs.", "My neighbour is called Mr Havel."),
        ("My new phone number is 0170 123.", "My new phone number is 0170 123."),
        ("My birthday is on 4 June 1990, so plan ahead.", "My birthday is on 4 June 1990."),
    ],
)  # fmt: skip
def test_a_plain_statement_gives_its_fact(said: str, fact: str) -> None:
    assert [one.text for one in drawn(said)] == [fact]


@pytest.mark.parametrize(
    "said",
    [
        "Do I live in Lisbon?",
        "I don't live in Lisbon.",
        "If I lived here I would say I live in Lisbon.",
        "I want to say I like mornings.",
        "I used to work at Acme.",
        "She said my nephew likes cars",
        "My boss is nice.",
        "I love it. I like that, too.",
        "I'm 5 minutes late.",
        "We moved to Kotlin last year.",
        "",
        "x" * 20_000,
        "I like " + "very " * 40 + "long things",
        "\x00\ud800",
    ],
)
def test_nothing_certain_gives_no_fact(said: str) -> None:
    assert drawn(said) == ()


def test_a_newer_fact_shares_the_slot_of_the_older_and_likes_stand_side_by_side() -> None:
    (lisbon,) = drawn("I live in Lisbon.")
    (porto,) = drawn("I moved to Porto.")
    assert lisbon.slot == porto.slot
    assert lisbon.key != porto.key
    tea, coffee = drawn("I like tea. I love coffee!")
    assert tea.slot != coffee.slot


def test_the_same_fact_said_differently_has_the_same_key() -> None:
    assert {
        one.key for text in ("I live in Porto.", "I moved to porto!") for one in drawn(text)
    } == {drawn("I'm living in Porto")[0].key}


def test_in_a_transcript_everybody_has_facts_of_their_own() -> None:
    (nadia,) = drawn("Nadia: I moved to Brno last week. And you?")
    (tomas,) = drawn("Tomas: I live in Olomouc.")
    assert nadia.text == "Nadia: I live in Brno."
    assert nadia.slot != tomas.slot
    assert nadia.slot == drawn("Nadia: I live in Prague.")[0].slot
