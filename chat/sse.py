"""Server-sent events of a turn (WHATWG HTML, section 9.2): id = seq, event = frame type."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from chat import frames
from chat.turns import stream
from kernel.actor import Actor
from kernel.db import in_unit
from kernel.errors import Forbidden, SomaError, Unauthenticated
from saas.facade import reauthenticate, require, watch_rights

# Proxies close silent connections; a comment keeps them open.
KEEP_ALIVE_S = 15.0


def event(kind: str, seq: int | None, data: bytes) -> bytes:
    """One event."""
    head = f"id: {seq}\n" if seq is not None else ""
    return f"{head}event: {kind}\ndata: ".encode() + data + b"\n\n"


async def events(
    actor: Actor, turn_id: UUID, after: int, first: list[tuple[str, bytes]]
) -> AsyncIterator[bytes]:
    """`first` (unnumbered), then everything of the turn after `after`, to its end.

    Ends with an error as soon as the actor may no longer be here.
    """
    for kind, data in first:
        yield event(kind, None, data)
    follower = stream.follow(actor.scope, turn_id, after)
    upcoming: asyncio.Future[stream.Followed] | None = None
    changed = asyncio.Event()
    forget = watch_rights(
        lambda change: changed.set() if change.concerns(actor.tenant_id, actor.user_id) else None
    )
    change = asyncio.ensure_future(changed.wait())
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(anext(follower))
            either: list[asyncio.Future[Any]] = [upcoming, change]
            done, _ = await asyncio.wait(
                either, timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                yield b": still here\n\n"
                continue
            if change in done:
                changed.clear()
                change = asyncio.ensure_future(changed.wait())
                lost = await in_unit(_lost, actor)
                if lost is not None:
                    failure = frames.Failure(None, str(turn_id), lost.problem(actor.request_id))
                    yield event(frames.TYPE_OF[frames.Failure], None, frames.payload(failure))
                    return
                continue
            try:
                seq, body, _ = upcoming.result()
            except StopAsyncIteration:
                return
            upcoming = None
            yield event(frames.TYPE_OF[type(body)], seq, frames.payload(body))
    finally:
        forget()
        change.cancel()
        if upcoming is not None:
            upcoming.cancel()


def _lost(actor: Actor) -> SomaError | None:
    """Why the actor may no longer follow; None: all is as it was."""
    if actor.session_id is None:
        return None
    try:
        present = reauthenticate(actor.session_id, actor.request_id)
        require(present, "tenant.view")
    except (Unauthenticated, Forbidden) as exc:
        return exc
    return None if present.tenant_id == actor.tenant_id else Unauthenticated()
