"""Personal data does not reach a provider outside, and is there in the answer and in the record."""

import json
from pathlib import Path

import pytest

from chat.privacy import recognising
from kernel.errors import SomaError
from tests.support.cast import Cast
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web, eventually

MAIL, PHONE, IBAN = "ann.smith@example.org", "+49 170 1234567", "DE89 3704 0044 0532 0130 00"
SECRETS = (MAIL, PHONE, IBAN)


@pytest.fixture
def private(web: Web, model: SimulatedProvider) -> Client:
    """Ann, whose tenant has personal data hidden."""
    given = Client(web, "admin").put("/chat/policy", {"redacts": True})
    assert given.status_code == 200, given.text
    return Client(web, "ann")


def sent(model: SimulatedProvider) -> str:
    """All that ever left."""
    return json.dumps([one["body"] for one in model.captured()], ensure_ascii=False)


def test_memory_history_and_message_leave_without_personal_data_and_the_answer_has_it_back(
    private: Client, model: SimulatedProvider, worker_process: object
) -> None:
    ann = private
    told = {"agent_id": ann.agent_id(), "text": f"My bank account is {IBAN}."}
    assert ann.post("/memory", told).status_code == 201
    eventually(lambda: ann.get("/memory/search", q="bank account").json()["items"], "not found")
    model.script(
        {"when": "account", "reply": "Pay to <IBAN_CODE_1>, tell <EMAIL_ADDRESS_1>."},
        {"when": ".", "reply": "I write to <EMAIL_ADDRESS_1>, not to <EMAIL_ADDRESS_9>."},
    )
    conversation = ann.conversation(None)
    first = ann.say(conversation, f"Write to {MAIL}, or call {PHONE}.")
    assert first["message"]["text"] == f"I write to {MAIL}, not to <EMAIL_ADDRESS_9>."
    second = ann.say(conversation, "And what is my bank account?")
    assert second["message"]["text"] == f"Pay to {IBAN}, tell {MAIL}."
    # The title is asked for as well, and later.
    eventually(lambda: "title of at most six" in sent(model), "no title was asked for")
    assert not [secret for secret in SECRETS if secret in sent(model)]
    asked = [one["body"]["messages"] for one in model.captured()]
    (prompt,) = [one for one in asked if one[-1]["content"] == "And what is my bank account?"]
    assert "My bank account is <IBAN_CODE_1>." in prompt[0]["content"]
    assert "stand for personal data" in prompt[0]["content"]
    assert prompt[1]["content"] == "Write to <EMAIL_ADDRESS_1>, or call <PHONE_NUMBER_1>."
    # What is stored is what was said.
    assert ann.messages(conversation)[0]["text"] == f"Write to {MAIL}, or call {PHONE}."
    assert IBAN in second["turn"]["recalled"][0]["text"]


def test_a_stream_never_shows_a_placeholder_nor_a_part_of_one(
    private: Client, model: SimulatedProvider
) -> None:
    model.script(
        {"when": ".", "reply": "<EMAIL_ADDRESS_1> and <EMAIL_ADDRESS_1>, yes", "gap_ms": 60}
    )
    conversation = private.conversation()
    with private.socket() as socket:
        socket.send(
            "chat.message", conversation_id=conversation, content=f"Mail {MAIL}", client_key="k"
        )
        frames = socket.until("chat.done")
    said = [one["payload"]["delta"] for one in frames if one["type"] == "chat.delta"]
    assert "".join(said) == f"{MAIL} and {MAIL}, yes"
    assert not [text for text in said if "EMAIL" in text or "<" in text]


def test_a_provider_of_ones_own_is_told_everything(
    web: Web, private: Client, model: SimulatedProvider
) -> None:
    admin = Client(web, "platform")
    own = {
        "name": "Ours",
        "kind": "vllm",
        "base_url": model.base_url,
        "models": [{"name": "scripted"}],
    }
    made = admin.post("/gateway/providers", own).json()
    assert admin.put(f"/gateway/models/{made['models'][0]['id']}/default").status_code == 200
    private.say(private.conversation(), f"Mail {MAIL}")
    assert MAIL in sent(model)


def test_a_tenant_that_did_not_ask_for_it_is_sent_as_it_is(
    web: Web, private: Client, model: SimulatedProvider
) -> None:
    stranger = Client(web, "stranger")
    stranger.say(stranger.conversation(), f"Mail {MAIL}")
    assert MAIL in sent(model)


def test_without_the_extra_it_cannot_be_turned_on_and_the_problem_says_what_to_install(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chat.policy import Policy, read, set_policy

    monkeypatch.setattr(recognising, "find_spec", lambda name: None)
    with pytest.raises(SomaError) as refused:
        set_policy(cast.admin, Policy(redacts=True))
    problem = refused.value.problem()
    assert (problem["status"], problem["code"]) == (409, "privacy-not-installed")
    assert "pip install --require-hashes -r requirements/privacy.txt" in problem["detail"]
    assert not read(cast.acme).redacts
    # Turned on, and then taken away: nothing leaves.
    recognising.find.cache_clear()
    with pytest.raises(recognising.PrivacyNotInstalled):
        recognising.find("anything")


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (f"Mail {MAIL}", {"EMAIL_ADDRESS"}),
        (f"Call {PHONE}", {"PHONE_NUMBER"}),
        (f"Pay {IBAN}", {"IBAN_CODE"}),
        ("Card 4111 1111 1111 1111", {"CREDIT_CARD"}),
        ("From 192.168.17.4", {"IP_ADDRESS"}),
        ("See https://example.org/a on 2026-03-01 at 10:30", set()),
        ("The valve of segment nine closes in 7 seconds.", set()),
        ("Меня зовут Анна, пишите на anna@example.org", {"EMAIL_ADDRESS"}),
    ],
)
def test_what_is_recognised(text: str, kinds: set[str]) -> None:
    assert {one.kind for one in recognising.find(text)} == kinds


def test_with_a_pipeline_that_names_persons_they_are_hidden_too(tmp_path: Path) -> None:
    import spacy

    from chat.privacy.engines import analyzer

    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Ann Smith"}])
    pipeline.to_disk(tmp_path / "pipeline")
    found = analyzer(str(tmp_path / "pipeline")).analyze("This is Ann Smith.", "en")
    assert [(one.entity_type, one.start, one.end) for one in found] == [("PERSON", 8, 17)]
