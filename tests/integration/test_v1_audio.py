"""Speech over `/v1/audio`: passed on, reserved before it is spent, recorded in its own units."""

import io
import struct
import wave
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import OpenAI

from gateway.ledger.metrics import MICRO, Tokens, amounts
from gateway.v1.audio_asking import read_recording, read_speech
from gateway.v1.shape import ApiError
from tests.support.simulator import SimulatedProvider
from tests.support.v1 import calls, make_key, openai_client
from tests.support.web import Client, Web

SECONDS = 3


def recording(seconds: int = SECONDS) -> bytes:
    """Silence: 16,000 bytes a second."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(16_000 * seconds))
    return out.getvalue()


@pytest.fixture
def speech(web: Web, model: SimulatedProvider) -> Iterator[dict[str, str]]:
    """A provider with a model that hears and one that speaks: {name: model id}."""
    platform = Client(web, "platform")
    made = platform.post(
        "/gateway/providers",
        {
            "name": "Speech", "kind": "openai-compatible", "base_url": model.base_url,
            "api_key": "sk-test-0123456789",
            "models": [{"name": name, "window": 1_000, "output_limit": 1_000}
                       for name in ("whisper-1", "tts-1")],
        },
    ).json()  # fmt: skip
    yield {one["name"]: one["id"] for one in made["models"]}
    platform.delete(f"/gateway/providers/{made['id']}")


@pytest.fixture
def client(web: Web, speech: dict[str, str]) -> OpenAI:
    return openai_client(web, make_key(web)["secret"])


def price(web: Web, model_id: str, micros: int) -> None:
    body = {"input_micros": micros, "output_micros": 0}
    told = Client(web, "platform").put(f"/gateway/models/{model_id}/price", body)
    assert told.status_code == 200


def test_a_recording_is_written_down_and_paid_by_the_second(
    web: Web, client: OpenAI, speech: dict[str, str], model: SimulatedProvider
) -> None:
    price(web, speech["whisper-1"], 100 * MICRO)
    model.script({"reply": "Good morning."})
    told = client.audio.transcriptions.create(
        model="whisper-1", file=("a.wav", recording()), language="en", temperature=0
    )
    assert told.text == "Good morning."
    sent = model.captured(1)[0]["body"]
    assert (sent["model"], sent["language"]) == ("whisper-1", "en")
    assert sent["form_bytes"] > len(recording())
    (call,) = calls(web)
    # The simulator counts the form around the recording too.
    assert (call["kind"], call["audio_seconds"], call["counted"]) == ("transcription", 4, True)
    assert (call["cost_micros"], call["input_tokens"]) == (400, 0)
    usage = Client(web, "admin").get("/gateway/usage", by="kind").json()
    assert usage["total"]["audio_seconds"] == 4


@pytest.mark.parametrize(
    ("form", "fail", "counted"),
    [("verbose_json", "", True), ("text", "", False), ("json", "no-usage", False)],
)
def test_what_is_not_told_is_estimated(
    web: Web, client: OpenAI, model: SimulatedProvider, form: Any, fail: str, counted: bool
) -> None:
    model.script({"reply": "Good morning.", "fail": fail})
    told = client.audio.transcriptions.create(
        model="whisper-1", file=("a.wav", recording()), response_format=form
    )
    assert "Good morning." in str(told)
    (call,) = calls(web)
    assert call["counted"] is counted
    assert call["audio_seconds"] == 4


def test_a_text_is_spoken_and_paid_by_the_character(
    web: Web, client: OpenAI, speech: dict[str, str], model: SimulatedProvider
) -> None:
    price(web, speech["tts-1"], 15 * MICRO)
    told = client.audio.speech.create(model="tts-1", voice="alloy", input="Grüße aus Oslo")
    assert told.response.headers["content-type"] == "audio/mpeg"
    assert told.content.startswith(b"\xff\xfb")
    assert model.captured(1)[0]["body"]["voice"] == "alloy"
    (call,) = calls(web)
    assert (call["kind"], call["characters"], call["cost_micros"]) == ("speech", 14, 210)


def test_speech_is_reserved_before_it_is_spent(
    web: Web, client: OpenAI, model: SimulatedProvider
) -> None:
    budget = {"metric": "voice_minutes", "subject": "tenant", "period": "month",
              "limit_micros": MICRO}  # fmt: skip
    admin = Client(web, "admin")
    assert admin.post("/gateway/budgets", budget).status_code == 201
    for ask in (
        lambda: client.audio.speech.create(model="tts-1", voice="alloy", input="x" * 901),
        lambda: client.audio.transcriptions.create(model="whisper-1", file=("a", recording(61))),
    ):
        with pytest.raises(openai.APIStatusError) as refused:
            ask()
        assert refused.value.status_code == 402
        body: Any = refused.value.body
        assert body["metric"] == "voice_minutes"
    assert model.captured() == []
    client.audio.transcriptions.create(model="whisper-1", file=("a", recording()))


def test_without_a_model_for_speech_that_is_said(web: Web, model: SimulatedProvider) -> None:
    client = openai_client(web, make_key(web)["secret"])
    with pytest.raises(openai.NotFoundError) as refused:
        client.audio.speech.create(model="tts-1", voice="alloy", input="x")
    assert refused.value.code == "speech_not_configured"


def test_what_cannot_be_heard_or_spoken(web: Web, client: OpenAI, model: SimulatedProvider) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.audio.speech.create(model="scripted", voice="alloy", input="x")
    assert refused.value.code == "unsupported_model"
    with pytest.raises(openai.NotFoundError):
        client.audio.speech.create(model="unheard-of", voice="alloy", input="x")
    with pytest.raises(openai.BadRequestError):
        client.audio.transcriptions.create(model="whisper-1", file=("a", b"x"), stream=True)
    url = f"{web.base}/v1/audio/transcriptions"
    with httpx.Client(trust_env=False) as raw:
        told = raw.post(url, json={}, headers={"Authorization": f"Bearer {client.api_key}"})
    assert told.status_code == 400
    assert told.json()["error"]["type"] == "invalid_request_error"
    model.script({"fail": "500"})
    with pytest.raises(openai.InternalServerError):
        client.audio.speech.create(model="tts-1", voice="alloy", input="x")
    assert calls(web)[0]["characters"] == 0


LINE = b"--a-boundary"
KIND = b"multipart/form-data; boundary=a-boundary"


def form(*parts: tuple[bytes, bytes]) -> bytes:
    head = b'%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    return b"".join(head % (LINE, *part) for part in parts) + LINE + b"--\r\n"


@given(st.binary(min_size=1, max_size=200), st.text(min_size=1, max_size=30))
def test_a_form_keeps_its_bytes_whatever_they_are(sound: bytes, name: str) -> None:
    if LINE in sound or not name.strip():
        return
    ask = read_recording(form((b"file", sound), (b"model", name.encode())), KIND)
    assert ask.model == name
    other = ask.body_for("another")
    assert read_recording(other, KIND).model == "another"
    assert sound in other


@given(st.binary(max_size=300), st.sampled_from([KIND, b"", b"multipart/form-data", b"text/x"]))
def test_noise_is_refused(noise: bytes, kind: bytes) -> None:
    with pytest.raises(ApiError):
        read_recording(noise, kind)
    with pytest.raises(ApiError):
        read_speech(noise)


def test_how_long_a_recording_is_at_most() -> None:
    def seconds(sound: bytes) -> int:
        return read_recording(form((b"file", sound), (b"model", b"m")), KIND).audio_seconds

    assert seconds(recording()) == SECONDS + 1
    assert seconds(bytes(5_000)) == 5
    # A header that claims a gigabyte a second is not short; one that claims nothing is not endless.
    lying = bytearray(recording())
    struct.pack_into("<I", lying, 28, 0)
    assert seconds(bytes(lying)) == -(-len(lying) // 1_000)


def test_minutes_of_speech_are_rounded_up() -> None:
    assert amounts(0, Tokens(0, 0, audio_seconds=90))["voice_minutes"] == 1_500_000
    assert amounts(0, Tokens(0, 0, characters=1))["voice_minutes"] == 1_112
    assert "voice_minutes" not in amounts(0, Tokens(5, 5))
