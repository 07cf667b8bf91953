"""Chat over HTTP: conversations, messages, answers, branches, errors; on the real web process."""

import re
import uuid

import httpx
import pytest

from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web


def test_a_message_is_answered_stored_and_titled(web: Web, model: SimulatedProvider) -> None:
    model.script({"when": "capital", "reply": "Paris."}, {"when": "title", "reply": "Capitals"})
    ann = Client(web, "ann")
    conversation = ann.conversation(title=None)
    answer = ann.say(conversation, "What is the capital of France?")
    assert answer["turn"]["state"] == "done"
    assert answer["message"]["text"] == "Paris."
    texts = [(one["role"], one["text"]) for one in ann.messages(conversation)]
    assert texts == [("user", "What is the capital of France?"), ("assistant", "Paris.")]


def test_the_same_client_key_twice_gives_one_turn(web: Web, model: SimulatedProvider) -> None:
    ann = Client(web, "ann")
    conversation = ann.conversation()
    first = ann.say(conversation, "hello", key="k1")
    second = ann.say(conversation, "hello", key="k1")
    assert first["turn"]["id"] == second["turn"]["id"]
    assert len(ann.messages(conversation)) == 2


def test_an_answer_of_200000_characters_is_stored_and_reloaded_identical(
    web: Web, model: SimulatedProvider
) -> None:
    long = ("grüße 🌍 " * 30_000)[:200_000]
    model.script({"when": ".", "reply": long, "fail": "no-limit"})
    ann = Client(web, "ann")
    conversation = ann.conversation()
    assert ann.say(conversation, "write")["message"]["text"] == long
    assert ann.messages(conversation)[-1]["text"] == long


def test_without_a_model_the_answer_comes_from_memory_and_says_so(web: Web, no_model: None) -> None:
    ann = Client(web, "ann")
    answer = ann.say(ann.conversation(), "My cat is called Minka.")
    assert answer["turn"]["state"] == "done"
    assert "no-model" in answer["turn"]["degraded"]
    assert "No language model is configured" in answer["message"]["text"]


def test_when_every_model_fails_memory_answers_and_the_cause_is_recorded(
    web: Web, model: SimulatedProvider
) -> None:
    model.script({"when": ".", "fail": "500"})
    ann = Client(web, "ann")
    answer = ann.say(ann.conversation(), "Are you there?")
    assert "models-down" in answer["turn"]["degraded"]
    assert answer["turn"]["error"]["code"].startswith("model-")
    assert "unreachable" in answer["message"]["text"]


def test_an_answer_cut_in_the_middle_keeps_its_text_and_can_be_continued(
    web: Web, model: SimulatedProvider
) -> None:
    model.script({"when": "story", "reply": "Once upon a time there was", "fail": "cut"})
    ann = Client(web, "ann")
    conversation = ann.conversation()
    cut = ann.say(conversation, "Tell me a story")
    assert cut["turn"]["state"] == "failed"
    assert cut["turn"]["error"]["code"] == "model-stream-cut"
    assert cut["message"]["text"]
    model.script({"when": "cut off", "reply": " and the end."})
    ref = ann.post(f"/chat/turns/{cut['turn']['id']}/continue", {"client_key": "c"})
    assert ref.status_code == 202
    turn_id = ref.json()["turn_id"]
    events = ann.get(f"/chat/turns/{turn_id}/events").text
    assert "event: chat.done" in events
    done = ann.get(f"/chat/turns/{turn_id}").json()
    assert (done["state"], done["content"]) == ("done", " and the end.")
    assert [one["text"] for one in ann.messages(conversation)][-1] == " and the end."


