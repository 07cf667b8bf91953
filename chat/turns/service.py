"""Entry points of a turn from the event loop: open and launch, cancel, wait for the end."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from chat.frames import TurnView
from chat.turns import store, stream
from chat.turns.opening import Opened
from chat.turns.phases import phase
from chat.turns.runner import RUNNER
from kernel.actor import Actor
from kernel.bus.ports import BUS
from kernel.clock import monotonic_s
from kernel.db import in_unit
from memory.facade import expect

# A turn of another process learns of its cancelling at its next heartbeat.
CANCEL_PATIENCE_S = 10.0


async def open_turn(
    opener: Callable[..., Opened], *args: object, question: str | None = None
) -> Opened:
    """Commit a turn with one of the units of `opening`, then start answering it.

    Once it is committed it is launched, even when the caller goes away in between. The caller
    announces it, after telling its own client. `question`: what the turn will ask memory, where it
    is known already; memory prepares while the unit waits for its commit.
    """
    if question is not None:
        expect(question)
    return await asyncio.shield(_open(opener, *args))


async def _open(opener: Callable[..., Opened], *args: object) -> Opened:
    with phase("accept") as span:
        opened = await in_unit(opener, *args)
        span.attributes["turn_id"] = opened.turn.id
        if opened.created:
            RUNNER.launch(opened)
    return opened


async def announce(opened: Opened) -> None:
    """Tell the other watchers of the conversation that a turn has begun."""
    if opened.created:
        turn = opened.turn
        await BUS.get().apublish(f"conversation:{turn.conversation_id}", {"turn": turn.id})


async def cancel_turn(actor: Actor, turn_id: UUID) -> TurnView:
    """Stop a turn; returns when it has stopped. Raises: TurnUnknown."""
    view = await in_unit(store.ask_cancel, actor, turn_id)
    if view.state != "open":
        return view
    if not await RUNNER.stop(turn_id):
        await wait_for_end(actor, turn_id, CANCEL_PATIENCE_S)
    return await in_unit(store.get_turn, actor, turn_id)


async def wait_for_end(actor: Actor, turn_id: UUID, patience_s: float) -> TurnView:
    """The turn when it is over, or as it is after `patience_s`."""
    deadline = monotonic_s() + patience_s
    try:
        async with asyncio.timeout(max(0.0, deadline - monotonic_s())):
            async for _ in stream.follow(actor.scope, turn_id, 0):
                pass
    except TimeoutError:
        pass
    return await in_unit(store.get_turn, actor, turn_id)
