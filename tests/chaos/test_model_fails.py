"""A model that stalls, vanishes or breaks off: every turn ends, and says why."""

import time
from collections.abc import Iterator

import pytest

from tests.chaos.journals import Tab
from tests.support.chaos import Installation, model_of
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web

pytestmark = pytest.mark.slow

STORY = "".join(f"word{number} " for number in range(100)).strip()
IDLE_S, FIRST_TOKEN_S = 2, 3


@pytest.fixture
def web(place: Installation) -> Iterator[Web]:
    """A web process with little patience for models."""
    impatient = place.another_web(
        SA01_MODEL_IDLE_S=str(IDLE_S), SA01_MODEL_FIRST_TOKEN_S=str(FIRST_TOKEN_S)
    )
    impatient.start()
    try:
        yield impatient
    finally:
        impatient.stop()


@pytest.fixture
def ann(web: Web) -> Client:
    return Client(web, "ann")


def test_a_model_that_fails_ends_the_turn_with_a_reason_and_the_next_one_works(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    model.script(
        {"when": "stall", "reply": STORY, "gap_ms": 5, "fail": "stall", "after": 30},
        {"when": "cut", "reply": STORY, "gap_ms": 5, "fail": "cut", "after": 30},
        {"when": "half", "reply": STORY, "gap_ms": 5, "fail": "half-json", "after": 30},
        {"when": "silent", "fail": "hang-first"},
        {"when": "deaf", "fail": "hang"},
        {"when": "reset", "fail": "reset"},
        {"when": ".", "reply": "Well again."},
    )
    conversation = ann.conversation()
    with Tab(ann, conversation) as tab:
        # In the middle: the text so far is kept.
        for how, code, within_s in (
            ("stall", "model-timeout", IDLE_S + 3),
            ("cut", "model-stream-cut", 3),
            ("half", "model-bad-response", 3),
        ):
            asked_at = time.monotonic()
            turn = tab.say(conversation, how)["turn"]
            answer = tab.finish(turn, within_s)
            assert time.monotonic() - asked_at < within_s
            assert answer.state == "failed", how
            assert answer.error is not None
            assert answer.error["code"] in (code, "model-stream-cut"), answer.error
            assert answer.error["title"]
            assert answer.error["detail"]
            assert answer.text != ""
            assert STORY.startswith(answer.text), how
            kept = ann.messages(conversation)[-1]
            assert (kept["text"], kept["turn_state"]) == (answer.text, "failed")
            assert kept["error"]["code"] == answer.error["code"]
            _recover(tab, conversation)
        # Before the first word: memory answers, and says that the model is away.
        for how in ("silent", "deaf", "reset"):
            asked_at = time.monotonic()
            turn = tab.say(conversation, how)["turn"]
            answer = tab.finish(turn, FIRST_TOKEN_S + 5)
            assert answer.state == "done", how
            assert "models-down" in answer.degraded
            assert answer.error is not None
            assert answer.error["code"].startswith("model-")
            assert "unreachable" in answer.text
            _recover(tab, conversation)
        assert tab.wrong == []
    assert place.number("select count(*) from chat_turn where state = 'open'") == 0
    model.wait_until(lambda provider: provider.stats()["open_streams"] == 0)


def test_a_provider_that_is_gone_before_the_first_word_is_said_and_found_again(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    conversation = ann.conversation()
    with Tab(ann, conversation) as tab:
        model.script({"when": ".", "reply": "Too late.", "ttft_ms": 60_000})
        turn = tab.say(conversation, "Are you there?")["turn"]
        model.wait_until(lambda provider: provider.stats()["open_streams"] == 1)
        model.process.kill()
        answer = tab.finish(turn, 15)
        assert answer.state == "done"
        assert "models-down" in answer.degraded
        assert answer.error is not None
        assert answer.error["code"] in ("model-unreachable", "model-server-error")
        # Somebody who asks while it is gone is told the same at once.
        asked_at = time.monotonic()
        answer = tab.finish(tab.say(conversation, "And now?")["turn"], 15)
        assert "models-down" in answer.degraded
        assert time.monotonic() - asked_at < 15
        with model_of(place) as back:
            back.script({"when": ".", "reply": "Here I am."})
            place.eventually(
                lambda: tab.finish(tab.say(conversation, "Back?")["turn"]).text == "Here I am.",
                "the provider was never asked again",
                60,
            )
    assert place.number("select count(*) from chat_turn where state = 'open'") == 0


def _recover(tab: Tab, conversation: str) -> None:
    """The next message is answered, once the breaker lets it through."""
    answer = tab.finish(tab.say(conversation, "well?")["turn"])
    assert answer.text == "Well again."