def test_edit_and_retry_keep_every_branch(web: Web, model: SimulatedProvider) -> None:
    model.script({"when": "blue", "reply": "Blue it is."}, {"when": "red", "reply": "Red it is."})
    ann = Client(web, "ann")
    conversation = ann.conversation()
    ann.say(conversation, "I like red")
    question = ann.messages(conversation)[0]
    ref = ann.post(
        f"/chat/messages/{question['id']}/edit", {"content": "I like blue", "client_key": "e"}
    ).json()
    assert "chat.done" in ann.get(f"/chat/turns/{ref['turn_id']}/events").text
    shown = ann.messages(conversation)
    assert [one["text"] for one in shown] == ["I like blue", "Blue it is."]
    variants = shown[0]["variants"]
    assert (variants["index"], variants["count"]) == (2, 2)
    back = ann.patch(
        f"/chat/conversations/{conversation}", {"active_branch_id": variants["branch_ids"][0]}
    )
    assert back.status_code == 200
    assert [one["text"] for one in ann.messages(conversation)] == ["I like red", "Red it is."]
    turn_id = ann.messages(conversation)[1]["turn_id"]
    again = ann.post(f"/chat/turns/{turn_id}/retry", {"client_key": "r"}).json()
    assert "chat.done" in ann.get(f"/chat/turns/{again['turn_id']}/events").text
    retried = ann.messages(conversation)
    assert retried[0]["text"] == "I like red"
    assert retried[1]["variants"]["count"] == 2


