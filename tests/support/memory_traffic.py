"""Memories from a process of the product's own, written down as they are acknowledged.

`python -m tests.support.memory_traffic`: {count, people, seed} as JSON on standard input; answers
with a JSON list of what was acknowledged: {memory_id, key, text, tenant_id, user_id, agent_id,
said_at}.
"""

import json
import os
import random
import sys
from dataclasses import asdict
from datetime import timedelta
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")

import django

django.setup()

from kernel.clock import now
from kernel.ids import uuid7
from memory.ports import BRAIN, MemoryItem, MemoryScope

HOUR_S = 3600


def write(count: int, people: int, seed: int) -> list[dict[str, Any]]:
    """`count` memories, one call each or some at once, said over the last hour."""
    dice, brain, tenant = random.Random(seed), BRAIN.get(), uuid7()
    scopes = [MemoryScope(tenant, uuid7(), uuid7()) for _ in range(people)]
    told: list[dict[str, Any]] = []
    began = now() - timedelta(seconds=HOUR_S)
    while len(told) < count:
        scope = dice.choice(scopes)
        items = [
            MemoryItem(
                f"Note {len(told) + place}: {uuid7()} {'and so on ' * dice.randint(0, 60)}",
                "user",
                began + timedelta(seconds=HOUR_S * (len(told) + place) / count),
                f"hour:{uuid7()}",
            )
            for place in range(dice.choice((1, 1, 1, 4)))
        ]
        for item, kept in zip(items, brain.remember_many(scope, items), strict=True):
            assert kept.created
            told.append(
                {
                    "memory_id": str(kept.memory_id),
                    "key": item.idempotency_key,
                    "text": item.text,
                    "said_at": item.said_at.isoformat(),
                    **{name: str(value) for name, value in asdict(scope).items()},
                }
            )
    return told


def main() -> None:
    """Write, tell."""
    sys.stdout.write(json.dumps(write(**json.loads(sys.stdin.readline()))) + "\n")


if __name__ == "__main__":
    main()
