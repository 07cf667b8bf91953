"""Which words of a question full-text search looks for."""

import pytest

from memory.terms import MAX_TERMS, is_question, normalised, query_terms, telling_share


def words(text: str) -> list[str]:
    return [term.word for term in query_terms(text)]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the name of my cat?", ["name", "cat"]),
        ("Where does Maria's brother live?", ["maria", "brother", "live"]),
        ("Tell me what I said about the invoice 2291", ["invoice", "2291"]),
        ("who is it?", []),
        ("", []),
        ("   \n\t ", []),
        ("WHAT IS THE PLAN?", ["plan"]),
        ("db-17.eu-west at 22:40", ["db-17.eu-west", "22:40"]),
        ("Wie heißt meine Katze?", ["wie", "heißt", "meine", "katze"]),
        ("我的猫叫什么", ["我的猫叫什么"]),
    ],
)
def test_only_words_that_carry_the_question_are_kept(question: str, expected: list[str]) -> None:
    assert words(question) == expected


def test_a_name_that_looks_like_a_stop_word_is_kept_in_mid_sentence() -> None:
    assert words("When did Will call?") == ["will", "call"]
    assert words("Will it rain?") == ["rain"]


def test_numbers_and_names_that_look_like_stop_words_are_exact() -> None:
    exact = {term.word: term.exact for term in query_terms("Did Will pay invoice 2291 twice?")}
    assert exact == {"will": True, "pay": False, "invoice": False, "2291": True, "twice": False}


def test_a_long_text_keeps_numbers_and_the_longest_words_in_their_order() -> None:
    noise = " ".join(f"word{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")
    found = words(f"{noise} order 4711 extraordinarily long")
    assert len(found) == MAX_TERMS
    assert found.index("4711") < found.index("extraordinarily")


def test_a_word_never_counts_twice() -> None:
    assert words("paper paper Paper PAPER") == ["paper"]


def test_a_very_long_word_is_cut() -> None:
    assert words("x" * 10_000) == ["x" * 60]


@pytest.mark.parametrize("text", ["Really?", "So? ", '"Why?"', "**Where?**", "\u3069\u3053\uff1f"])
def test_a_text_that_ends_in_a_question_mark_is_a_question(text: str) -> None:
    assert is_question(text)


@pytest.mark.parametrize("text", ["Yes.", "Why? Because I like it.", ""])
def test_a_text_that_tells_something_is_no_question(text: str) -> None:
    assert not is_question(text)


def test_echoes_are_equal_once_normalised() -> None:
    assert normalised("What's my cat's  name?") == normalised("what's MY cat's name")


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("I moved to Porto.", 1, 1),
        ("Nadia: I moved to Porto. And you?", 0.6, 0.8),
        ("How are you? I moved.", 0.3, 0.6),
        ("Nadia: Where do you live?", 0, 0),
        ("Where do you live?!", 0, 0),
        ("???", 1, 1),
        ("", 1, 1),
    ],
)
def test_what_a_text_tells_is_what_it_does_not_ask(text: str, least: float, most: float) -> None:
    assert least <= telling_share(text) <= most
