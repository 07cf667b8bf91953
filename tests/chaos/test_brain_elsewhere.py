"""A product without memories of its own: its brain is another installation's, over HTTP.

Two databases. What people get is what they get from the brain inside; when the other one is away,
chat goes on, what was said waits, and is remembered once when it is back.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support import chaos
from tests.support.brain_service import BrainService, issued_token
from tests.support.chaos import Installation, ensure_running
from tests.support.models import remove_all
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, running

FACTS = (
    "My cat is called Miso and she is nine years old.",
    "My sister Johanna is married to Piet.",
    "Piet works at a shipyard in Rotterdam.",
    "I am allergic to walnuts.",
    "The alarm code of the workshop is 4711.",
)
# In other words, over two hops, by number.
QUESTIONS = (
    "What is the name of my pet?",
    "Where does the husband of my sister Johanna work?",
    "Which nuts must I not eat?",
    "What was it about 4711?",
)
CATCH_UP_S = 60


@dataclass(frozen=True)
class Apart:
    """The product, and the installation that remembers for it."""

    product: Installation
    brain: BrainService
    memory: Installation


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    with ExitStack() as undo:
        memory = undo.enter_context(chaos.installation())
        environ = {"SA01_VAR_DIR": str(memory.var_dir)}
        brain = undo.enter_context(running(BrainService(memory.var_dir, environ)))
        product = undo.enter_context(
            chaos.installation(
                SOMA_BRAIN_URL=brain.base, SOMA_BRAIN_KEY=issued_token(memory.var_dir)
            )
        )
        ensure_running(product.web)
        product.start_background()
        yield Apart(product, brain, memory)


def told_and_asked(place: Installation) -> list[tuple[str, list[str]]]:
    """Facts in one conversation, questions in others: (answer, what it rests on) of each."""
    ann = Client(place.web, "ann")
    first = ann.conversation()
    for fact in FACTS:
        ann.say(first, fact)
    place.eventually(lambda: has_settled(ann), "memory did not catch up", CATCH_UP_S)
    found = []
    for question in QUESTIONS:
        answer = ann.say(ann.conversation(), question)
        rests_on = [one["text"] for one in answer["turn"]["recalled"]]
        found.append((answer["message"]["text"], rests_on))
    return found


def has_settled(client: Client) -> bool:
    pending: dict[str, Any] = client.get("/memory/pending").json()
    return not any(pending[kind] for kind in ("waiting", "undelivered"))


def test_the_same_journey_gives_the_same_answers(
    apart: Apart, place: Installation, model: SimulatedProvider
) -> None:
    # Without a model the answer is what memory says, so there is nothing else to compare.
    remove_all(place.web)
    place.start_background()
    try:
        inside = told_and_asked(place)
    finally:
        place.forget_model()
    outside = told_and_asked(apart.product)
    assert outside == inside
    assert "Miso" in outside[0][1][0]
    assert any("Rotterdam" in text for text in outside[1][1])
    assert "walnuts" in outside[2][1][0]
    assert "4711" in outside[3][1][0]
    # Every word of it lies with the brain, none in the product's own tables.
    assert apart.product.number("select count(*) from memory_memory") == 0
    kept = {text for (text,) in apart.memory.rows("select text from memory_memory")}
    assert set(FACTS) <= kept


def test_correcting_and_forgetting_reach_the_brain(apart: Apart) -> None:
    bob = Client(apart.product.web, "bob")
    bob.say(bob.conversation(), "My car is a green Saab.")
    apart.product.eventually(
        lambda: bob.get("/memory/search", q="green Saab").json()["items"], "never remembered"
    )
    (saab,) = [
        one
        for one in bob.get("/memory/search", q="Which car?").json()["items"]
        if one["text"] == "My car is a green Saab."
    ]
    changed = bob.patch(f"/memory/{saab['memory_id']}", {"text": "My car is a red Volvo."})
    assert changed.status_code == 200, changed.text
    proof = bob.delete(f"/memory/{changed.json()['memory_id']}").json()
    assert proof["memories"] == 1
    assert not apart.memory.rows("select 1 from memory_memory where text ~ 'Volvo'")
    assert bob.get(f"/memory/{changed.json()['memory_id']}").status_code == 404


def test_while_the_brain_is_away_chat_goes_on_and_nothing_is_lost(apart: Apart) -> None:
    bob = Client(apart.product.web, "bob")
    apart.product.eventually(lambda: has_settled(bob), "not settled before", CATCH_UP_S)
    apart.brain.kill()
    conversation = bob.conversation()
    said = [f"Note {number}: the heron nests at pier {number}." for number in range(6)]
    for text in said:
        answer = bob.say(conversation, text)
        assert answer["turn"]["state"] == "done"
        assert "memory" in answer["turn"]["degraded"]
    apart.product.eventually(
        lambda: bob.get("/memory/pending").json()["undelivered"] >= len(said),
        "what waits is not counted",
    )
    apart.brain.start()
    apart.product.eventually(lambda: has_settled(bob), "it was never caught up with", 120)
    kept = [
        text
        for (text,) in apart.memory.rows(
            "select text from memory_memory where starts_with(text, 'Note ') order by id"
        )
    ]
    assert kept == said, "each once, in the order in which they were said"
    again = bob.say(bob.conversation(), "At which pier is note 4 about the heron?")
    assert "memory" not in again["turn"]["degraded"]
    assert any("pier 4" in one["text"] for one in again["turn"]["recalled"])
