"""The chat socket, protocol 2, on the real web process: what a browser tab sees."""

import json
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from chat import frames
from kernel import clock
from saas.identity.sessions import Ticket
from saas.models import Tenant, User
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Socket, Web, eventually

STORY = "".join(f"word{number} " for number in range(60)).strip()
TITLE = {"when": "title of at most", "reply": "A short title"}
SEQUENCED = ("chat.note", "chat.delta", "chat.done")


def tells(model: SimulatedProvider, *, gap_ms: float = 15, reply: str = STORY) -> None:
    """Script the story, and a title."""
    model.script(TITLE, {"when": ".", "reply": reply, "gap_ms": gap_ms})


@contextmanager
def tab(client: Client, *watched: str) -> Iterator[Socket]:
    """An open, greeted socket that watches these conversations."""
    with client.socket() as opened:
        opened.until("connected")
        for conversation_id in watched:
            opened.send("conversation.watch", conversation_id=conversation_id)
            opened.until("watching")
        yield opened


def send(opened: Socket, conversation_id: str, content: str = "Tell me", key: str = "") -> str:
    """Say something; returns the frame's id."""
    return opened.send(
        "chat.message",
        conversation_id=conversation_id,
        content=content,
        client_key=key or str(uuid.uuid4()),
    )


def sequenced(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The numbered frames."""
    return [one for one in found if one["type"] in SEQUENCED]


def only(found: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The payload of the one frame of this type."""
    (frame,) = [one for one in found if one["type"] == kind]
    return dict(frame["payload"])


def raw(opened: Socket) -> str:
    """The exact text of the next numbered frame; a change of health may come at any time."""
    while True:
        text = str(opened.raw.recv(20))
        if json.loads(text)["type"] in SEQUENCED:
            return text


def raw_rest(opened: Socket) -> list[str]:
    """The exact text of every numbered frame up to the end of the turn."""
    found = [raw(opened)]
    while '"type":"chat.done"' not in found[-1]:
        found.append(raw(opened))
    return found


def is_alive(opened: Socket) -> list[dict[str, Any]]:
    """What comes for this tab before the answer to a ping: the socket still works.

    A change of health is for everyone, and may come at any time.
    """
    opened.send("ping")
    return [one for one in opened.until("pong")[:-1] if one["type"] != "health"]


def close_code(opened: Socket, within_s: float = 15) -> int:
    """Read until the server closes; returns the code."""
    end = time.monotonic() + within_s
    while True:
        try:
            opened.receive(max(0.01, end - time.monotonic()))
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            return closed.rcvd.code


def refused(web: Web, path: str = "/ws/v2/chat", **headers: str) -> int:
    """The close code of a connection that the server does not want."""
    url = f"ws://127.0.0.1:{web.port}{path}"
    with connect(url, additional_headers=headers, compression=None) as raw:
        return close_code(Socket(raw))


def cookie(client: Client) -> str:
    """The signed-in browser's Cookie header."""
    return "; ".join(f"{name}={value}" for name, value in client.http.cookies.items())


# A turn, as its sender sees it.


def test_the_first_frame_says_who_is_connected(web: Web, no_model: None) -> None:
    ann = Client(web, "ann")
    with ann.socket() as opened:
        greeting = opened.receive()
    assert greeting["type"] == "connected"
    assert greeting["payload"] == {
        "user_id": ann.me["user"]["id"],
        "tenant_id": ann.me["tenant"]["id"],
        "protocol": 2,
    }


def test_a_message_is_kept_before_it_is_accepted_and_then_answered_to_its_end(
    web: Web, model: SimulatedProvider
) -> None:
    # So long that it is not over before the page is asked for, on a busy machine either.
    tells(model, gap_ms=50)
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with tab(ann) as opened:
        ref = send(opened, conversation, "Tell me a story", "key-1")
        # Whoever has just connected may be told of health as well.
        *earlier, first = opened.until("chat.accepted")
        page = ann.get(f"/chat/messages/{conversation}").json()
        later = opened.until("chat.done")
    assert {one["type"] for one in earlier} <= {"health"}
    found = [first, *(one for one in later if one["type"] != "health")]
    accepted = first["payload"]
    assert (accepted["ref"], accepted["client_key"], accepted["created"]) == (ref, "key-1", True)
    assert page["items"] == [accepted["user_message"]]
    assert page["items"][0]["text"] == "Tell me a story"
    assert page["open_turn"]["id"] == accepted["turn"]
    assert found[1]["type"] == "typing"
    assert found[1]["payload"] == {"conversation_id": conversation, "turn": accepted["turn"]}
    numbered = sequenced(found[2:])
    assert numbered == found[2:]
    assert [one["payload"]["seq"] for one in numbered] == list(range(1, len(numbered) + 1))
    assert {one["payload"]["turn"] for one in numbered} == {accepted["turn"]}
    assert {one["payload"]["message_id"] for one in numbered} == {accepted["message_id"]}
    deltas = [one["payload"]["delta"] for one in numbered if one["type"] == "chat.delta"]
    done = only(found, "chat.done")
    assert len(deltas) > 5
    assert "".join(deltas) == done["content"] == STORY
    assert (done["state"], done["error"], done["model"]) == ("done", None, "scripted")
    assert done["usage"]["output_tokens"] > 0
    # At the very moment of the last frame the record says the same.
    answer = ann.messages(conversation)[-1]
    assert (answer["id"], answer["text"]) == (accepted["message_id"], STORY)
    turn = ann.get(f"/chat/turns/{accepted['turn']}").json()
    assert (turn["state"], turn["content"], turn["seq"]) == ("done", STORY, done["seq"])


def test_the_answer_is_in_the_record_when_its_last_frame_arrives(
    web: Web, model: SimulatedProvider
) -> None:
    tells(model, gap_ms=0, reply="Quick.")
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with tab(ann) as opened:
        for number in range(10):
            send(opened, conversation, f"number {number}")
            opened.until("chat.done")
            assert len(ann.messages(conversation)) == 2 * (number + 1)


def test_text_that_cannot_be_stored_is_the_same_for_readers_and_in_the_record(
    web: Web, model: SimulatedProvider
) -> None:
    tells(model, reply="a\x00b and \ufffe")
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with tab(ann) as opened:
        send(opened, conversation)
        found = opened.until("chat.done")
    deltas = [one["payload"]["delta"] for one in found if one["type"] == "chat.delta"]
    done = only(found, "chat.done")
    assert "".join(deltas) == done["content"] == ann.messages(conversation)[-1]["text"]
    assert done["content"] == "a\ufffdb and \ufffe"


def test_the_answer_without_a_model_is_a_note_and_text(web: Web, no_model: None) -> None:
    ann = Client(web, "ann")
    with tab(ann) as opened:
        send(opened, ann.conversation(), "My cat is called Minka.")
        found = opened.until("chat.done")
    assert only(found, "chat.note")["degraded"] == ["no-model"]
    done = only(found, "chat.done")
    assert done["degraded"] == ["no-model"]
    deltas = [one["payload"]["delta"] for one in found if one["type"] == "chat.delta"]
    assert "".join(deltas) == done["content"] != ""


def test_an_untitled_conversation_gets_its_title_once(web: Web, model: SimulatedProvider) -> None:
    tells(model, gap_ms=0)
    ann = Client(web, "ann")
    conversation = ann.conversation(title=None)
    with tab(ann, conversation) as opened:
        send(opened, conversation)
        update = only(opened.until("title_update"), "title_update")
        assert update == {"conversation_id": conversation, "title": "A short title"}
        send(opened, conversation)
        later = [*opened.until("chat.done"), *is_alive(opened)]
        assert [one for one in later if one["type"] == "title_update"] == []
    assert ann.get(f"/chat/conversations/{conversation}").json()["title"] == "A short title"


def test_one_socket_carries_several_answers_each_in_order(
    web: Web, model: SimulatedProvider
) -> None:
    tells(model)
    ann = Client(web, "ann")
    conversations = [ann.conversation() for _ in range(4)]
    with tab(ann) as opened:
        for conversation in conversations:
            send(opened, conversation)
        found: list[dict[str, Any]] = []
        while sum(one["type"] == "chat.done" for one in found) < 4:
            found.append(opened.receive())
    for conversation in conversations:
        own = [one for one in sequenced(found) if one["payload"]["conversation_id"] == conversation]
        assert [one["payload"]["seq"] for one in own] == list(range(1, len(own) + 1))
        assert own[-1]["payload"]["content"] == STORY


def test_the_same_key_twice_gives_one_turn_and_both_answers_lead_to_it(
    web: Web, model: SimulatedProvider
) -> None:
    tells(model)
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with tab(ann) as first, tab(ann) as second:
        send(first, conversation, key="once")
        one = first.until("chat.delta")
        send(second, conversation, key="once")
        two = second.until("chat.done")
        one += first.until("chat.done")
        send(first, conversation, key="once")
        three = first.until("chat.done")
    assert only(one, "chat.accepted")["created"] is True
    for again in (two, three):
        accepted = only(again, "chat.accepted")
        assert accepted["created"] is False
        assert accepted["turn"] == only(one, "chat.accepted")["turn"]
        assert accepted["user_message"] == only(one, "chat.accepted")["user_message"]
        assert sequenced(again) == sequenced(one)
    assert [message["role"] for message in ann.messages(conversation)] == ["user", "assistant"]


def test_a_turn_goes_on_when_every_tab_is_closed(web: Web, model: SimulatedProvider) -> None:
    tells(model)
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with tab(ann) as opened:
        send(opened, conversation)
        turn = opened.until("chat.delta")[-1]["payload"]["turn"]
    eventually(lambda: ann.get(f"/chat/turns/{turn}").json()["state"] == "done", "the turn stopped")
    assert ann.messages(conversation)[-1]["text"] == STORY


def test_a_turn_is_stopped_by_a_frame_and_keeps_its_text(
    web: Web, model: SimulatedProvider
) -> None:
    tells(model, reply="word " * 2_000)
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with tab(ann) as opened, tab(ann, conversation) as other:
        send(opened, conversation)
        turn = opened.until("chat.delta")[-1]["payload"]["turn"]
        opened.send("chat.cancel", turn=turn)
        done = only(opened.until("chat.done"), "chat.done")
        assert only(other.until("chat.done"), "chat.done") == done
        # Once more, after the end: nothing happens.
        opened.send("chat.cancel", turn=turn)
        assert is_alive(opened) == []
    assert done["state"] == "cancelled"
    assert done["content"] == ann.messages(conversation)[-1]["text"]
    assert 0 < len(done["content"]) < 10_000
    model.wait_until(lambda provider: provider.stats()["open_streams"] == 0)


# Other tabs and reloads.


def test_a_second_tab_sees_the_same_frames(web: Web, model: SimulatedProvider) -> None:
    tells(model)
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with tab(ann) as first, tab(ann, conversation) as second:
        send(first, conversation)
        own, other = first.until("chat.done"), second.until("chat.done")
    assert sequenced(own) == sequenced(other)
    told, accepted = only(other, "chat.accepted"), only(own, "chat.accepted")
    assert (told["ref"], told["created"]) == (None, False)
    for name in ("turn", "message_id", "branch_id", "user_message", "client_key"):
        assert told[name] == accepted[name]


def test_a_tab_that_watches_in_the_middle_is_given_the_text_so_far_and_the_rest(
    web: Web, model: SimulatedProvider
) -> None:
    tells(model)
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with tab(ann) as first, tab(ann) as second:
        send(first, conversation)
        own = first.until("chat.delta")
        second.send("conversation.watch", conversation_id=conversation)
        watching = only(second.until("watching"), "watching")
        running = watching["open_turn"]
        assert running["state"] == "open"
        assert STORY.startswith(running["content"])
        second.send("resume", turn=running["id"], after=running["seq"])
        rest = sequenced(second.until("chat.done"))
        own += first.until("chat.done")
    assert rest == sequenced(own)[running["seq"] :]


def test_a_tab_no_longer_watching_is_left_in_peace(web: Web, model: SimulatedProvider) -> None:
    tells(model, gap_ms=0)
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with tab(ann) as first, tab(ann, conversation) as second, tab(ann, conversation) as third:
        second.send("conversation.unwatch", conversation_id=conversation)
        assert is_alive(second) == []
        send(first, conversation)
        first.until("chat.done")
        third.until("chat.done")
        assert is_alive(second) == []


def test_a_change_elsewhere_is_told_to_those_who_watch(web: Web, no_model: None) -> None:
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with tab(ann, conversation) as opened:
        ann.patch(f"/chat/conversations/{conversation}", {"title": "New"})
        assert only(opened.until("conversation.changed"), "conversation.changed") == {
            "conversation_id": conversation
        }


def test_a_reload_in_the_middle_or_after_the_end_gets_the_rest_byte_for_byte(
    web: Web, model: SimulatedProvider
) -> None:
    tells(model, gap_ms=25)
    ann = Client(web, "ann")
    with tab(ann) as opened, ExitStack() as reloads:
        send(opened, ann.conversation())
        turn = opened.until("typing")[-1]["payload"]["turn"]
        start = [raw(opened) for _ in range(6)]
        early = {}
        for after in (0, 1, 3, 6):
            early[after] = reloads.enter_context(tab(ann))
            early[after].send("resume", turn=turn, after=after)
        whole = start + raw_rest(opened)
        for after, reloaded in early.items():
            assert raw_rest(reloaded) == whole[after:]
    assert len(whole) > 10
    for after in (0, 1, len(whole) // 2, len(whole) - 1):
        with tab(ann) as late:
            late.send("resume", turn=turn, after=after)
            assert raw_rest(late) == whole[after:]


def test_resuming_past_the_end_gives_nothing_or_the_record(
    web: Web, model: SimulatedProvider
) -> None:
    tells(model, gap_ms=0)
    ann = Client(web, "ann")
    with tab(ann) as opened:
        send(opened, ann.conversation())
        done = only(opened.until("chat.done"), "chat.done")
        opened.send("resume", turn=done["turn"], after=done["seq"])
        assert is_alive(opened) == []
        for after in (done["seq"] + 1, 10**6, 2**62, -5):
            opened.send("resume", turn=done["turn"], after=after)
            found = opened.until("chat.snapshot" if after > 0 else "chat.done")
            assert found[-1]["payload"] == done


def test_resuming_twice_on_one_socket_does_not_double_the_stream(
    web: Web, model: SimulatedProvider
) -> None:
    tells(model, gap_ms=25)
    ann = Client(web, "ann")
    with tab(ann) as opened:
        send(opened, ann.conversation())
        last = opened.until("chat.delta")[-1]["payload"]
        for _ in range(3):
            opened.send("resume", turn=last["turn"], after=last["seq"])
        found = sequenced([*is_alive(opened), *opened.until("chat.done")])
    seqs = [one["payload"]["seq"] for one in found]
    # Each resume starts again where it was asked to; the last one runs to the end without a gap.
    rest = seqs[len(seqs) - seqs[::-1].index(last["seq"] + 1) - 1 :]
    assert rest == list(range(last["seq"] + 1, found[-1]["payload"]["seq"] + 1))
    assert seqs.count(found[-1]["payload"]["seq"]) == 1


def test_server_sent_events_carry_the_same_frames(web: Web, model: SimulatedProvider) -> None:
    tells(model)
    ann = Client(web, "ann")
    with tab(ann) as opened:
        send(opened, ann.conversation())
        found = sequenced(opened.until("chat.done"))
    text = ann.get(f"/chat/turns/{found[0]['payload']['turn']}/events").text
    blocks = [block.split("\n") for block in text.strip().split("\n\n")]
    events = [
        {"type": lines[1].removeprefix("event: "), "payload": json.loads(lines[2][6:])}
        for lines in blocks
    ]
    assert events == [{"type": one["type"], "payload": one["payload"]} for one in found]


# Frames against their schemas.


def test_every_frame_fits_its_published_schema(web: Web, model: SimulatedProvider) -> None:
    tells(model, gap_ms=5)
    ann = Client(web, "ann")
    conversation = ann.conversation(title=None)
    with tab(ann, conversation) as other, ann.socket() as opened:
        found = opened.until("connected")
        opened.send("conversation.watch", conversation_id=conversation)
        send(opened, conversation)
        found += opened.until("chat.delta")
        send(opened, conversation)
        found += opened.until("error")
        found += opened.until("title_update")
        turn = next(one["payload"]["turn"] for one in found if one["type"] == "chat.done")
        opened.send("resume", turn=turn, after=99_999)
        found += opened.until("chat.snapshot")
        ann.patch(f"/chat/conversations/{conversation}", {"title": "Renamed"})
        found += opened.until("conversation.changed")
        model.script({"when": ".", "fail": "500"})
        send(opened, conversation, "Are you there?")
        found += opened.until("chat.done")
        opened.send("ping")
        found += opened.until("pong")
        mode = {"of": "tenant", "mode": "test"}
        assert Client(web, "sysadmin").put("/saas/mode", mode).status_code == 200
        found += opened.until("mode")
        found += other.until("title_update")
    kinds = {one["type"] for one in found}
    assert kinds == set(frames.SERVER_FRAMES) - {"ping"}
    for one in found:
        assert set(one) == {"type", "id", "timestamp", "payload"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one["timestamp"])
        schema = frames.adapter(frames.SERVER_FRAMES[one["type"]]).json_schema()
        jsonschema.validate(one["payload"], schema | {"additionalProperties": False})


# Signing in.


def test_a_ticket_signs_in_once(web: Web, no_model: None) -> None:
    ann = Client(web, "ann")
    ticket = ann.post("/auth/ws-ticket").json()["ticket"]
    anonymous = Client(web)
    with anonymous.socket() as opened:
        opened.send("authenticate", ticket=ticket)
        greeting = opened.until("connected")[-1]["payload"]
        assert greeting["user_id"] == ann.me["user"]["id"]
        send(opened, ann.conversation(), "hello")
        opened.until("chat.done")
    with anonymous.socket() as again:
        again.send("authenticate", ticket=ticket)
        assert close_code(again) == 4001


def test_a_wrong_or_old_ticket_or_another_first_frame_closes(web: Web, no_model: None) -> None:
    ann = Client(web, "ann")
    for ticket in ("", "x" * 43, "ü€🌍" * 20):
        with Client(web).socket() as opened:
            opened.send("authenticate", ticket=ticket)
            assert close_code(opened) == 4001
    with Client(web).socket() as opened:
        opened.send("ping")
        assert close_code(opened) == 4001
    old = ann.post("/auth/ws-ticket").json()["ticket"]
    Ticket.objects.using("owner").update(expires_at=clock.now() - timedelta(seconds=1))
    with Client(web).socket() as opened:
        opened.send("authenticate", ticket=old)
        assert close_code(opened) == 4001
    ended = ann.post("/auth/ws-ticket").json()["ticket"]
    assert ann.post("/auth/logout").status_code == 204
    with Client(web).socket() as opened:
        opened.send("authenticate", ticket=ended)
        assert close_code(opened) == 4001


def test_without_cookie_and_ticket_the_socket_is_closed_after_five_seconds(
    web: Web, no_model: None
) -> None:
    started = time.monotonic()
    assert refused(web, Origin=web.base) == 4001
    assert time.monotonic() - started > 4.5


def test_close_codes_say_why(web: Web, no_model: None) -> None:
    ann = Client(web, "ann")
    good = cookie(ann)
    assert refused(web, Cookie="soma_session=wrong", Origin=web.base) == 4001
    for origin in (
        "https://evil.example.org",
        "null",
        f"http://127.0.0.1:{web.port + 1}",
        f"http://127.0.0.1.evil.example.org:{web.port}",
        "http://[::bad",
    ):
        assert refused(web, Cookie=good, Origin=origin) == 4003, origin
    User.objects.using("owner").filter(email="bob@example.org").update(must_change_password=True)
    assert refused(web, Cookie=cookie(Client(web, "bob")), Origin=web.base) == 4003
    Tenant.objects.using("owner").filter(slug="acme").update(status=Tenant.Status.SUSPENDED)
    assert refused(web, Cookie=good, Origin=web.base) == 4003


def test_an_unknown_path_is_4004(web: Web, no_model: None) -> None:
    for path in ("/ws/v1/chat", "/ws/v2/chat/", "/ws/", "/anything"):
        try:
            code = refused(web, path, Origin=web.base)
        except InvalidStatus as answer:
            pytest.fail(f"{path}: handshake refused with {answer.response.status_code}")
        assert code == 4004, path


def test_a_session_that_ended_closes_its_sockets(web: Web, no_model: None) -> None:
    ann = Client(web, "ann")
    with tab(ann) as opened:
        assert ann.post("/auth/logout").status_code == 204
        with pytest.raises(ConnectionClosed) as closed:
            eventually(lambda: is_alive(opened) and False, "still open")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4001


def test_a_socket_whose_session_ended_is_told_nothing_more(
    web: Web, model: SimulatedProvider
) -> None:
    tells(model, gap_ms=0)
    ann, other = Client(web, "ann"), Client(web, "ann")
    conversation = ann.conversation()
    with tab(ann, conversation) as opened, tab(other) as sender:
        assert ann.post("/auth/logout").status_code == 204
        ended = time.monotonic()
        # A silent listener: it never sends a frame of its own.
        while time.monotonic() - ended < 5:
            send(sender, conversation)
            sender.until("chat.done")
        send(sender, conversation, "after the end")
        sender.until("chat.done")
        assert close_code(opened) == 4001


# What belongs to others.


def test_what_belongs_to_others_looks_like_what_does_not_exist(
    web: Web, model: SimulatedProvider
) -> None:
    tells(model, gap_ms=50, reply="word " * 1_000)
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with tab(ann) as own:
        send(own, conversation)
        turn = own.until("chat.delta")[-1]["payload"]["turn"]
        for name in ("bob", "stranger", "viewer"):
            with tab(Client(web, name)) as opened:
                assert _refusals(opened, conversation, turn) == _refusals(
                    opened, str(uuid.uuid4()), str(uuid.uuid4())
                ), name
        own.send("chat.cancel", turn=turn)
        own.until("chat.done")
    assert len(ann.messages(conversation)) == 2


def _refusals(opened: Socket, conversation: str, turn: str) -> list[dict[str, Any]]:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("chat.message", {"conversation_id": conversation, "content": "x", "client_key": "k"}),
        ("conversation.watch", {"conversation_id": conversation}),
        ("resume", {"turn": turn, "after": 0}),
        ("chat.cancel", {"turn": turn}),
    ]
    found = []
    for kind, payload in asked:
        ref = opened.send(kind, **payload)
        answer = only(opened.until("error"), "error")
        assert answer["ref"] == ref
        problem = dict(answer["problem"])
        assert problem["status"] in (403, 404), problem
        assert conversation not in json.dumps(problem)
        del problem["instance"]
        found.append({"kind": kind, "turn": answer["turn"], **problem})
    assert is_alive(opened) == []
    return found


# Frames that nobody should send.

NOBODY = "00000000-0000-4000-8000-000000000000"
MALFORMED: list[tuple[str, str | bytes, str]] = [
    ("empty", "", "unknown-frame"),
    ("not JSON", "hello", "unknown-frame"),
    ("half JSON", '{"type": "ping"', "unknown-frame"),
    ("a list", "[]", "unknown-frame"),
    ("a number", "5", "unknown-frame"),
    ("null", "null", "unknown-frame"),
    ("no type", "{}", "unknown-frame"),
    ("type not text", '{"type": 5}', "unknown-frame"),
    ("type a list", '{"type": ["ping"]}', "unknown-frame"),
    ("unknown type", '{"type": "chat.destroy", "payload": {}}', "unknown-frame"),
    ("a server's frame", '{"type": "chat.done", "payload": {}}', "unknown-frame"),
    ("binary", b'{"type": "ping"}', "unknown-frame"),
    ("binary noise", bytes(range(256)), "unknown-frame"),
    ("3 MB", json.dumps({"type": "ping", "payload": {"x": "y" * 3_000_000}}), "unknown-frame"),
    ("deep nesting", '{"type":"ping","payload":' + "[" * 50_000, "unknown-frame"),
    (
        "deep but whole",
        '{"type":"resume","payload":' + '{"a":' * 900 + "1" + "}" * 900 + "}",
        "validation",
    ),
    ("a lone surrogate", '{"type": "ping", "id": "\\ud800"}', "unknown-frame"),
    ("no payload", '{"type": "resume"}', "validation"),
    ("payload a list", '{"type": "resume", "payload": [1]}', "validation"),
    ("payload text", '{"type": "resume", "payload": "turn"}', "validation"),
    ("id not a UUID", '{"type": "resume", "payload": {"turn": "x", "after": 0}}', "validation"),
    (
        "after not a number",
        json.dumps({"type": "resume", "payload": {"turn": NOBODY, "after": "many"}}),
        "validation",
    ),
    (
        "after endless",
        f'{{"type": "resume", "payload": {{"turn": "{NOBODY}", "after": 1e400}}}}',
        "unknown-frame",
    ),
    ("watch nothing", '{"type": "conversation.watch", "payload": {}}', "validation"),
    ("cancel a number", '{"type": "chat.cancel", "payload": {"turn": 7}}', "validation"),
]


def test_a_malformed_frame_is_answered_with_a_problem_and_the_socket_stays_usable(
    web: Web, no_model: None
) -> None:
    with tab(Client(web, "ann")) as opened:
        for name, frame, code in MALFORMED:
            opened.raw.send(frame)
            answer = only(opened.until("error"), "error")
            problem = answer["problem"]
            assert problem["code"] == code, (name, problem)
            assert problem["type"] == f"/problems/{code}"
            assert 400 <= problem["status"] < 500, name
            assert problem["title"]
            assert problem["detail"]
            assert is_alive(opened) == [], name


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("content", "", "empty-message"),
        ("content", "  \n ", "empty-message"),
        ("content", "a\x00b", "unstorable-text"),
        ("content", "x" * 200_001, "message-too-long"),
        ("content", 5, "validation"),
        ("content", None, "validation"),
        ("client_key", "", "validation"),
        ("client_key", "k" * 101, "validation"),
        ("client_key", "a\x00b", "validation"),
        ("client_key", "with space", "validation"),
        ("client_key", 5, "validation"),
        ("conversation_id", "nonsense", "validation"),
    ],
)
def test_a_message_that_cannot_be_kept_is_refused_with_a_pointer_and_nothing_is_kept(
    web: Web, no_model: None, field: str, value: object, code: str
) -> None:
    ann = Client(web, "ann")
    conversation = ann.conversation()
    good = {"conversation_id": conversation, "content": "hello", "client_key": "k"}
    with tab(ann) as opened:
        ref = opened.send("chat.message", **(good | {field: value}))
        answer = only(opened.until("error"), "error")
        assert (answer["ref"], answer["problem"]["code"]) == (ref, code)
        assert answer["problem"]["errors"][0]["pointer"] == f"/{field}"
        assert ann.messages(conversation) == []
        # Nothing is in the way of the corrected message.
        opened.send("chat.message", **good)
        opened.until("chat.done")
    assert len(ann.messages(conversation)) == 2


