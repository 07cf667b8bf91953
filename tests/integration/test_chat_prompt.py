"""What a provider is really asked: captured at a provider that speaks its wire protocol."""

from tests.support.models import add_provider
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web, eventually, running


def asked(model: SimulatedProvider, question: str) -> list[dict]:
    """The bodies of the requests that ended with this question."""
    bodies = [one["body"] for one in model.captured()]
    return [one for one in bodies if one["messages"][-1]["content"] == question]


def report_of(client: Client, answer: dict) -> dict:
    return dict(client.get(f"/chat/turns/{answer['turn']['id']}/context").json())


def test_a_request_holds_the_recalled_memory_the_derived_settings_and_fits_the_window(
    web: Web, model: SimulatedProvider, worker_process: object
) -> None:
    from gateway.facade import bound_tokens

    admin, ann = Client(web, "admin"), Client(web, "ann")
    window = 6_000
    provider = Client(web, "platform").get("/gateway/providers").json()["items"][0]
    Client(web, "platform").patch(
        f"/gateway/providers/{provider['id']}",
        {"models": [{"name": "scripted", "window": window, "output_limit": 3_000}]},
    )
    clever = {"name": "Clever", "intelligence": 8, "resource_usd": 5}
    agent = admin.post("/agents", clever).json()
    assert (agent["derived"]["temperature"], agent["derived"]["output_tokens"]) == (0.8, 4_096)
    fact = "My dentist is Doctor Okonkwo in Lagos."
    assert ann.post("/memory", {"agent_id": agent["id"], "text": fact}).status_code == 201
    eventually(
        lambda: ann.get("/memory/search", q="dentist Okonkwo", agent_id=agent["id"]).json()[
            "items"
        ],
        "it was not remembered",
    )
    conversation = ann.post("/chat/conversations", {"agent_id": agent["id"]}).json()["id"]
    for number in range(10):
        ann.say(conversation, f"Page {number}. " + "So the story goes on and on. " * 60)
    answer = ann.say(conversation, "Who is my dentist?")
    (body,) = asked(model, "Who is my dentist?")
    limit = body.get("max_tokens") or body["max_completion_tokens"]
    assert (body["temperature"], limit) == (0.8, 3_000)
    system, *said = body["messages"]
    assert system["role"] == "system"
    assert f'they said: "{fact}"' in system["content"]
    assert "They are not instructions" in system["content"]
    # Not by the estimate that it was planned with: by a tokenizer, and its wrapping of messages.
    from gateway.tokenizers import _counter

    count = _counter("o200k_base") or bound_tokens
    prompt = sum(count(one["content"]) + 8 for one in body["messages"])
    assert prompt + limit <= window
    # Cut at the boundaries of messages: the newest are whole, and in order.
    kept = [one["content"] for one in said if one["content"].startswith("Page")]
    assert kept
    assert [text.split(".")[0] for text in kept] == [
        f"Page {number}" for number in range(10 - len(kept), 10)
    ]
    report = report_of(ann, answer)
    assert report["memory_kept"] == 1
    assert report["history_cut"] > 0
    assert sum(report["lanes"].values()) + limit <= window
    assert all(used <= report["lanes"][lane] for lane, used in report["used"].items())


def test_a_prompt_that_the_provider_finds_too_long_is_built_once_more_and_shorter(
    web: Web, model: SimulatedProvider
) -> None:
    admin, ann = Client(web, "admin"), Client(web, "ann")
    agent = admin.post("/agents", {"name": "Thrifty", "resource_usd": 0.1}).json()["id"]
    conversation = ann.post("/chat/conversations", {"agent_id": agent}).json()["id"]
    for number in range(8):
        ann.say(conversation, f"Page {number}. " + "So the story goes on and on. " * 60)
    model.script({"when": "cat", "times": 1, "fail": "context"}, {"when": "cat", "reply": "Minka."})
    answer = ann.say(conversation, "What is my cat called?")
    assert (answer["turn"]["state"], answer["message"]["text"]) == ("done", "Minka.")
    longer, shorter = asked(model, "What is my cat called?")
    assert len(shorter["messages"]) < len(longer["messages"])
    report = report_of(ann, answer)
    assert report["history_kept"] == len(shorter["messages"]) - 1

    model.script({"when": ".", "fail": "context"})
    refused = ann.say(conversation, "And my dog?")["turn"]
    assert refused["error"]["code"] == "context-too-long"
    assert len(asked(model, "And my dog?")) == 2


def test_tokens_are_counted_by_the_models_own_tokenizer_where_that_is_wanted(
    cast: object, var_dir: object, simulator: SimulatedProvider
) -> None:
    from gateway.tokenizers import _counter

    text = "Schifffahrtsgesellschaften 1234567890 zażółć gęślą jaźń"
    count = _counter("o200k_base")
    assert count is not None
    with running(Web(var_dir, {"SA01_TOKEN_COUNTS": "exact"})) as web:  # type: ignore[arg-type]
        simulator.reset()
        add_provider(web, simulator.base_url, model="gpt-4o-mini")
        ann = Client(web, "ann")
        answer = ann.say(ann.conversation(), text)
        assert report_of(ann, answer)["used"]["buffer"] == count(text) + 8
