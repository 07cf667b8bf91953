"""The simulator's answers that are not streams: models, embeddings, and reading a request.

Pure.
"""

import base64
import hashlib
import json
import math
import re
import struct
from collections.abc import Mapping
from typing import Any

from gateway.simulator.wire import WireName

EMBEDDING_SIZE = 384
MODELS = ("simulated", "simulated-large", "simulated-embedding")
_WORD = re.compile(r"\w+")


def model_list(*, anthropic: bool = False) -> dict[str, Any]:
    """`GET /models`."""
    if anthropic:
        entries = [{"id": name, "type": "model", "display_name": name} for name in MODELS]
        return {"data": entries, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}
    return {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": 0, "owned_by": "simulator"}
            for name in MODELS
        ],
    }


def embeddings(body: Mapping[str, Any]) -> dict[str, Any]:
    """`POST /embeddings`: the same text always gives the same unit vector.

    Texts that share words get similar vectors, so that searches over them mean something.
    """
    given = body.get("input")
    texts = given if isinstance(given, list) else [given]
    size = int(body.get("dimensions") or EMBEDDING_SIZE)
    as_base64 = body.get("encoding_format") == "base64"
    data: list[dict[str, Any]] = []
    for index, text in enumerate(texts):
        vector = embed(str(text), size)
        packed = base64.b64encode(struct.pack(f"<{size}f", *vector)).decode()
        data.append(
            {"object": "embedding", "index": index, "embedding": packed if as_base64 else vector}
        )
    tokens = sum(len(str(text).split()) for text in texts)
    return {
        "object": "list",
        "data": data,
        "model": str(body.get("model") or MODELS[2]),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def completion(body: Mapping[str, Any], text: str, number: int) -> dict[str, Any]:
    """`POST /completions`, not streamed: each prompt gets the same answer."""
    prompts = body.get("prompt")
    prompts = prompts if isinstance(prompts, list) and prompts else [prompts]
    count = len(prompts) * int(body.get("n") or 1)
    asked = sum(len(str(prompt).split()) for prompt in prompts)
    told = len(text.split()) * count
    return {
        "id": f"cmpl-{number:08d}",
        "object": "text_completion",
        "created": 0,
        "model": str(body.get("model") or MODELS[0]),
        "choices": [
            {"index": index, "text": text, "finish_reason": "stop", "logprobs": None}
            for index in range(count)
        ],
        "usage": {
            "prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told,
        },
    }  # fmt: skip


def form_texts(raw: bytes) -> dict[str, str]:
    """The parts of a form that are texts, by name."""
    found = re.findall(rb'name="(\w+)"\r\n(?:[^\r\n]+\r\n)*\r\n(.*?)\r\n--', raw, re.DOTALL)
    return {name.decode(): text.decode("utf-8", "replace") for name, text in found}


def transcription(body: Mapping[str, Any], text: str, fail: str) -> tuple[str, bytes]:
    """`POST /audio/transcriptions`: content type and body. A second for 16,000 bytes."""
    form = str(body.get("response_format") or "json")
    if form in {"text", "srt", "vtt"}:
        return "text/plain; charset=utf-8", text.encode()
    seconds = -(-int(body["form_bytes"]) // 16_000)
    told: dict[str, Any] = {"text": text}
    if form == "verbose_json":
        told |= {"task": "transcribe", "language": "english", "duration": seconds, "segments": []}
    elif fail != "no-usage":
        told["usage"] = {"type": "duration", "seconds": seconds}
    return "application/json", json.dumps(told).encode()


def sound(text: str) -> bytes:
    """`POST /audio/speech`: noise, as long as the text."""
    return b"\xff\xfb" + hashlib.blake2b(text.encode()).digest() * len(text)


def embed(text: str, size: int) -> list[float]:
    """A unit vector: each word adds to eight places that its hash names."""
    vector = [0.0] * size
    for word in _WORD.findall(text.lower()) or [""]:
        digest = hashlib.blake2b(word.encode(), digest_size=32).digest()
        for start in range(0, 32, 4):
            number = int.from_bytes(digest[start : start + 4], "little")
            vector[(number >> 1) % size] += 1.0 if number & 1 else -1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


def as_chat(wire: WireName, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request of any wire in the shape of OpenAI's, as far as the simulator looks at it."""
    if wire != "gemini":
        return body
    config = body.get("generationConfig") or {}
    contents = body.get("contents")
    return {
        "model": path.rpartition("/")[2].partition(":")[0],
        "system": (body.get("systemInstruction") or body.get("system_instruction") or {}).get(
            "parts"
        ),
        "messages": [
            {"role": entry.get("role") or "user", "content": entry.get("parts")}
            for entry in (contents if isinstance(contents, list) else [])
        ],
        "max_tokens": config.get("maxOutputTokens") or config.get("max_output_tokens"),
        "stop": config.get("stopSequences") or config.get("stop_sequences"),
        "stream": ":stream" in path,
    }


def last_user_text(body: Mapping[str, Any]) -> str:
    """The text of the last message with role `user`, for a rule's `when`."""
    messages = body.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            return content_text(message.get("content"))
    return ""


def content_text(content: object) -> str:
    """Content as text: a string, or the text parts of a list."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))


def prompt_tokens(body: Mapping[str, Any]) -> int:
    """Words of the prompt: the simulator's idea of a token."""
    messages = body.get("messages")
    texts = [content_text(body.get("system"))]
    for message in messages if isinstance(messages, list) else []:
        if isinstance(message, dict):
            texts.append(content_text(message.get("content")))
    return sum(len(text.split()) for text in texts)
