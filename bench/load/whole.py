"""A client of the chat completions API that asks for the answer in one piece."""

from typing import Any

from bench.load.completions import Completions

LENGTH = b"content-length:"


class Whole(Completions):
    """See `Completions`."""

    def options(self) -> dict[str, Any]:
        """Nothing more."""
        return {}

    def is_whole(self, data: bytes) -> bool:
        """Its length, or its last chunk, is there."""
        del data
        head, blank, body = b"".join(self.chunks).partition(b"\r\n\r\n")
        if not blank:
            return False
        _, told, length = head.lower().partition(LENGTH)
        if told:
            return len(body) >= int(length.split(b"\r\n", 1)[0])
        return body.endswith(b"0\r\n\r\n")

    def judge(self, answer: bytes, expected: str) -> str | None:
        """The words that were to come are in it."""
        return None if expected.strip().encode() in answer else answer[:300].decode("latin-1")
