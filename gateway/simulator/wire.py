"""What a wire protocol is to the simulator: the bytes of one answer.

Pure. A wire is made for one request and gives complete server-sent events; framing in HTTP chunks
and pacing are `gateway.simulator.answers`'.
"""

from typing import Any, Literal, Protocol

from gateway.simulator.script import Call

Finish = Literal["stop", "length", "tool_calls"]
WireName = Literal["openai", "anthropic", "gemini"]


class Wire(Protocol):
    """How one provider writes an answer."""

    def opening(self) -> bytes:
        """Events before the first token."""
        ...

    def word(self, text: str) -> bytes:
        """The event of one token."""
        ...

    def thought(self, text: str) -> bytes:
        """The event of a piece of reasoning."""
        ...

    def calls(self, calls: tuple[Call, ...]) -> list[bytes]:
        """The events of tool calls, each call in at least two pieces."""
        ...

    def ending(self, finish: Finish, asked: int, told: int, skip: str) -> bytes:
        """Events after the last token. `skip`: what a failure leaves out."""
        ...

    def whole(
        self, text: str, calls: tuple[Call, ...], finish: Finish, usage: tuple[int, int]
    ) -> dict[str, Any]:
        """The answer to a request that is not streamed."""
        ...

    def error_event(self) -> bytes:
        """An error inside the stream."""
        ...
