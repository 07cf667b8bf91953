"""Recall says which of several statements is current: by links, and by the facts drawn in sleep."""

from datetime import UTC, datetime, timedelta

import pytest

from kernel.ids import uuid7
from memory.brain_embedded import EmbeddedBrain
from memory.embedding.minilm import Embedder
from memory.ports import Link, MemoryItem, MemoryScope, Recalled, RecallQuery
from memory.values import SleepRequest

START = datetime(2026, 1, 1, tzinfo=UTC)
MARK = "a newer memory replaces it"


@pytest.fixture
def brain(database: None) -> EmbeddedBrain:
    embedder = Embedder()
    embedder.warm_up()
    return EmbeddedBrain(embedder, lambda: None)


def told(brain: EmbeddedBrain, *texts: str) -> tuple[MemoryScope, list[object]]:
    """Say these things, a month apart."""
    scope = MemoryScope(uuid7(), uuid7(), uuid7())
    kept = [
        brain.remember(
            scope,
            MemoryItem(text, "user", START + timedelta(days=30 * n), f"{scope.user_id}:{n}"),
        ).memory_id
        for n, text in enumerate(texts)
    ]
    brain.settle()
    return scope, kept


def asked(brain: EmbeddedBrain, scope: MemoryScope, question: str) -> tuple[Recalled, ...]:
    return brain.recall(scope, RecallQuery(question, limit=10, timeout_s=10))


def test_a_correction_in_other_words_comes_before_what_it_corrects(brain: EmbeddedBrain) -> None:
    scope, (old, new, other) = told(
        brain,
        "The dinner with the Okafors is on Friday at seven.",
        "Moved to the twelfth, she has the flu.",
        "The dinner table came back from the joiner.",
    )
    brain.link(scope, Link(new, old, "supersedes"))
    found = asked(brain, scope, "When is the dinner with the Okafors?")
    assert found[0].memory_id == new
    assert {one.memory_id for one in found} == {new, old, other}
    (marked,) = [one for one in found if one.memory_id == old]
    assert marked.reason.endswith(MARK)
    assert not found[0].reason.endswith(MARK)


def test_of_facts_drawn_in_sleep_the_newer_is_current_and_its_source_too(
    brain: EmbeddedBrain,
) -> None:
    scope, (lisbon, porto) = told(
        brain, "I live in Lisbon.", "By the way, I just moved to Porto last week."
    )
    brain.sleep(scope, SleepRequest(depth="deep"))
    while brain.sleep_a_while():
        pass
    brain.settle()
    found = asked(brain, scope, "Where do I live?")
    marked = {one.text for one in found if one.reason.endswith(MARK)}
    assert marked == {"I live in Lisbon."}
    assert found[0].text in {"I live in Porto.", "By the way, I just moved to Porto last week."}
    by_id = {one.memory_id: one for one in found}
    assert not by_id[porto].reason.endswith(MARK)
    assert lisbon not in by_id or by_id[lisbon].reason.endswith(MARK)
