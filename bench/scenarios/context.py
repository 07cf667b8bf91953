"""What planning and building a prompt cost: pure functions, in this process, nothing else.

A history of 200 messages, 20 memories, 20 tools, a window that does not hold all of it, so that
lanes are cut and the summary is used; degraded, the same without memories and tools. What every
turn of an agent begins with (the tenant's rules, the agent's text, its tools) is kept by a process:
the last line compares that with reading the rules and making the rest for each turn, on a real
database.
"""

import time
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from bench.target import Figure, middle, percentile
from chat.turns import context, governor
from chat.turns.prelude import Prelude, Source, make, prelude_of
from gateway.parts import ToolSpec
from gateway.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.runner import Bench

MESSAGES, MEMORIES, TOOLS, ROUNDS = 200, 20, 20, 2_000
LIMITS_MS: dict[governor.Level, int] = {"normal": 5, "degraded": 3}
_LIMITS = governor.Limits(window=32_000, output=4_096)
_AGENT = uuid4()
SOURCE = Source(
    policy="Acme speaks formally and never promises a date. " * 20,
    instructions="You are a helpful, precise assistant. " * 40,
    specs=tuple(
        ToolSpec(
            f"tool_{place}",
            "Looks up what a customer has ordered, by number, date or name. " * 3,
            {
                "type": "object",
                "properties": {
                    f"field_{number}": {"type": "string", "description": "What to look for."}
                    for number in range(8)
                },
                "required": ["field_0"],
            },
        )
        for place in range(TOOLS)
    ),
    count=estimate_tokens,
)


def run(bench: "Bench") -> list[Figure]:
    """One figure a level, and what keeping saves."""
    found = []
    for level, limit in LIMITS_MS.items():
        parts, samples = _parts(level), []
        kept = 0
        for _ in range(ROUNDS):
            began = time.perf_counter()
            kept = _build(_kept(), parts, level).report.history_kept
            samples.append((time.perf_counter() - began) * 1000)
        bench.keep(f"context-{level}", samples)
        note = f"p50 {middle(samples):.2f} ms; {kept} of {MESSAGES} kept"
        name = f"plan and prompt, {MESSAGES} messages, {level}, p95"
        found.append(Figure(name, percentile(samples, 0.95), limit, " ms", 2, note))
    return [*found, _saved(bench)]


def _saved(bench: "Bench") -> Figure:
    """Turn by turn, one with and one without what is kept, so that noise hits both alike."""
    stand = bench.stand()
    samples = stand.provision(do="kept", tenant_id=stand.tenant_id, rounds=ROUNDS // 4)
    bench.keep("context-kept", samples)
    kept, made = middle(samples["kept"]), middle(samples["made"])
    note = f"p50 {kept:.2f} ms with, {made:.2f} ms without"
    return Figure("build with what is kept, of without, p50", kept / made * 100, 70, " %", 0, note)


async def compare(read: "Callable[[bool], Awaitable[str]]", rounds: int) -> dict[str, list[float]]:
    """Milliseconds of a build with and without what is kept.

    `read`: the text of the tenant's rules, as a turn gets it; False: from the database.
    """
    parts = _parts("normal")
    samples: dict[str, list[float]] = {"kept": [], "made": []}
    for _ in range(rounds):
        for name, is_kept in (("kept", True), ("made", False)):
            began = time.perf_counter()
            source = replace(SOURCE, policy=await read(is_kept))
            _build(prelude_of(_AGENT, source) if is_kept else make(source), parts, "normal")
            samples[name].append((time.perf_counter() - began) * 1000)
    return samples


def _kept() -> Prelude:
    return prelude_of(_AGENT, SOURCE)


def _build(prelude: Prelude, parts: context.Parts, level: governor.Level) -> context.Context:
    whole = replace(
        parts, system=prelude.system, system_tokens=prelude.system_tokens, tools=prelude.tools
    )
    sizes = context.measure(whole, estimate_tokens)
    plan = governor.plan(_LIMITS, sizes.needs(), level, tools_healthy=True)
    return context.build(plan, whole, sizes, estimate_tokens)


def _parts(level: governor.Level) -> context.Parts:
    history = [
        context.Said(
            "assistant" if place % 2 else "user",
            f"Message {place}. " + "The valve of segment nine closes slowly. " * (60 * (place % 2)),
            place,
        )
        for place in range(1, MESSAGES + 1)
    ]
    memories = [
        context.Remembered(f"Fact {place}: " + "the pump was serviced. " * 10, "2026-03-01", "user")
        for place in range(MEMORIES)
    ]
    return context.Parts(
        system="",
        history=history,
        remembered=memories if level == "normal" else [],
        message="What did we decide about segment nine?",
        summary="They spoke about pumps. " * 30,
        summary_upto=100,
    )
