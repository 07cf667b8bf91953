"""The simulated provider as its users meet it: OpenAI's own client, a shell, a load test."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from gateway.adapters.openai_wire import OpenAIWire
from gateway.parts import Message, ModelRequest, TextDelta
from gateway.ports import Endpoint, Secret
from tests.support.simulator import ROOT, SimulatedProvider, simulated_provider


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedProvider]:
    with simulated_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: SimulatedProvider) -> SimulatedProvider:
    running.reset()
    return running


@pytest.fixture
def client(provider: SimulatedProvider) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=provider.base_url, api_key="k", max_retries=0) as made:
        yield made


QUESTION = [{"role": "user", "content": "What is the weather?"}]


def test_openais_client_streams(client: openai.OpenAI, provider: SimulatedProvider) -> None:
    provider.script({"when": "weather", "reply": "It rains."})
    with client.chat.completions.create(
        model="m", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    assert "".join(it.choices[0].delta.content or "" for it in chunks if it.choices) == "It rains."
    assert chunks[-1].usage.completion_tokens == 2
    assert chunks[-2].choices[0].finish_reason == "stop"


def test_openais_client_gets_a_whole_answer(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="m", messages=QUESTION, max_tokens=2)
    assert answer.choices[0].message.content == "word0 word1 "
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.total_tokens == 6


@pytest.mark.parametrize("stream", [False, True])
def test_openais_client_gets_tool_calls(
    client: openai.OpenAI, provider: SimulatedProvider, stream: bool
) -> None:
    provider.script({"tool_calls": [{"name": "weather", "arguments": {"city": "Ulm"}}]})
    if stream:
        with client.chat.completions.stream(model="m", messages=QUESTION) as events:
            answer = events.get_final_completion()
    else:
        answer = client.chat.completions.create(model="m", messages=QUESTION)
    call = answer.choices[0].message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("weather", '{"city": "Ulm"}')
    assert answer.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ("401", openai.AuthenticationError),
        ("404", openai.NotFoundError),
        ("429", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("context", openai.BadRequestError),
        ("reset", openai.APIConnectionError),
    ],
)
def test_openais_client_meets_the_failures(
    client: openai.OpenAI, provider: SimulatedProvider, failure: str, error: type[Exception]
) -> None:
    provider.script({"fail": failure, "retry_after": 3})
    with pytest.raises(error) as caught:
        client.chat.completions.create(model="m", messages=QUESTION)
    if failure == "429":
        assert caught.value.response.headers["retry-after"] == "3"


def test_openais_client_lists_models_and_embeds(client: openai.OpenAI) -> None:
    assert "simulated" in [model.id for model in client.models.list()]
    texts = ["a red apple", "a red apple", "red apple pie", "quantum physics"]
    vectors = [it.embedding for it in client.embeddings.create(model="e", input=texts).data]
    assert len(vectors[0]) == 384
    assert vectors[0] == vectors[1]

    def alike(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert alike(vectors[0], vectors[2]) > alike(vectors[0], vectors[3]) + 0.3
    short = client.embeddings.create(model="e", input="x", dimensions=16, encoding_format="float")
    assert len(short.data[0].embedding) == 16


def test_what_was_received_can_be_read(client: openai.OpenAI, provider: SimulatedProvider) -> None:
    client.chat.completions.create(model="m", messages=QUESTION, temperature=0.5)
    (seen,) = provider.captured()
    assert seen["path"] == "/v1/chat/completions"
    assert seen["body"]["messages"] == QUESTION
    assert seen["body"]["temperature"] == 0.5
    assert seen["finished"] is True


def test_a_wrong_script_is_refused_and_changes_nothing(provider: SimulatedProvider) -> None:
    provider.script({"reply": "kept"})
    with pytest.raises(Exception, match="400"):
        provider.script({"fail": "nonsense"})
    with openai.OpenAI(base_url=provider.base_url, api_key="k") as client:
        answer = client.chat.completions.create(model="m", messages=QUESTION)
    assert answer.choices[0].message.content == "kept"


def test_the_pace_is_kept() -> None:
    at_once, paced = (
        _arrivals(ttft_ms=0, gap_ms=0),
        _arrivals(ttft_ms=100, gap_ms=20),
    )
    # A busy machine may be late, never early.
    assert all(at >= 0.1 + 0.02 * place - 0.002 for place, at in enumerate(paced))
    assert at_once[-1] < paced[-1]


def _arrivals(**pace: int) -> list[float]:
    """Seconds from the request to each of eleven tokens, on a connection that is open already."""
    with (
        simulated_provider(tokens=11, **pace) as provider,
        openai.OpenAI(base_url=provider.base_url, api_key="k") as client,
    ):
        client.models.list()
        started = time.monotonic()
        return [
            time.monotonic() - started
            for chunk in client.chat.completions.create(model="m", messages=QUESTION, stream=True)
            if chunk.choices and chunk.choices[0].delta.content
        ]


async def test_three_hundred_streams_at_fifty_tokens_a_second_keep_their_pace() -> None:
    def start() -> tuple[object, SimulatedProvider]:
        manager = simulated_provider(ttft_ms=50, gap_ms=20, tokens=50)
        return manager, manager.__enter__()

    manager, provider = await asyncio.to_thread(start)
    wire = OpenAIWire()
    endpoint = Endpoint(provider.base_url, Secret("k"), "openai-compatible", "m")
    request = ModelRequest("", (Message.of_text("user", "hi"),))
    expected = "".join(f"word{number} " for number in range(50))

    async def one() -> str:
        events = [event async for event in wire.stream(request, endpoint)]
        return "".join(event.text for event in events if isinstance(event, TextDelta))

    started = time.monotonic()
    texts = await asyncio.gather(*(one() for _ in range(300)))
    took_s = time.monotonic() - started
    await wire.close()
    await asyncio.to_thread(manager.__exit__, None, None, None)
    assert texts == [expected] * 300
    # One takes 1.03 s: not one after the other.
    assert took_s < 60


def start(*options: str, **keywords: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway.simulator", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **keywords,  # type: ignore[call-overload]
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_stops_on_a_signal(number: signal.Signals) -> None:
    with start("--port=0") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening on 127.0.0.1:")
        process.send_signal(number)
        assert process.wait(timeout=10) == 0


def test_it_ends_with_the_process_that_started_it() -> None:
    with start("--port=0", "--while-stdin-open", stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_it_stops_in_the_middle_of_streams() -> None:
    with (
        simulated_provider(gap_ms=50, tokens=10_000) as provider,
        openai.OpenAI(base_url=provider.base_url, api_key="k") as client,
    ):
        stream = client.chat.completions.create(model="m", messages=QUESTION, stream=True)
        next(iter(stream))
        provider.process.terminate()
        assert provider.process.wait(timeout=10) == 0
        stream.close()


def test_a_script_file_and_the_command_of_manage_py(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("- when: weather\n  reply: Snow.\n- fail: 500\n")
    with subprocess.Popen(
        [sys.executable, "manage.py", "simulate_llm", "--port=0", f"--script={script}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2])
        with openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="k") as client:
            answer = client.chat.completions.create(model="m", messages=QUESTION)
        process.terminate()
        assert process.wait(timeout=10) == 0
    assert answer.choices[0].message.content == "Snow."


@pytest.mark.parametrize("through_django", [False, True])
def test_a_busy_port_and_a_wrong_script_are_told_in_one_line(
    tmp_path: Path, through_django: bool
) -> None:
    command = ["manage.py", "simulate_llm"] if through_django else ["-m", "gateway.simulator"]
    script = tmp_path / "script.json"
    script.write_text('[{"fail": "nonsense"}]')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for options, words in (
            ([f"--port={port}"], str(port)),
            (["--port=0", f"--script={script}"], "unknown failure"),
            (["--port=0", "--script=/no/such/file"], "No such file"),
        ):
            done = subprocess.run(
                [sys.executable, *command, *options],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode != 0
            assert words in done.stderr
            assert "Traceback" not in done.stderr
