"""kill -9 of the web process in the middle of answers."""

import signal
import time

import pytest

from tests.chaos.journals import Tab, http_problem
from tests.support.chaos import INTERRUPTED_WITHIN_S, Installation
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client

pytestmark = pytest.mark.slow

STORY = "".join(f"word{number} " for number in range(400)).strip()
# The heartbeat keeps a snapshot every second; Valkey has all but the last few dozen milliseconds.
SURE_AFTER_S = 1.0


def test_an_answer_whose_process_was_killed_is_interrupted_kept_and_continued(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    model.script({"when": "story", "reply": STORY, "gap_ms": 20})
    conversation = ann.conversation()
    with Tab(ann, conversation) as tab, Tab(ann, conversation) as other:
        accepted = tab.say(conversation, "Tell me a story")
        turn = accepted["turn"]
        answer = tab.answers[turn]
        tab.until(lambda: answer.text.count(" ") > 100, "a hundred words")
        other.until(lambda: other.answers.get(turn) and other.answers[turn].text, "the first words")
        place.web.kill()
        killed_at = time.monotonic()
        received = tab.frames_of(turn)
        place.web.start()
        ready_at = time.monotonic()

        # While it is open the reload shows the text so far and that it is still being written.
        page = ann.get(f"/chat/messages/{conversation}").json()
        assert page["items"][0]["text"] == "Tell me a story"
        if page["open_turn"]:
            assert STORY.startswith(page["open_turn"]["content"])

        tab.finish(turn, INTERRUPTED_WITHIN_S + 5)
        told_at = time.monotonic()
        other.finish(turn)
    assert told_at - max(killed_at, ready_at) < INTERRUPTED_WITHIN_S + 1

    # What the person sees.
    for seen in (answer, other.answers[turn]):
        assert seen.state == "interrupted"
        assert seen.error is not None
        assert seen.error["title"] == "The answer was interrupted"
        assert "kept" in seen.error["detail"]
        assert seen.text == answer.text
    question, kept = ann.messages(conversation)
    assert (question["text"], kept["turn_state"]) == ("Tell me a story", "interrupted")
    assert kept["text"] == answer.text
    assert kept["error"]["code"] == "answer-interrupted"
    assert ann.get(f"/chat/turns/{turn}").json()["content"] == kept["text"]

    # A prefix of what the model wrote, with everything that was read a second before the end.
    assert STORY.startswith(kept["text"])
    sure = "".join(
        one.payload["delta"]
        for one in received
        if one.kind == "chat.delta" and one.at < killed_at - SURE_AFTER_S
    )
    assert sure
    assert kept["text"].startswith(sure)

    # Rows: one answer, one event, nothing open.
    assert place.rows("select role from chat_message order by seq") == [("user",), ("assistant",)]
    assert place.rows("select state from chat_turn") == [("interrupted",)]
    assert _finished(place, turn) == 1

    # It goes on where it broke off.
    rest = STORY.removeprefix(kept["text"])
    model.script({"when": "cut off", "reply": rest})
    with Tab(ann, conversation) as tab:
        ref = ann.post(f"/chat/turns/{turn}/continue", {"client_key": "go-on"}).json()
        again = ann.post(f"/chat/turns/{turn}/continue", {"client_key": "go-on"}).json()
        assert again["turn_id"] == ref["turn_id"]
        assert tab.finish(ref["turn_id"]).state == "done"
        assert (tab.wrong, other.wrong) == ([], [])
    texts = [one["text"] for one in ann.messages(conversation)]
    assert texts[0] == "Tell me a story"
    assert texts[1] + texts[2] == STORY
    assert len(texts) == 3
    # The model was shown what it had written.
    prompt = model.captured()[-1]["body"]["messages"]
    assert {"role": "assistant", "content": kept["text"]} in prompt


def test_a_turn_that_was_accepted_and_never_begun_is_not_left_open(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    model.script({"when": ".", "reply": STORY, "ttft_ms": 60_000})
    conversation = ann.conversation()
    with Tab(ann) as tab:
        turn = tab.say(conversation, "Are you there?")["turn"]
        place.web.kill()
        place.web.start()
        answer = tab.finish(turn, INTERRUPTED_WITHIN_S + 10)
    assert (answer.state, answer.text) == ("interrupted", "")
    assert [one["text"] for one in ann.messages(conversation)] == ["Are you there?", ""]
    nothing = http_problem(ann, "POST", f"/chat/turns/{turn}/continue", {"client_key": "c"})
    assert (nothing["status"], nothing["code"]) == (409, "nothing-to-continue")
    model.script({"when": ".", "reply": "Now I am."})
    with Tab(ann, conversation) as tab:
        ref = ann.post(f"/chat/turns/{turn}/retry", {"client_key": "r"}).json()
        assert tab.finish(ref["turn_id"]).text == "Now I am."
    assert [one["text"] for one in ann.messages(conversation)] == ["Are you there?", "Now I am."]


def test_an_orderly_stop_interrupts_at_once_and_keeps_every_word(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    model.script({"when": ".", "reply": STORY, "gap_ms": 20})
    conversation = ann.conversation()
    with Tab(ann) as tab:
        turn = tab.say(conversation, "Tell me a story")["turn"]
        answer = tab.answers[turn]
        tab.until(lambda: answer.text.count(" ") > 30, "thirty words")
        place.web.stop()
        assert place.rows("select state from chat_turn") == [("interrupted",)]
        place.web.start()
        tab.finish(turn, 10)
        seen = "".join(
            one.payload["delta"] for one in tab.frames_of(turn) if one.kind == "chat.delta"
        )
    (kept,) = [one["text"] for one in ann.messages(conversation) if one["role"] == "assistant"]
    assert STORY.startswith(kept)
    assert kept == answer.text
    assert kept.startswith(seen)


def test_a_process_that_froze_for_longer_than_its_lease_accepts_what_was_recorded(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    """A paused machine: the worker gives the turn up, then its runner wakes and finds it closed."""
    model.script({"when": "story", "reply": STORY, "gap_ms": 40}, {"when": ".", "reply": "Yes."})
    place.start_background()
    conversation = ann.conversation()
    with Tab(ann, conversation) as tab:
        turn = tab.say(conversation, "Tell me a story")["turn"]
        answer = tab.answers[turn]
        tab.until(lambda: answer.text.count(" ") > 50, "fifty words")
        assert place.web.popen is not None
        place.web.popen.send_signal(signal.SIGSTOP)
        try:
            place.eventually(
                lambda: place.rows("select state from chat_turn") == [("interrupted",)],
                "the turn was not given up",
            )
        finally:
            place.web.popen.send_signal(signal.SIGCONT)
        tab.finish(turn)
        assert answer.state == "interrupted"
        assert answer.error is not None
        assert answer.error["code"] == "answer-interrupted"
        assert STORY.startswith(answer.text)
        kept = ann.messages(conversation)[-1]
        assert (kept["text"], kept["turn_state"]) == (answer.text, "interrupted")
        assert tab.finish(tab.say(conversation, "Are you back?")["turn"]).text == "Yes."
    assert place.number("select count(*) from chat_message where role = 'assistant'") == 2
    model.wait_until(lambda provider: provider.stats()["open_streams"] == 0)


def test_another_web_process_takes_over_the_readers_and_ends_the_turn(
    place: Installation, model: SimulatedProvider, ann: Client
) -> None:
    """Two replicas: a reader of the second sees the first one's turn, live, and then its end."""
    model.script({"when": ".", "reply": STORY, "gap_ms": 20})
    conversation = ann.conversation()
    second = place.another_web().start()
    try:
        elsewhere = Client(second, "ann")
        with Tab(ann) as tab, Tab(elsewhere, conversation) as remote:
            turn = tab.say(conversation, "Tell me a story")["turn"]
            remote.until(
                lambda: remote.answers.get(turn) and remote.answers[turn].text.count(" ") > 50,
                "fifty words over the other process",
            )
            place.web.kill()
            answer = remote.finish(turn, INTERRUPTED_WITHIN_S + 5)
            assert (answer.state, remote.connections) == ("interrupted", 1)
            assert STORY.startswith(answer.text)
            assert answer.text.count(" ") > 50
        assert elsewhere.messages(conversation)[-1]["text"] == answer.text
        assert _finished(place, turn) == 1
    finally:
        second.stop()


def _finished(place: Installation, turn: str) -> int:
    """How often the end of a turn was told (nobody consumes the outbox here)."""
    place.eventually(
        lambda: place.number(
            "select count(*) from kernel_outboxevent where type = 'chat.turn_finished'"
        ),
        "no event",
    )
    return place.number(
        "select count(*) from kernel_outboxevent where type = 'chat.turn_finished' "
        "and payload->>'turn_id' = %s",
        turn,
    )
