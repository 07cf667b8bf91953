"""What a request to `/v1/audio` asks: text to be spoken, or a recording to be written down. Pure.

A recording comes as a form (RFC 7578) and is sent on as it came; only the model's name may be
another. How long it is, is known for WAV; of anything else the longest that its size allows.
"""

import re
import struct
from typing import Any

import orjson

from gateway.v1.asking import Ask, text_of
from gateway.v1.shape import ApiError

# The least that speech is recorded with: Opus at 8 kbit/s. Longer cannot be what is sent.
LEAST_BYTES_A_SECOND = 1_000
LONGEST_TEXT = 100_000
_BOUNDARY = re.compile(rb'boundary="?([^";,]{1,70})"?', re.IGNORECASE)
_NAME = re.compile(rb';\s*name="([^"]*)"', re.IGNORECASE)
_MODEL = "model"


def read_speech(body: bytes) -> Ask:
    """Text to be spoken. Raises: ApiError."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise ApiError(400, "invalid_json", "The body is not valid JSON.") from exc
    if not isinstance(fields, dict):
        raise ApiError(400, "invalid_json", "The body is not a JSON object.")
    text = fields.get("input")
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_TEXT:
        message = f"'input' must be a text of at most {LONGEST_TEXT} characters."
        raise ApiError(400, "invalid_type", message, param="input")
    model = text_of(fields, _MODEL)
    return Ask("speech", model, fields, body, False, False, 0, 0, 0, characters=len(text))


def read_recording(body: bytes, content_type: bytes) -> Ask:
    """A recording to be written down. Raises: ApiError."""
    found = _BOUNDARY.search(content_type)
    if found is None or not content_type.lower().startswith(b"multipart/form-data"):
        raise ApiError(400, "invalid_type", "Send a form: multipart/form-data with a boundary.")
    parts = _parts(body, b"--" + found[1])
    if not parts.get("file"):
        raise ApiError(400, "invalid_type", "'file' must be a recording.", param="file")
    texts = {
        name: body[slice(*place)].decode("utf-8", "replace")
        for name, place in parts.items()
        if name != "file"
    }
    if texts.get("stream", "").lower() == "true":
        message = "Streams of transcriptions are not offered."
        raise ApiError(400, "unsupported_parameter", message, param="stream")
    fields: dict[str, Any] = dict(texts)
    return Ask(
        "transcription", text_of(fields, _MODEL), fields, body, False, False, 0, 0, 0,
        audio_seconds=_longest_s(body, *parts["file"]),
        content_type=content_type.decode("latin-1"),
        model_place=parts[_MODEL],
    )  # fmt: skip


def _parts(body: bytes, line: bytes) -> dict[str, tuple[int, int]]:
    """Where each part's content begins and ends, by its name."""
    found: dict[str, tuple[int, int]] = {}
    start = body.find(line)
    while start >= 0:
        head = start + len(line)
        # Line ends belong to the boundary, not to the content before it.
        start = body.find(b"\r\n" + line, head)
        begin = body.find(b"\r\n\r\n", head, start)
        if start < 0 or begin < 0:
            break
        name = _NAME.search(body, head, begin)
        if name is not None:
            found[name[1].decode("utf-8", "replace")] = (begin + 4, start)
        start += 2
    return found


def _longest_s(body: bytes, start: int, end: int) -> int:
    """Whole seconds of a recording, rounded up; at most."""
    size = end - start
    head = body[start : start + 44]
    rate = 0
    if size > 44 and head[:4] == b"RIFF" and head[8:16] == b"WAVEfmt ":
        (rate,) = struct.unpack_from("<I", head, 28)
    # A header may tell anything.
    return -(-size // max(rate, LEAST_BYTES_A_SECOND))
