"""PostgreSQL stopped and started in the middle of answers."""

import time
import uuid

import pytest

from tests.chaos.journals import Tab, http_problem
from tests.support.chaos import LEASE_S, Installation
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client

pytestmark = pytest.mark.slow

STORY = "".join(f"word{number} " for number in range(250)).strip()
GAP_MS = 20
STILL_S = 1.0


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_stream_goes_on_over_a_restart_and_what_was_sent_meanwhile_is_not_doubled(
    place: Installation, model: SimulatedProvider, ann: Client, how: str
) -> None:
    model.script(
        {"when": "story", "reply": STORY, "gap_ms": GAP_MS}, {"when": ".", "reply": "Yes."}
    )
    place.start_background()
    conversation, other = ann.conversation(), ann.conversation()
    with Tab(ann, conversation) as tab, Tab(ann) as second:
        turn = tab.say(conversation, "Tell me a story")["turn"]
        answer = tab.answers[turn]
        tab.until(lambda: answer.text.count(" ") > 20, "twenty words")
        if how == "killed":
            place.postgres.kill()
        else:
            place.postgres.stop()
        stopped_at = time.monotonic()

        # Over HTTP: a problem in words, with the time to wait.
        key = str(uuid.uuid4())
        message = {"conversation_id": other, "content": "Are you there?", "client_key": key}
        for method, path, body in (
            ("POST", "/chat/messages", message),
            ("GET", f"/chat/messages/{conversation}", None),
            ("GET", "/chat/conversations", None),
        ):
            problem = http_problem(ann, method, path, body)
            assert (problem["status"], problem["code"]) == (503, "database-away"), path
            assert problem["title"] == "The database cannot be reached"
            assert "try again" in problem["detail"].lower()
            assert problem["retry_after"] > 0
        # Over the socket: the same problem, to the frame that asked.
        second.send("chat.message", **message)
        second.until(lambda: second.problems, "an error frame", 10)
        assert second.problems[0]["code"] == "database-away"
        assert second.problems[0]["status"] == 503
        assert "Send again" in second.problems[0]["detail"]
        assert second.seen[-1].payload["ref"] is not None

        tab.until(lambda: answer.text.count(" ") > 100, "the stream goes on")
        place.postgres.start()
        back_at = time.monotonic()
        # The same keys again, over both ways: one turn.
        accepted = second.say(other, "Are you there?", key)
        assert ann.say(other, "Are you there?", key)["turn"]["id"] == accepted["turn"]
        assert second.finish(accepted["turn"]).text == "Yes."

        assert tab.finish(turn).text == STORY
        assert (answer.state, answer.error, tab.wrong, tab.connections) == ("done", None, [], 1)
        assert tab.longest_pause_s(turn) < STILL_S
        times = [one.at for one in tab.frames_of(turn)]
        assert times[0] < stopped_at < back_at < times[-1]
    assert [one["text"] for one in ann.messages(conversation)] == ["Tell me a story", STORY]
    assert [one["text"] for one in ann.messages(other)] == ["Are you there?", "Yes."]
    assert place.rows("select distinct state from chat_turn") == [("done",)]
    place.eventually(
        lambda: place.number("select count(*) from memory_memory where speaker = 'user'") == 2,
        "not everything was remembered",
    )
    place.eventually(
        lambda: place.number("select count(*) from kernel_outboxevent") == 0, "outbox not drained"
    )


def test_an_answer_that_ends_during_a_long_outage_is_closed_as_done_afterwards(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    """Longer than the lease: the reaper must not take a turn from a runner that is alive."""
    reply = " ".join(f"word{number}" for number in range(60))
    model.script({"when": "story", "reply": reply, "gap_ms": GAP_MS})
    place.start_background()
    conversation = ann.conversation()
    with Tab(ann, conversation) as tab:
        turn = tab.say(conversation, "Tell me a story")["turn"]
        answer = tab.answers[turn]
        tab.until(lambda: answer.text.count(" ") > 20, "twenty words")
        place.postgres.stop()
        stopped_at = time.monotonic()
        tab.until(lambda: answer.text == reply, "the whole text")
        assert not answer.is_over
        tab.until(lambda: time.monotonic() - stopped_at > LEASE_S + 1, "the lease ran out")
        place.postgres.start()
        assert tab.finish(turn, 20).state == "done"
        assert (answer.text, tab.wrong) == (reply, [])
    assert ann.messages(conversation)[-1]["turn_state"] == "done"
    assert ann.messages(conversation)[-1]["text"] == reply
    assert place.rows("select role from chat_message order by seq") == [("user",), ("assistant",)]


def test_a_turn_that_outlives_a_long_outage_goes_on(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    reply = " ".join(f"word{number}" for number in range(450))
    model.script({"when": "story", "reply": reply, "gap_ms": GAP_MS})
    place.start_background()
    conversation = ann.conversation()
    with Tab(ann, conversation) as tab:
        turn = tab.say(conversation, "Tell me a story")["turn"]
        tab.until(lambda: tab.answers[turn].text.count(" ") > 20, "twenty words")
        place.postgres.stop()
        stopped_at = time.monotonic()
        tab.until(lambda: time.monotonic() - stopped_at > LEASE_S + 1, "the lease ran out")
        place.postgres.start()
        answer = tab.finish(turn, 30)
        assert (answer.state, answer.text, tab.wrong) == ("done", reply, [])
    assert ann.messages(conversation)[-1]["text"] == reply


def test_a_turn_that_began_as_the_database_went_waits_for_it(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    """Accepted is a promise: between the commit and the first word nothing may be given up."""
    model.script({"when": ".", "reply": "Yes.", "ttft_ms": 200})
    conversations = [ann.conversation() for _ in range(6)]
    with Tab(ann) as tab:
        keys = [str(uuid.uuid4()) for _ in conversations]
        for conversation, key in zip(conversations, keys, strict=True):
            tab.send("chat.message", conversation_id=conversation, content="There?", client_key=key)
        tab.until(lambda: len(tab.accepted) >= 3, "three are accepted")
        place.postgres.stop()
        place.postgres.start()
        for conversation, key in zip(conversations, keys, strict=True):
            answer = tab.finish(tab.say(conversation, "There?", key)["turn"])
            assert (answer.state, answer.text) == ("done", "Yes.")
    for conversation in conversations:
        assert [one["text"] for one in ann.messages(conversation)] == ["There?", "Yes."]


def test_a_tab_opened_during_the_outage_is_told_and_connects_when_it_is_over(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    model.script({"when": ".", "reply": "Yes."})
    conversation = ann.conversation()
    place.postgres.stop()
    try:
        with ann.socket() as opened, pytest.raises(Exception, match="4000"):
            opened.receive(5)
    finally:
        place.postgres.start()
    with Tab(ann, conversation) as tab:
        assert tab.finish(tab.say(conversation, "There?")["turn"]).text == "Yes."
