"""Cutting a message into passages loses nothing."""

import pytest

from memory.passages import PASSAGE_CHARS, split


def test_a_short_message_is_one_passage() -> None:
    passages = split("My cat is called Miso.")
    assert [(one.text, one.start) for one in passages] == [("My cat is called Miso.", 0)]


@pytest.mark.parametrize("text", ["", "   ", "\n\n\t"])
def test_white_space_is_no_passage(text: str) -> None:
    assert split(text) == ()


def test_a_reply_of_200_000_characters_is_kept_whole() -> None:
    text = "".join(f"Sentence number {number} of a very long answer. " for number in range(4_800))
    assert len(text) > 200_000
    passages = split(text)
    assert "".join(one.text for one in passages) == text
    assert all(len(one.text) <= PASSAGE_CHARS for one in passages)
    assert all(text[one.start :].startswith(one.text) for one in passages)


def test_cuts_fall_between_paragraphs_when_there_are_any() -> None:
    paragraph = "word " * 120
    passages = split(f"{paragraph}\n\n{paragraph}\n\n{paragraph}")
    assert [one.text.strip() for one in passages] == [paragraph.strip()] * 3


def test_text_without_any_place_to_cut_is_cut_anyway() -> None:
    passages = split("x" * 2_500)
    assert [len(one.text) for one in passages] == [1_000, 1_000, 500]
