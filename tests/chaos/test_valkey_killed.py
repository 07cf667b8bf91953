"""kill -9 of Valkey in the middle of answers; it comes back empty."""

import os
import signal
import time

import pytest

from tests.chaos.journals import Tab, metric
from tests.support.chaos import Installation
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client

pytestmark = pytest.mark.slow

STORY = "".join(f"word{number} " for number in range(250)).strip()
GAP_MS = 20
# A reader that waits longer than this between two frames sees the answer stand still.
STILL_S = 1.0


def test_a_stream_goes_on_while_valkey_is_away_and_after_it_came_back_empty(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    model.script(
        {"when": "story", "reply": STORY, "gap_ms": GAP_MS}, {"when": ".", "reply": "Yes."}
    )
    place.start_background()
    conversation, other = ann.conversation(), ann.conversation()
    with Tab(ann, conversation) as tab, Tab(ann, conversation, other) as second:
        turn = tab.say(conversation, "Tell me a story")["turn"]
        answer = tab.answers[turn]
        tab.until(lambda: answer.text.count(" ") > 20, "twenty words")
        second.until(lambda: second.answers.get(turn), "the second tab joined")
        place.valkey.kill()
        killed_at = time.monotonic()

        # A new message is accepted and answered meanwhile, in any tab.
        asked_at = time.monotonic()
        quick = second.say(other, "Are you there?")
        assert second.finish(quick["turn"], 30).text == "Yes."
        assert time.monotonic() - asked_at < 15
        assert ann.say(other, "And over HTTP?")["turn"]["state"] == "done"

        tab.until(lambda: answer.text.count(" ") > 100, "the stream goes on")
        place.valkey.start()
        back_at = time.monotonic()
        assert not answer.is_over
        assert tab.finish(turn).text == STORY
        assert second.finish(turn).text == STORY
        assert (answer.state, tab.wrong, second.wrong) == ("done", [], [])
        # One connection each: nobody had to reload.
        assert (tab.connections, second.connections) == (1, 1)
        assert tab.longest_pause_s(turn) < STILL_S
        times = [one.at for one in tab.frames_of(turn)]
        assert times[0] < killed_at < back_at < times[-1]

        # Wake-ups work again: a tab that only watches is told of a message sent elsewhere.
        later = Client(place.web, "ann")
        place.eventually(lambda: _is_listening(place), "nobody subscribed again")
        sent = later.say(conversation, "Still there?")
        assert second.finish(sent["turn"]["id"], 20).text == "Yes."
        # What the watcher may have missed, it was told to fetch.
        assert any(one.kind == "conversation.changed" for one in second.seen)

    assert ann.messages(conversation)[1]["text"] == STORY
    place.eventually(
        lambda: place.number("select count(*) from memory_memory where speaker = 'user'") == 4,
        "not everything was remembered after Valkey came back",
    )
    place.eventually(
        lambda: place.number("select count(*) from kernel_outboxevent") == 0, "outbox not drained"
    )
    assert place.rows("select distinct state from chat_turn") == [("done",)]


def test_a_reader_of_another_process_gets_over_the_loss_of_the_stream(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    model.script({"when": ".", "reply": STORY, "gap_ms": 2 * GAP_MS})
    conversation = ann.conversation()
    second = place.another_web().start()
    try:
        with Tab(ann) as tab, Tab(Client(second, "ann"), conversation) as remote:
            turn = tab.say(conversation, "Tell me a story")["turn"]
            remote.until(
                lambda: remote.answers.get(turn) and remote.answers[turn].text.count(" ") > 30,
                "thirty words over the other process",
            )
            place.valkey.kill()
            tab.until(lambda: tab.answers[turn].text.count(" ") > 80, "eighty words")
            place.valkey.start()
            assert remote.finish(turn).text == STORY
            assert remote.wrong == []
            assert tab.finish(turn).text == STORY
    finally:
        second.stop()


def test_a_valkey_that_hangs_holds_no_stream_up(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    """Stopped, not dead: connections are open and never answer."""
    model.script({"when": ".", "reply": STORY, "gap_ms": GAP_MS})
    conversation = ann.conversation()
    with Tab(ann, conversation) as tab:
        turn = tab.say(conversation, "Tell me a story")["turn"]
        tab.until(lambda: tab.answers[turn].text.count(" ") > 20, "twenty words")
        os.kill(place.valkey.pid, signal.SIGSTOP)
        try:
            tab.until(lambda: tab.answers[turn].text.count(" ") > 200, "two hundred words")
            assert tab.longest_pause_s(turn) < STILL_S
        finally:
            os.kill(place.valkey.pid, signal.SIGCONT)
        assert tab.finish(turn).text == STORY
    assert metric(place.web, "soma_stream_unsynced_batches_total") > 0


def test_without_valkey_a_person_can_sign_in_and_chat(
    place: Installation, model: SimulatedProvider
) -> None:
    model.script({"when": ".", "reply": "Yes."})
    place.valkey.kill()
    try:
        ann = Client(place.web, "ann")
        conversation = ann.conversation()
        with Tab(ann, conversation) as tab:
            turn = tab.say(conversation, "Are you there?")["turn"]
            assert tab.finish(turn).text == "Yes."
            turns = [
                tab.finish(tab.say(conversation, f"Number {number}")["turn"]) for number in range(3)
            ]
            assert {one.state for one in turns} == {"done"}
        assert len(ann.messages(conversation)) == 8
    finally:
        place.valkey.start()


def _is_listening(place: Installation) -> bool:
    """Whether the web process has its subscriptions back."""
    return bool(place.cache().pubsub_channels("soma:bus:conversation:*"))
