"""A client of the OpenAI chat completions API that has the answer streamed.

Speaks to the simulator itself (the bare upstream) and to peers that offer the same API.
"""

from typing import Any

import orjson

from bench.load.completions import Completions
from bench.load.samples import elapsed_ms

TOKEN_MARK = b'"content": "word'
TOKEN_MARK_DENSE = b'"content":"word'
END_OF_BODY = b"0\r\n\r\n"


class Upstream(Completions):
    """See `Completions`. The first token is noted as it arrives; the rest is looked at after."""

    def options(self) -> dict[str, Any]:
        """A stream that ends with its usage."""
        return {"stream": True, "stream_options": {"include_usage": True}}

    def is_whole(self, data: bytes) -> bool:
        """The last chunk of the body is there."""
        if self.sample.first_ms is None and (TOKEN_MARK_DENSE in data or TOKEN_MARK in data):
            self.sample.first_ms = elapsed_ms(self.sent_at)
        return data.endswith(END_OF_BODY)

    def judge(self, answer: bytes, expected: str) -> str | None:
        """The joined deltas, against what was to come."""
        if not answer.startswith(b"HTTP/1.1 200"):
            return answer[:300].decode("latin-1")
        text = "".join(_deltas(_unchunked(answer.partition(b"\r\n\r\n")[2])))
        return None if text == expected else f"{len(text)} characters instead of {len(expected)}"


class Fickle(Upstream):
    """One that may leave in the middle of an answer: with `leaves`, at its first token."""

    leaves = False

    def data_received(self, data: bytes) -> None:
        """As everybody, or goes."""
        super().data_received(data)
        if self.leaves and self._sample.first_ms is not None:
            self.close()


def _unchunked(body: bytes) -> bytes:
    """The payload of a chunked body (RFC 9112, section 7.1)."""
    pieces: list[bytes] = []
    place = 0
    while place < len(body):
        line_end = body.index(b"\r\n", place)
        size = int(body[place:line_end], 16)
        if size == 0:
            break
        pieces.append(body[line_end + 2 : line_end + 2 + size])
        place = line_end + 4 + size
    return b"".join(pieces)


def _deltas(payload: bytes) -> list[str]:
    found: list[str] = []
    for line in payload.split(b"\n"):
        if not line.startswith(b"data: {"):
            continue
        for choice in orjson.loads(line[6:]).get("choices") or ():
            found.append((choice.get("delta") or {}).get("content") or "")
    return found
