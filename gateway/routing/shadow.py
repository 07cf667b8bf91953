"""The same question to a second model, unseen: its answer is thrown away, the platform pays.

Begun when the caller has the answer, a few at a time; what would be too many is left out. Recorded
in the ledger under `PLATFORM`, as calls of the kind "shadow".
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gateway.errors import BudgetExhausted, ModelError
from gateway.ledger.book import BOOK, Outcome, Target
from gateway.ledger.metrics import Tokens
from gateway.ledger.rules import NOBODY, Caller
from gateway.ports import Endpoint
from gateway.routing.policies import PLATFORM
from kernel.ids import uuid7

KIND = "shadow"
AT_ONCE = 4

log = structlog.get_logger(__name__)

# Tokens that the model told; None: it told none.
Asking = Callable[[], Awaitable[Tokens | None]]

_running: set[asyncio.Task[None]] = set()


def cast(endpoint: Endpoint, most: Tokens, ask: Asking) -> None:
    """Ask later, beside everything else. `most`: what it may use."""
    if len(_running) >= AT_ONCE:
        return
    task = asyncio.get_running_loop().create_task(_ask(endpoint, most, ask), name="soma-shadow")
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _ask(endpoint: Endpoint, most: Tokens, ask: Asking) -> None:
    target = Target(endpoint.model_id or NOBODY, endpoint.model, endpoint.rates)
    try:
        reservation = await BOOK.get().reserve(Caller(PLATFORM), KIND, target, most, uuid7())
    except BudgetExhausted:
        return
    outcome = Outcome(Tokens(0, 0), counted=True, state="failed", note="defect")
    try:
        told = await ask()
        tokens = told or Tokens(most.input, 0)
        outcome = Outcome(tokens, counted=told is not None)
    except ModelError as error:
        outcome = Outcome(Tokens(0, 0), counted=True, state="failed", note=error.code)
    except asyncio.CancelledError:
        outcome = Outcome(Tokens(most.input, 0), counted=False, state="cancelled")
        raise
    finally:
        BOOK.get().settle(reservation, outcome)
