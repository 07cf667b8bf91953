"""Requests as OpenAI-compatible servers want them, and what is learnt from a refusal."""

import pytest

from gateway.adapters.openai_request import Dialect, chat_body, first_dialect, learn
from gateway.drafts import Findings, ModelDraft, checked_models
from gateway.environment import named_in
from gateway.parts import (
    Message,
    ModelRequest,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from gateway.ports import Endpoint, Secret
from gateway.presets import KINDS, chat_models, limits_of
from gateway.simulator.script import Plan, ScriptInvalid, load_script, parse_script
from gateway.tokens import estimate_prompt_tokens, estimate_tokens

ENDPOINT = Endpoint("http://x/v1", Secret("k"), "openai-compatible", "own")


def test_messages_keep_roles_text_calls_and_results() -> None:
    messages = (
        Message.of_text("system", "s"),
        Message("assistant", (ReasoningPart("secret thought"), TextPart("a"), TextPart("b"))),
        Message("assistant", (ToolCallPart("1", "f", "{}"),)),
        Message("tool", (ToolResultPart("1", "r1"), ToolResultPart("2", "r2"))),
    )
    body = chat_body(ModelRequest("", messages), ENDPOINT, Dialect())
    assert body["model"] == "own"
    assert [entry["role"] for entry in body["messages"]] == [
        "system",
        "assistant",
        "assistant",
        "tool",
        "tool",
    ]
    assert body["messages"][1]["content"] == "ab"
    assert body["messages"][2]["content"] is None
    assert body["messages"][2]["tool_calls"][0]["function"]["name"] == "f"
    assert "secret thought" not in str(body)


def test_only_what_is_asked_for_is_sent() -> None:
    body = chat_body(ModelRequest("other", ()), ENDPOINT, Dialect())
    assert set(body) == {"model", "messages", "stream", "stream_options"}
    full = ModelRequest("m", (), max_output_tokens=5, temperature=0.0, stop=("x",))
    body = chat_body(full, ENDPOINT, Dialect(stream_options=False))
    assert body["max_tokens"] == 5
    assert body["temperature"] == 0.0
    assert body["stop"] == ["x"]
    assert "stream_options" not in body


def test_only_openai_itself_gets_the_new_name_of_the_limit() -> None:
    assert first_dialect("https://api.openai.com/v1/x").completion_limit_name == (
        "max_completion_tokens"
    )
    assert first_dialect("http://127.0.0.1:8000/v1/x").completion_limit_name == "max_tokens"


@pytest.mark.parametrize(
    ("parameter", "text", "changed"),
    [
        ("", "Unrecognized request argument supplied: stream_options", {"stream_options": False}),
        ("stream_options", "not permitted", {"stream_options": False}),
        (
            "max_tokens",
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
            {"completion_limit_name": "max_completion_tokens"},
        ),
        ("temperature", "Unsupported value", {"temperature": False}),
        ("stop", "Unsupported parameter", {"stop": False}),
    ],
)
def test_a_refused_field_is_left_out_next_time(
    parameter: str, text: str, changed: dict[str, object]
) -> None:
    learnt = learn(Dialect(), parameter, text)
    assert learnt is not None
    assert {name: getattr(learnt, name) for name in changed} == changed


def test_learning_ends() -> None:
    dialect: Dialect | None = Dialect()
    text = "stream_options temperature unsupported"
    for _ in range(3):
        assert dialect is not None
        dialect = learn(dialect, "", text)
    assert dialect is None


@pytest.mark.parametrize("text", ["max_tokens is too large: 99999", "messages is required", ""])
def test_a_wrong_value_is_not_cured_by_leaving_fields_out(text: str) -> None:
    assert learn(Dialect(), "", text) is None


def test_secrets_hide_themselves() -> None:
    secret = Secret("sk-1")
    assert "sk-1" not in f"{secret} {secret!r} {ENDPOINT!r}"
    assert secret.reveal() == "sk-1"
    assert not Secret("")


def test_token_estimates_are_on_the_safe_side() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("a") == 1
    # cl100k counts 10 and 13 tokens for these.
    assert 10 <= estimate_tokens("The quick brown fox jumps over the lazy dog.") <= 16
    assert estimate_tokens("日本語の文章です。") >= 8
    assert estimate_tokens("\ud800") == 1
    assert estimate_prompt_tokens([Message.of_text("user", "a")]) == 5


def test_every_kind_can_be_used_with_what_the_presets_know() -> None:
    for kind in KINDS.values():
        for name in [*(model.name for model in kind.models), "unheard-of"]:
            known = limits_of(kind.kind, name)
            assert 0 < known.output_limit <= known.window


def test_what_is_not_for_chat_is_not_offered() -> None:
    names = ["nomic-embed-text", "llama3.2", "all-minilm", "bge-m3", "qwen3"]
    assert chat_models(names) == ["llama3.2", "qwen3"]


def test_models_are_filled_in_and_doubles_dropped() -> None:
    drafts = (ModelDraft("gpt-4o"), ModelDraft(" gpt-4o "), ModelDraft("new", window=1_000))
    findings = Findings()
    first, second = checked_models(drafts, KINDS["openai"], findings)
    assert findings.errors == []
    assert (first.display_name, first.window) == ("GPT-4o", 128_000)
    assert (second.window, second.output_limit) == (1_000, 500)


class TestEnvironmentNames:
    def names(self, **environ: str) -> dict[str, str]:
        return {found.kind: found.base_url for found in named_in(environ)}

    def test_nothing_set_means_only_a_look_for_ollama(self) -> None:
        assert self.names() == {"ollama": "http://127.0.0.1:11434/v1"}
        assert named_in({})[0].optional
        assert named_in({})[0].timeout_s == 0.3

    def test_keys_name_providers(self) -> None:
        found = self.names(OPENAI_API_KEY="a", ANTHROPIC_API_KEY="b", DEEPSEEK_API_KEY="c")
        assert set(found) == {"openai", "anthropic", "deepseek", "ollama"}

    def test_an_empty_key_names_nothing(self) -> None:
        assert set(self.names(OPENAI_API_KEY=" ")) == {"ollama"}

    def test_a_key_for_another_server_does_not_go_to_openai(self) -> None:
        found = self.names(OPENAI_API_KEY="a", OPENAI_BASE_URL="http://10.0.0.5:8000/v1")
        assert "openai" not in found
        assert found["openai-compatible"] == "http://10.0.0.5:8000/v1"

    def test_a_key_may_stand_in_a_file(self, tmp_path: object) -> None:
        path = tmp_path / "key"  # type: ignore[operator]
        path.write_text("sk-file\n")
        assert "mistral" in self.names(MISTRAL_API_KEY_FILE=str(path))
        assert "mistral" not in self.names(MISTRAL_API_KEY_FILE=str(path) + "-gone")

    @pytest.mark.parametrize(
        ("host", "url"),
        [
            ("gpu-box", "http://gpu-box:11434/v1"),
            ("0.0.0.0", "http://127.0.0.1:11434/v1"),
            ("10.0.0.2:9000", "http://10.0.0.2:9000/v1"),
            ("https://ollama.example.org", "https://ollama.example.org/v1"),
        ],
    )
    def test_ollama_is_looked_for_where_its_own_variable_says(self, host: str, url: str) -> None:
        assert self.names(OLLAMA_HOST=host)["ollama"] == url


class TestScript:
    def test_the_first_rule_that_matches_and_is_left_applies(self) -> None:
        script = parse_script(
            [
                {"when": "^hi", "reply": "once", "times": 1},
                {"when": "HI", "reply": "again"},
                {"fail": 429},
            ],
            Plan(),
        )
        assert [script.plan("hi").reply, script.plan("hi").reply] == ["once", "again"]
        assert script.plan("other").fail == "429"

    def test_yaml_and_json_mean_the_same(self) -> None:
        yaml = "defaults: {gap_ms: 5}\nrules:\n- when: x\n  reply: y\n"
        json = '{"defaults": {"gap_ms": 5}, "rules": [{"when": "x", "reply": "y"}]}'
        for text in (yaml, json):
            script = load_script(text, Plan())
            assert script.plan("x").reply == "y"
            assert script.plan("z").gap_ms == 5

    @pytest.mark.parametrize(
        "text",
        ['[{"fail": "nonsense"}]', '[{"repply": "x"}]', '[{"when": "("}]', "7", "[7]", "a: [}"],
    )
    def test_mistakes_are_refused(self, text: str) -> None:
        with pytest.raises(ScriptInvalid):
            load_script(text, Plan())

    @pytest.mark.parametrize("reply", ["", "a", " a  b\n\nc ", "日本 語\t", "\n"])
    def test_words_join_to_the_reply(self, reply: str) -> None:
        assert "".join(Plan(reply=reply).words()) == reply
