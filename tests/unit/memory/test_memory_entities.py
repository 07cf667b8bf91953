"""Names, by which passages hang together."""

import pytest

from memory.entities import mentions, names, voice, without_names
from memory.walk import visits


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("She bakes at the Golden Crumb with Irena's friend.", ("golden", "crumb", "irena")),
        ("Nadia: I restored a Bösendorfer in Kutna Hora.", ("bösendorfer", "kutna", "hora")),
        ("Freja Holm called.", ("holm", "freja")),
        ("Moving day was chaos. Then it rained in March on Monday.", ()),
        ("WE ARE ALL SHOUTING", ()),
        ("我叫李雷。", ()),
        ("", ()),
    ],
)
def test_capitals_inside_a_sentence_are_names(text: str, found: tuple[str, ...]) -> None:
    assert names(text) == found


def test_the_beginning_of_a_sentence_may_be_a_name() -> None:
    assert mentions("Goran proposed to Irena.") == ("irena", "goran")


def test_a_transcript_says_who_speaks() -> None:
    assert voice("Nadia: hello") == "nadia"
    assert voice("Mr Havel: hello") == "mr havel"
    assert voice("note: hello") is None
    assert voice("We met at 10:30.") is None


def test_a_question_without_its_names_keeps_what_is_asked() -> None:
    assert without_names("What is Radek's telephone number?").split() == [
        "What",
        "is",
        "telephone",
        "number?",
    ]


def test_a_walk_reaches_over_two_names_and_stays_where_it_began() -> None:
    linked = {"wedding": ["bisi", "dele"], "tutor": ["dele"], "radio": ["ibadan"], "dog": ["rex"]}
    linked["radio"].append("tutoring")
    linked["tutor"].append("ibadan")
    found = visits({"wedding": 1.0}, linked, dict.fromkeys(("dele", "ibadan", "rex"), 1.0))
    assert found["tutor"] > found["radio"] > found["dog"] == 0
    assert found["wedding"] > 0.15
