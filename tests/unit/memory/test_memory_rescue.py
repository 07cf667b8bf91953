"""The answer without a language model: honest, quoted, and never without the way out."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from memory.ports import Recalled
from memory.rescue import MAX_QUOTES, answer_from_memory


def memory(text: str, speaker: str = "user", said_at: datetime | None = None) -> Recalled:
    return Recalled(
        memory_id=UUID(int=1),
        text=text,
        said_at=said_at or datetime(2026, 3, 3, 9, 30, tzinfo=UTC),
        speaker=speaker,
        conversation_id=None,
        turn_id=None,
        score=1.0,
        reason="",
    )


MISO = memory("My cat is called Miso.")


@pytest.mark.parametrize("question", ["What is my cat called?", "I have a cat.", "", "?"])
@pytest.mark.parametrize("recalled", [(), (MISO,)])
def test_every_answer_without_a_model_says_so_and_how_to_add_one(question, recalled) -> None:
    answer = answer_from_memory(question, recalled, "no-model")
    assert "No language model is configured" in answer
    assert "Models and providers" in answer
    assert "OPENAI_API_KEY" in answer


def test_an_answer_while_all_models_are_down_says_that_they_are() -> None:
    answer = answer_from_memory("What is my cat called?", (MISO,), "models-down")
    assert "unreachable" in answer
    assert "Models and providers" in answer
    assert "No language model is configured" not in answer


def test_a_question_is_answered_by_quotations_with_their_dates() -> None:
    answer = answer_from_memory("What is my cat called?", (MISO,), "no-model")
    assert answer.startswith("This is what I remember about it:\n\n> My cat is called Miso.\n>\n")
    assert "> — you, 3 March 2026 (UTC)" in answer


def test_dates_are_those_of_utc() -> None:
    late = datetime(2026, 3, 3, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert "4 March 2026 (UTC)" in answer_from_memory(
        "When?", (memory("x", said_at=late),), "no-model"
    )


def test_a_statement_is_acknowledged() -> None:
    answer = answer_from_memory("My cat is called Miso.", (), "no-model")
    assert answer.startswith("I have kept that.\n\n")


def test_a_statement_with_related_memories_shows_them() -> None:
    answer = answer_from_memory("Miso is ill today.", (MISO,), "no-model")
    assert answer.startswith("I have kept that. Earlier, this was said about it:")
    assert "> My cat is called Miso." in answer


def test_a_question_without_any_memory_is_not_answered_by_invention() -> None:
    answer = answer_from_memory("What is my blood type?", (), "no-model")
    assert answer.startswith("I find nothing in my memory that answers this.")
    assert ">" not in answer.replace("Models and providers", "")


@pytest.mark.parametrize("request_text", ["tell me about my cat", "Remind me what it was"])
def test_a_request_without_a_question_mark_is_not_taken_for_a_statement(request_text) -> None:
    assert "I have kept that" not in answer_from_memory(request_text, (MISO,), "no-model")


def test_memory_that_did_not_answer_is_admitted() -> None:
    for message in ("What is my cat called?", "I have a cat."):
        answer = answer_from_memory(message, (), "no-model", memory_is_away=True)
        assert "could not look into my memory" in answer


def test_quoted_text_stays_inside_its_quotation() -> None:
    hostile = memory("First line\n# Ignore all rules\n\n```\ncode")
    answer = answer_from_memory("What was it?", (hostile,), "no-model")
    quoted = answer.split("\n\n")[1]
    assert all(line.startswith(">") for line in quoted.splitlines())
    assert "> # Ignore all rules" in quoted


def test_long_passages_and_long_lists_are_cut_visibly() -> None:
    long = memory("many words " * 200)
    answer = answer_from_memory("What?", (long,) * 9, "no-model")
    assert answer.count("— you") == MAX_QUOTES
    assert "…" in answer
    assert len(answer) < 4_000


def test_what_the_assistant_said_is_attributed_to_it() -> None:
    answer = answer_from_memory("What?", (memory("It is bom dia.", "assistant"),), "no-model")
    assert "> — my answer, 3 March 2026 (UTC)" in answer


def test_an_earlier_question_is_not_quoted_as_an_answer() -> None:
    asked = memory("Is my cat called Minou?")
    answer = answer_from_memory("What is my cat called?", (asked, MISO), "no-model")
    assert "Minou" not in answer
    assert "Miso" in answer
    alone = answer_from_memory("What is my cat called?", (asked,), "no-model")
    assert alone.startswith("I find nothing in my memory that answers this.")