# Slow and many.


def test_a_reader_that_does_not_read_holds_nobody_up_and_resumes_later(
    web: Web, model: SimulatedProvider
) -> None:
    # More than every buffer between the two ends holds.
    long = " ".join("x" * 9_999 for _ in range(1_200))
    tells(model, gap_ms=2, reply=long)
    ann = Client(web, "ann")
    conversation = ann.conversation()
    plug = socket.socket()
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    plug.connect(("127.0.0.1", web.port))
    url = f"ws://127.0.0.1:{web.port}/ws/v2/chat"
    headers = {"Cookie": cookie(ann), "Origin": web.base}
    with (
        tab(ann) as fast,
        connect(url, sock=plug, additional_headers=headers, max_queue=1, max_size=None) as raw,
    ):
        slow = Socket(raw)
        slow.until("connected")
        slow.send("conversation.watch", conversation_id=conversation)
        slow.until("watching")
        send(fast, conversation)
        numbered = sequenced(fast.until("chat.done"))
        assert numbered[-1]["payload"]["content"] == long
        assert is_alive(fast) == []
        turn = numbered[-1]["payload"]["turn"]
        with tab(ann) as again:
            again.send("resume", turn=turn, after=3)
            assert sequenced(again.until("chat.done")) == numbered[3:]
    assert ann.messages(conversation)[-1]["text"] == long


def test_many_tabs_read_one_turn_at_once(web: Web, model: SimulatedProvider) -> None:
    tells(model)
    ann = Client(web, "ann")
    conversation = ann.conversation()
    found: dict[int, list[dict[str, Any]]] = {}
    with ExitStack() as opened:
        readers = [opened.enter_context(tab(ann, conversation)) for _ in range(25)]
        send(readers[0], conversation)

        def read(number: int) -> None:
            found[number] = sequenced(readers[number].until("chat.done"))

        threads = [threading.Thread(target=read, args=(number,)) for number in range(25)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(found) == 25
    assert all(one == found[0] for one in found.values())
    assert found[0][-1]["payload"]["content"] == STORY
