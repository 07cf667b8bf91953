"""What a request to `/v1` asks, checked as far as we need it; the rest is the provider's. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from gateway.ledger.metrics import Tokens
from gateway.tokens import BYTES_A_TOKEN
from gateway.v1.shape import ApiError

Kind = Literal["chat", "completion", "embedding", "transcription", "speech"]
PATHS: dict[Kind, str] = {
    "chat": "/chat/completions",
    "completion": "/completions",
    "embedding": "/embeddings",
    "transcription": "/audio/transcriptions",
    "speech": "/audio/speech",
}
# What a picture may cost at most, in tokens, with the models that there are.
TOKENS_A_PICTURE = 3_000
MOST_CHOICES = 128
BIGGEST_LIMIT = 10_000_000


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. `input_bound`, `input_estimate`: tokens that it may have at most, and probably.

    `output_limit`: tokens of all choices together; None: not said. `wants_usage`: of a stream.
    `audio_seconds`: of a recording, at most. `characters`: to be spoken. `model_place`: where in a
    body that is a form the model's name stands.
    """

    kind: Kind
    model: str
    fields: Mapping[str, Any]
    body: bytes
    is_stream: bool
    wants_usage: bool
    input_bound: int
    input_estimate: int
    output_limit: int | None
    audio_seconds: int = 0
    characters: int = 0
    content_type: str = "application/json"
    model_place: tuple[int, int] | None = None

    @property
    def asked(self) -> Tokens:
        """What was asked alone comes to, probably."""
        return Tokens(self.input_estimate, 0, 0, self.audio_seconds, self.characters)

    @property
    def choices(self) -> int:
        """How many answers are wanted."""
        return int(self.fields.get("n") or 1)

    def body_for(self, model: str, *, asks_usage: bool = True) -> bytes:
        """What is sent on: as it came, unless the model has another name or usage must be asked."""
        if self.model_place is not None:
            start, end = self.model_place
            return self.body[:start] + model.encode() + self.body[end:]
        fields = dict(self.fields)
        if self.is_stream and not self.wants_usage and asks_usage:
            options = self.fields.get("stream_options") or {}
            fields["stream_options"] = {**options, "include_usage": True}
        elif model == self.model:
            return self.body
        fields["model"] = model
        return orjson.dumps(fields)


def read(kind: Kind, body: bytes) -> Ask:
    """Understand a request. Raises: ApiError."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise ApiError(400, "invalid_json", "The body is not valid JSON.") from exc
    if not isinstance(fields, dict):
        raise ApiError(400, "invalid_json", "The body is not a JSON object.")
    model = text_of(fields, "model")
    {"chat": _check_chat, "completion": _check_completion, "embedding": _check_embedding}[kind](
        fields
    )
    is_stream = _flag(fields, "stream") and kind != "embedding"
    options = fields.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise _wrong("stream_options", "an object")
    input_bytes = len(body) - _picture_bytes(fields)
    pictures = _pictures(fields) * TOKENS_A_PICTURE
    return Ask(
        kind,
        model,
        fields,
        body,
        is_stream,
        bool(options and options.get("include_usage")),
        input_bytes + pictures,
        int(input_bytes / BYTES_A_TOKEN) + pictures // 3,
        _output_limit(kind, fields),
    )


def _check_chat(fields: Mapping[str, Any]) -> None:
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _wrong("messages", "a list with at least one message")
    for place, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise _wrong(f"messages[{place}]", "an object with a role")
        content = message.get("content")
        if content is not None and not isinstance(content, str | list):
            raise _wrong(f"messages[{place}].content", "a string or a list of parts")
    for name in ("tools", "functions"):
        if fields.get(name) is not None and not isinstance(fields[name], list):
            raise _wrong(name, "a list")
    _number(fields, "n", MOST_CHOICES)
    _number(fields, "max_tokens", BIGGEST_LIMIT)
    _number(fields, "max_completion_tokens", BIGGEST_LIMIT)


def _check_completion(fields: Mapping[str, Any]) -> None:
    if not isinstance(fields.get("prompt"), str | list):
        raise _wrong("prompt", "a string or a list")
    _number(fields, "n", MOST_CHOICES)
    _number(fields, "best_of", MOST_CHOICES)
    _number(fields, "max_tokens", BIGGEST_LIMIT)


def _check_embedding(fields: Mapping[str, Any]) -> None:
    given = fields.get("input")
    if not isinstance(given, str | list) or not given:
        raise _wrong("input", "a string or a list, not empty")
    if fields.get("encoding_format") not in {None, "float", "base64"}:
        raise _wrong("encoding_format", "float or base64")
    _number(fields, "dimensions", 1_000_000)


def _output_limit(kind: Kind, fields: Mapping[str, Any]) -> int | None:
    if kind == "embedding":
        return 0
    limit = fields.get("max_completion_tokens") or fields.get("max_tokens")
    if limit is None and kind == "completion":
        limit = 16  # what OpenAI's reference says of a request that names none
    if limit is None:
        return None
    prompts = fields.get("prompt")
    several = len(prompts) if isinstance(prompts, list) and kind == "completion" else 1
    return int(limit) * max(int(fields.get("n") or 1), int(fields.get("best_of") or 1)) * several


def parts(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts of all messages whose content is a list."""
    found: list[dict[str, Any]] = []
    for message in fields.get("messages") or ():
        content = message.get("content")
        if isinstance(content, list):
            found += [part for part in content if isinstance(part, dict)]
    return found


def _picture_bytes(fields: Mapping[str, Any]) -> int:
    """Bytes of the body that are pictures: they do not cost a token each."""
    total = 0
    for part in parts(fields):
        picture = part.get("image_url")
        url = picture.get("url") if isinstance(picture, dict) else picture
        if isinstance(url, str) and url.startswith("data:"):
            total += len(url)
    return total


def _pictures(fields: Mapping[str, Any]) -> int:
    return sum(part.get("type") == "image_url" for part in parts(fields))


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """A name that is given. Raises: ApiError."""
    value = fields.get(name)
    if not isinstance(value, str) or not value or len(value) > 300:
        raise _wrong(name, "a string")
    return value


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise _wrong(name, "true or false")
    return bool(value)


def _number(fields: Mapping[str, Any], name: str, most: int) -> None:
    value = fields.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise _wrong(name, f"a whole number from 1 to {most}")


def _wrong(param: str, expected: str) -> ApiError:
    message = f"'{param}' must be {expected}."
    return ApiError(400, "invalid_type", message, param=param)