def test_a_stream_can_be_resumed_by_its_last_event_id(web: Web, model: SimulatedProvider) -> None:
    model.script({"when": ".", "reply": "one two three four five six", "gap_ms": 30})
    ann = Client(web, "ann")
    body = {"conversation_id": ann.conversation(), "content": "count", "client_key": "s"}
    with ann.http.stream("POST", "/chat/messages", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        whole = answer.read().decode()
    blocks = [block for block in whole.split("\n\n") if block.startswith("id:")]
    turn_id = whole.split('"turn":"', 1)[1].split('"', 1)[0]
    half = len(blocks) // 2
    rest = ann.http.get(f"/chat/turns/{turn_id}/events", headers={"Last-Event-ID": str(half)}).text
    resumed = [block for block in rest.split("\n\n") if block.startswith("id:")]
    assert resumed == blocks[half:]


def test_cancel_answers_when_the_turn_has_stopped_and_keeps_its_text(
    web: Web, model: SimulatedProvider
) -> None:
    model.script({"when": ".", "reply": "word " * 500, "gap_ms": 20})
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with ann.socket() as socket:
        socket.until("connected")
        socket.send("chat.message", conversation_id=conversation, content="go", client_key="x")
        turn_id = socket.until("chat.delta")[-1]["payload"]["turn"]
        stopped = ann.post(f"/chat/turns/{turn_id}/cancel").json()
        assert stopped["state"] == "cancelled"
        done = socket.until("chat.done")[-1]["payload"]
    assert done["state"] == "cancelled"
    assert done["content"] == stopped["content"] != ""
    assert ann.messages(conversation)[-1]["text"] == done["content"]
    model.wait_until(lambda provider: provider.stats()["open_streams"] == 0)


def test_a_second_message_during_an_answer_is_refused_without_loss(
    web: Web, model: SimulatedProvider
) -> None:
    model.script({"when": ".", "reply": "word " * 200, "gap_ms": 20})
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with ann.socket() as socket:
        socket.until("connected")
        socket.send("chat.message", conversation_id=conversation, content="a", client_key="1")
        turn = socket.until("chat.delta")[-1]["payload"]["turn"]
        ref = socket.send("chat.message", conversation_id=conversation, content="b", client_key="2")
        error = socket.until("error")[-1]["payload"]
        assert error["ref"] == ref
        assert error["problem"]["code"] == "turn-in-progress"
        assert error["problem"]["turn"] == turn
        ann.post(f"/chat/turns/{turn}/cancel")


@pytest.mark.parametrize(
    ("content", "code"),
    [("", "empty-message"), ("   \n", "empty-message"), ("a\x00b", "unstorable-text")],
)
def test_bad_text_is_refused_with_a_pointer_and_nothing_is_kept(
    web: Web, no_model: None, content: str, code: str
) -> None:
    ann = Client(web, "ann")
    conversation = ann.conversation()
    body = {"conversation_id": conversation, "content": content, "client_key": "k"}
    answer = ann.post("/chat/messages", body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert answer.json()["errors"][0]["pointer"] == "/content"
    assert ann.messages(conversation) == []


def test_a_lone_surrogate_and_an_overlong_message_are_refused(web: Web, no_model: None) -> None:
    ann = Client(web, "ann")
    conversation = ann.conversation()
    raw = f'{{"conversation_id": "{conversation}", "content": "half \\ud800", "client_key": "k"}}'
    answer = ann.http.post(
        "/chat/messages", content=raw, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    long = ann.post(
        "/chat/messages",
        {"conversation_id": conversation, "content": "x" * 200_001, "client_key": "k"},
    )
    assert (long.status_code, long.json()["code"]) == (422, "message-too-long")
    assert ann.messages(conversation) == []


def test_conversations_are_listed_searched_renamed_archived_deleted_and_restored(
    web: Web, model: SimulatedProvider
) -> None:
    model.script({"when": ".", "reply": "The quick brown fox."})
    ann = Client(web, "ann")
    ids = [ann.conversation(f"Topic {number}") for number in range(5)]
    ann.say(ids[0], "about foxes and zebras")
    listed, cursor = [], None
    while True:
        page = ann.get("/chat/conversations", limit=2, **({"cursor": cursor} if cursor else {}))
        listed += [one["id"] for one in page.json()["items"]]
        cursor = page.json()["next"]
        if cursor is None:
            break
    assert listed == [ids[0], *reversed(ids[1:])]
    hits = ann.get("/chat/conversations", q="zebr").json()["items"]
    assert [one["id"] for one in hits] == [ids[0]]
    assert "<<zebras>>" in hits[0]["match"]
    assert [one["id"] for one in ann.get("/chat/conversations", q="topic 3").json()["items"]] == [
        ids[3]
    ]
    renamed = ann.patch(f"/chat/conversations/{ids[1]}", {"title": "New name"}).json()
    assert renamed["title"] == "New name"
    ann.patch(f"/chat/conversations/{ids[1]}", {"archived": True})
    assert ids[1] not in [one["id"] for one in ann.get("/chat/conversations").json()["items"]]
    archived = ann.get("/chat/conversations", archived=True).json()["items"]
    assert [one["id"] for one in archived] == [ids[1]]
    assert ann.delete(f"/chat/conversations/{ids[2]}").status_code == 204
    assert ann.get(f"/chat/conversations/{ids[2]}").status_code == 404
    restored = ann.post(f"/chat/conversations/{ids[2]}/restore")
    assert (restored.status_code, restored.json()["title"]) == (200, "Topic 2")
    assert ann.get(f"/chat/conversations/{ids[2]}").status_code == 200


def test_search_text_is_data_not_syntax(web: Web, no_model: None) -> None:
    ann = Client(web, "ann")
    ann.conversation("100% pure_fun")
    for query in ("'", "a & | !", "foo:*", "\\", "<->", "💥", "' or 1=1 --", "%", "_" * 300):
        assert ann.get("/chat/conversations", q=query).status_code == 200
    assert len(ann.get("/chat/conversations", q="100% p").json()["items"]) == 1
    assert ann.get("/chat/conversations", q="100_ p").json()["items"] == []


def test_creating_twice_under_one_idempotency_key_makes_one_conversation(
    web: Web, no_model: None
) -> None:
    ann = Client(web, "ann")
    body = {"agent_id": ann.agent_id(), "title": "Once"}
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    made = [ann.post("/chat/conversations", body, headers=headers).json()["id"] for _ in range(3)]
    assert len(set(made)) == 1
    other = ann.post("/chat/conversations", body | {"title": "Else"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-mismatch")


def test_messages_page_in_both_directions_without_gaps(web: Web, model: SimulatedProvider) -> None:
    ann = Client(web, "ann")
    conversation = ann.conversation()
    for number in range(6):
        ann.say(conversation, f"message {number}")
    every = [one["seq"] for one in ann.messages(conversation, limit=100)]
    assert every == list(range(1, 13))
    found, before = [], None
    while True:
        query = {"limit": 5} | ({"before": before} if before else {})
        page = ann.get(f"/chat/messages/{conversation}", **query).json()
        found = [one["seq"] for one in page["items"]] + found
        before = page["next_before"]
        if before is None:
            break
    assert found == every
    found, after = [], 0
    while after is not None:
        page = ann.get(f"/chat/messages/{conversation}", limit=5, after=after).json()
        found += [one["seq"] for one in page["items"]]
        after = page["next_after"]
    assert found == every


def test_feedback_is_kept_changed_and_taken_back(web: Web, model: SimulatedProvider) -> None:
    ann = Client(web, "ann")
    message = ann.say(ann.conversation(), "hi")["message"]
    for signal, kept in (("positive", "positive"), ("negative", "negative"), ("neutral", None)):
        answer = ann.put(f"/chat/messages/{message['id']}/feedback", {"signal": signal})
        assert (answer.status_code, answer.json()["feedback"]) == (200, kept)


def test_agents_are_listed_made_and_changed_by_tenant_admins_only(web: Web, no_model: None) -> None:
    admin, ann = Client(web, "admin"), Client(web, "ann")
    made = admin.post("/agents", {"name": "Lawyer", "instructions": "Cite sources."})
    assert made.status_code == 201, made.text
    assert made.json()["slug"] == "lawyer"
    taken = admin.post("/agents", {"name": "Lawyer"})
    assert (taken.status_code, taken.json()["code"]) == (409, "agent-name-taken")
    changed = admin.patch(f"/agents/{made.json()['id']}", {"instructions": "Be brief."})
    assert changed.json()["instructions"] == "Be brief."
    assert [one["name"] for one in ann.get("/agents").json()["items"]] == ["Lawyer", "Soma"]
    assert ann.post("/agents", {"name": "Mine"}).status_code == 403
    refused = ann.patch(f"/agents/{made.json()['id']}", {"name": "Hacked"})
    assert refused.status_code in (403, 404)


def test_the_knobs_of_an_agent_reach_the_provider_and_bound_the_turn(
    web: Web, model: SimulatedProvider
) -> None:
    admin, ann = Client(web, "admin"), Client(web, "ann")
    wild = {"intelligence": 10, "autonomy": 1, "resource_usd": 0.2}
    derived = ann.get("/agents/derived", **wild).json()
    assert (derived["temperature"], derived["output_tokens"]) == (0.9, 8192)
    assert (derived["turn_tokens"], derived["recall_items"]) == (10_000, 50)
    assert (derived["asks_person"], derived["tool_approval"], derived["egress"]) == (
        True,
        "every",
        "none",
    )
    made = admin.post("/agents", {"name": "Poet"} | wild).json()
    assert made["derived"] == derived
    conversation = ann.post("/chat/conversations", {"agent_id": made["id"]}).json()["id"]
    for number in range(8):
        ann.say(conversation, f"Line {number}. " + "So the story goes on. " * 100)
    ann.say(conversation, "And now a poem.")
    asked = [one["body"] for one in model.captured()]
    (poem,) = [one for one in asked if one["messages"][-1]["content"] == "And now a poem."]
    limit = poem.get("max_tokens") or poem["max_completion_tokens"]
    assert (poem["temperature"], limit) == (0.9, 5_000)
    # The oldest lines had no room within the agent's budget; the newest is there.
    said = " ".join(one["content"] for one in poem["messages"])
    assert len(said) < (10_000 - limit) * 4
    assert "Line 7." in said
    assert "Line 0." not in said

    saved = admin.patch(f"/agents/{made['id']}", {"intelligence": 1, "resource_usd": 3}).json()
    assert (saved["derived"]["temperature"], saved["derived"]["turn_tokens"]) == (0.3, 100_000)
    ann.say(conversation, "Once more.")
    (again,) = [
        one["body"]
        for one in model.captured()
        if one["body"]["messages"][-1]["content"] == "Once more."
    ]
    assert (again["temperature"], again.get("max_tokens") or again["max_completion_tokens"]) == (
        0.3,
        512,
    )
    for wrong in ({"intelligence": 0}, {"autonomy": 11}, {"resource_usd": -1}):
        refused = admin.patch(f"/agents/{made['id']}", wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation")


def test_what_a_prompt_has_no_room_for_is_summarised_and_accounted_for(
    web: Web, model: SimulatedProvider
) -> None:
    from tests.support.web import eventually

    model.script(
        {"when": "write one new summary", "reply": "They planned a trip to Oulu."},
        {"when": ".", "reply": "Yes."},
    )
    admin, ann = Client(web, "admin"), Client(web, "ann")
    small = admin.post("/agents", {"name": "Small", "resource_usd": 0.1, "intelligence": 1})
    conversation = ann.post("/chat/conversations", {"agent_id": small.json()["id"]}).json()["id"]
    first = ann.say(conversation, "Let us plan a trip to Oulu.")
    for number in range(12):
        ann.say(conversation, f"Step {number}. " + "and then we go on " * 250)

    def summaries() -> list[str]:
        prompts = [one["body"]["messages"][0]["content"] for one in model.captured()]
        return [one for one in prompts if "Write one new summary" in one]

    eventually(summaries, "no summary was made")
    assert "plan a trip to Oulu" in summaries()[0]

    def last_prompt() -> str:
        answer = ann.say(conversation, "Where were we going?")
        nonlocal report
        report = ann.get(f"/chat/turns/{answer['turn']['id']}/context").json()
        asked = [one["body"]["messages"] for one in model.captured()]
        ours = [one for one in asked if one[-1]["content"] == "Where were we going?"]
        return str(ours[-1][0]["content"])

    report: dict = {}
    eventually(lambda: "They planned a trip to Oulu." in last_prompt(), "it reached no prompt")
    assert report["history_summarised"] >= 6
    assert report["history_cut"] >= report["history_summarised"]
    assert report["history_kept"] >= 1
    assert sum(report["lanes"].values()) + 512 <= 10_000
    assert all(report["used"][lane] <= report["lanes"][lane] for lane in report["used"])
    # Nobody else's business, and no account where no model was asked.
    bob = Client(web, "bob")
    assert bob.get(f"/chat/turns/{first['turn']['id']}/context").status_code == 404
    model.script({"when": ".", "fail": "500"})


def test_what_was_recalled_reaches_the_models_prompt(
    web: Web, model: SimulatedProvider, worker_process: object
) -> None:
    from tests.support.web import eventually

    ann = Client(web, "ann")
    ann.say(ann.conversation(), "My dentist is Doctor Okonkwo in Lagos.")
    eventually(
        lambda: ann.get("/memory/search", q="dentist Okonkwo").json()["items"],
        "the turn was not remembered",
    )
    assert ann.get("/memory/recent").json()["items"]
    ann.say(ann.conversation(), "Who is my dentist?")
    asked = [
        one["body"]
        for one in model.captured()
        if one["body"]["messages"][-1]["content"] == "Who is my dentist?"
    ]
    prompt = asked[0]["messages"][0]
    assert prompt["role"] == "system"
    assert "Doctor Okonkwo" in prompt["content"]
    bob = Client(web, "bob")
    assert bob.get("/memory/search", q="dentist Okonkwo").json()["items"] == []


def test_an_answer_from_memory_cites_all_that_it_quotes(
    web: Web, model: SimulatedProvider, worker_process: object
) -> None:
    from tests.support.web import eventually

    admin, ann = Client(web, "admin"), Client(web, "ann")
    # A prompt of a thousand tokens has no room for passages as long as these.
    small = admin.post("/agents", {"name": "Thrifty", "resource_usd": 0.01}).json()["id"]

    def ask(text: str) -> dict:
        conversation = ann.post("/chat/conversations", {"agent_id": small}).json()["id"]
        return dict(ann.say(conversation, text))

    for place in ("Oulu", "Lagos", "Quito"):
        ask(f"My boat lies in the harbour of {place}. " + "It is painted blue and white. " * 12)
    found = {"q": "boat harbour", "agent_id": small}
    eventually(
        lambda: len(ann.get("/memory/search", **found).json()["items"]) >= 3, "not remembered"
    )
    model.script({"when": ".", "fail": "500"})
    answer = ask("In which harbour does my boat lie?")
    text = answer["message"]["text"]
    cited = " ".join(one["text"] for one in answer["turn"]["recalled"])
    quoted = [place for place in ("Oulu", "Lagos", "Quito") if f"harbour of {place}" in text]
    assert len(quoted) >= 2
    assert all(f"harbour of {place}" in cited for place in quoted)


def test_malformed_requests_get_problems_never_stack_traces(web: Web, no_model: None) -> None:
    ann = Client(web, "ann")
    bodies = [b"", b"{", b"[1,2]", b'"text"', b"\xff\xfe", b'{"conversation_id": 5}', b"null"]
    for path in ("/chat/messages", "/chat/conversations", "/auth/login"):
        for body in bodies:
            answer = ann.http.post(path, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code in (400, 422), (path, body, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert "Traceback" not in answer.text
    unknown = ann.get("/no/such/thing")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not-found")
    assert httpx.get(f"{web.base}/api/v1/x").json()["status"] == 404
    assert ann.http.delete("/agents").status_code == 405


def test_every_answer_carries_the_request_id_of_its_problem(web: Web, no_model: None) -> None:
    ann = Client(web, "ann")
    answer = ann.http.get(f"/chat/turns/{uuid.uuid4()}", headers={"X-Request-ID": "abc-12345678"})
    assert answer.status_code == 404
    assert answer.headers["X-Request-ID"] == "abc-12345678"
    assert answer.json()["instance"] == "abc-12345678"


def test_an_answer_is_never_missing_while_its_turn_ends(web: Web, model: SimulatedProvider) -> None:
    """Whoever reads in that moment finds it open or stored, never neither."""
    model.script({"when": ".", "reply": "Yes, it is so.", "ttft_ms": 5})
    ann = Client(web, "ann")
    with ann.socket() as socket:
        socket.until("connected")
        for number in range(25):
            conversation = ann.conversation()
            socket.send(
                "chat.message", conversation_id=conversation, content="?", client_key=str(number)
            )
            accepted = socket.until("chat.accepted")[-1]["payload"]
            while True:
                page = ann.get(f"/chat/messages/{conversation}").json()
                stored = [one["id"] for one in page["items"]]
                running = page["open_turn"]["message_id"] if page["open_turn"] else None
                assert [*stored, running].count(accepted["message_id"]) == 1, page
                if running is None:
                    break
            socket.until("chat.done")


def test_the_api_documents_itself_without_a_foreign_host(web: Web, no_model: None) -> None:
    page = httpx.get(f"{web.base}/api/v2/docs")
    assert page.status_code == 200
    assert "openapi.json" in page.text
    assert "cdn" not in page.text
    scripts = re.findall(r'src="(/static/[^"]+)"', page.text)
    assert scripts
    assert all(httpx.get(web.base + script).status_code == 200 for script in scripts)
