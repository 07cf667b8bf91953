"""Asks all questions of an installation: `python -m bench.quality` with SA01_VAR_DIR set.

Every dialogue is one person's memory in a tenant of its own. Answers with one JSON line: for each
question what each search returned, so that the figures can be computed again from the samples.
"""

import json
import os
import sys
import time
from dataclasses import replace
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")

import django

django.setup()

from bench.quality.bm25 import Bm25  # noqa: E402
from bench.quality.worlds import World, worlds  # noqa: E402
from kernel.ids import uuid7  # noqa: E402
from memory.brain_embedded import EmbeddedBrain  # noqa: E402
from memory.embedding.minilm import Embedder  # noqa: E402
from memory.ports import MemoryItem, MemoryScope, RecallQuery  # noqa: E402

LIMIT = 10
PATIENCE_S = 10.0


def told(brain: EmbeddedBrain, world: World) -> tuple[MemoryScope, dict[Any, str]]:
    """Remember a dialogue; return its scope and which turn each memory is."""
    scope = MemoryScope(uuid7(), uuid7(), uuid7())
    sessions = {turn.session: uuid7() for turn in world.turns}
    items = [
        MemoryItem(
            turn.passage,
            "assistant" if turn.who == "assistant" else "user",
            turn.said_at,
            f"{world.name}:{turn.turn_id}",
            conversation_id=sessions[turn.session],
            turn_id=uuid7(),
        )
        for turn in world.turns
    ]
    kept = brain.remember_many(scope, items)
    return scope, {one.memory_id: turn.turn_id for one, turn in zip(kept, world.turns, strict=True)}


def asked(brain: EmbeddedBrain, world: World, scope: MemoryScope, turns: dict[Any, str]) -> Any:
    """Ask everything of one dialogue."""
    passages = [turn.passage for turn in world.turns]
    plain, stemmed = Bm25(passages), Bm25(passages, stemmed=True)
    for question in world.questions:
        query = RecallQuery(question.text, LIMIT, timeout_s=PATIENCE_S, asked_at=question.asked_at)
        began = time.perf_counter()
        found = brain.recall(scope, query)
        took_ms = (time.perf_counter() - began) * 1000
        sure = brain.recall(scope, replace(query, only_if_sure=True))
        yield {
            "world": world.name,
            "held_out": world.is_held_out,
            "kind": question.kind,
            "question": question.text,
            "answers": sorted(question.answers),
            "ours": [turns[one.memory_id] for one in found],
            "certainty": found[0].parts.certainty if found else 0.0,
            "sure": [turns[one.memory_id] for one in sure],
            "bm25": [world.turns[place].turn_id for place in plain.best(question.text, LIMIT)],
            "bm25_stemmed": [
                world.turns[place].turn_id for place in stemmed.best(question.text, LIMIT)
            ],
            "took_ms": took_ms,
        }


def main() -> None:
    """Tell, index, ask."""
    brain = EmbeddedBrain(Embedder(), lambda: None)
    known = [(world, *told(brain, world)) for world in worlds()]
    while brain.pending().waiting:
        # The installation's worker may be at it as well; both take different rows.
        brain.settle()
    answers = [
        answer for world, scope, turns in known for answer in asked(brain, world, scope, turns)
    ]
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
