"""One of several processes that spend the same budget: `python -m tests.support.spender`.

Reads {tenant_id, calls, cost, hold_s, stop} as JSON; says "ready", waits for a line, spends, tells
{granted, refused} and, with `stop`, kills itself with calls under way.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")

import django

django.setup()

from gateway.errors import BudgetExhausted
from gateway.ledger.book import Book, Outcome, Target
from gateway.ledger.metrics import MICRO, Rate, Tokens
from gateway.ledger.rules import Caller
from kernel.clock import now
from kernel.ids import uuid7


async def spend(job: dict) -> dict[str, int]:
    book = Book(Path(job["directory"]))
    await book.follow_recalls()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    caller = Caller(UUID(job["tenant_id"]))
    target = Target(uuid7(), "m", (Rate(now(), MICRO, MICRO, MICRO),))
    counts = {"granted": 0, "refused": 0}

    async def call() -> None:
        try:
            held = await book.reserve(caller, "chat", target, Tokens(job["cost"], 0), uuid7())
        except BudgetExhausted:
            counts["refused"] += 1
            return
        await asyncio.sleep(job["hold_s"])
        if job.get("hang"):
            await asyncio.sleep(60)
        # Half of the calls spend less than they held: the rest must serve others.
        spent = job["cost"] if counts["granted"] % 2 else job["cost"] // 2
        book.settle(held, Outcome(Tokens(spent, 0), counted=True))
        counts["granted"] += 1

    work = asyncio.gather(*(call() for _ in range(job["calls"])))
    if job.get("kill_after_s"):
        await asyncio.wait([asyncio.ensure_future(work)], timeout=job["kill_after_s"])
        print(json.dumps(counts), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    await work
    await book.close()
    return counts


def main() -> None:
    job = json.loads(sys.stdin.readline())
    print(json.dumps(asyncio.run(spend(job))), flush=True)


if __name__ == "__main__":
    main()
