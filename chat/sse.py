"""Server-sent events of a turn (WHATWG HTML, section 9.2): id = seq, event = frame type."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from chat import frames
from chat.turns import stream
from kernel.actor import Scope

# Proxies close silent connections; a comment keeps them open.
KEEP_ALIVE_S = 15.0


def event(kind: str, seq: int | None, data: bytes) -> bytes:
    """One event."""
    head = f"id: {seq}\n" if seq is not None else ""
    return f"{head}event: {kind}\ndata: ".encode() + data + b"\n\n"


async def events(
    scope: Scope, turn_id: UUID, after: int, first: list[tuple[str, bytes]]
) -> AsyncIterator[bytes]:
    """`first` (unnumbered), then everything of the turn after `after`, to its end."""
    for kind, data in first:
        yield event(kind, None, data)
    follower = stream.follow(scope, turn_id, after)
    upcoming: asyncio.Future[stream.Followed] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(anext(follower))
            done, _ = await asyncio.wait([upcoming], timeout=KEEP_ALIVE_S)
            if not done:
                yield b": still here\n\n"
                continue
            try:
                seq, body, _ = upcoming.result()
            except StopAsyncIteration:
                return
            upcoming = None
            yield event(frames.TYPE_OF[type(body)], seq, frames.payload(body))
    finally:
        if upcoming is not None:
            upcoming.cancel()
