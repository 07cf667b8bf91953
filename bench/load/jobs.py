"""The jobs of the load generator.

A job is JSON: {job: "alternate" | "crowd" | "flood" | "fickle" | "tabs", ...}; a lane says who is
asked: {kind: "tab", port, cookie, conversation_id} or {kind: "upstream" | "whole", host, port,
path, model, headers}; "whole" asks for the answer in one piece.
"""

import asyncio
import resource
import time
from typing import Any

from bench.load.chat import ChatTab
from bench.load.samples import Sample, Speaker, words
from bench.load.upstream import Fickle, Upstream
from bench.load.whole import Whole

TOPICS = (
    "Which bus goes to the harbour on a Sunday morning?",
    "My sister Clara moves to Lisbon in October; what should I bring her?",
    "Please shorten the second paragraph of the report on soil moisture.",
    "How long does a sourdough need in a cold kitchen?",
    "The projector in room four shows a green stripe again.",
    "What did we decide about the colour of the new uniforms?",
    "Compare a heat pump with district heating for a house of 120 square metres.",
    "Write three questions for the interview with the beekeeper.",
)
OPEN_AT_ONCE = 25
LOOP_LOOK_S = 0.05
AGAIN_S = 0.05


def speaker(lane: dict[str, Any]) -> Speaker:
    """The connection that a lane describes, not yet open."""
    if lane["kind"] == "tab":
        return ChatTab(lane["port"], lane["cookie"], lane["conversation_id"])
    kind = Whole if lane["kind"] == "whole" else Upstream
    return kind(lane["host"], lane["port"], lane["path"], lane["model"], lane["headers"])


def question(prefix: str, person: int, turn: int) -> str:
    """Something that a person might say; `prefix` chooses the simulator's rule."""
    return f"{prefix} {TOPICS[(person + turn) % len(TOPICS)]} (note {person}-{turn})"


async def alternate(job: dict[str, Any]) -> dict[str, Any]:
    """Ask the lanes one after the other, `rounds` times: {samples: {lane name: [Sample]}}.

    `warm`: rounds before it that do not count.
    """
    lanes = {name: speaker(lane) for name, lane in job["lanes"].items()}
    expected = words(job["tokens"])
    samples: dict[str, list[Sample]] = {name: [] for name in lanes}
    for turn in range(job["warm"] + job["rounds"]):
        for name, one in lanes.items():
            sample = await one.turn(question(job["prefix"], 0, turn), expected)
            if turn >= job["warm"]:
                samples[name].append(sample)
            await asyncio.sleep(job["pause_s"])
    for one in lanes.values():
        one.close()
    return {"samples": {name: _json(found) for name, found in samples.items()}}


async def crowd(job: dict[str, Any]) -> dict[str, Any]:
    """Every lane is a person who asks `turns` times, each time when the last answer is whole.

    People begin evenly spread over `stagger_s`. Samples: [[Sample of each turn] of each person].
    """
    people = [speaker(lane) for lane in job["lanes"]]
    for start in range(0, len(people), OPEN_AT_ONCE):
        tabs = [one for one in people[start : start + OPEN_AT_ONCE] if isinstance(one, ChatTab)]
        await asyncio.gather(*(tab.open() for tab in tabs))
    expected = words(job["tokens"])

    async def talk(person: int, one: Speaker) -> list[Sample]:
        await asyncio.sleep(job["stagger_s"] * person / len(people))
        return [
            await one.turn(question(job["prefix"], person, turn + job["from_turn"]), expected)
            for turn in range(job["turns"])
        ]

    lags: list[float] = []
    watch = asyncio.create_task(_watch_loop(lags))
    before, began_at = _cpu_s(), time.perf_counter()
    found = await asyncio.gather(*(talk(number, one) for number, one in enumerate(people)))
    took_s = time.perf_counter() - began_at
    watch.cancel()
    for one in people:
        one.close()
    return {
        "samples": [_json(samples) for samples in found],
        "took_s": took_s,
        "generator_cpu_share": (_cpu_s() - before) / took_s,
        "generator_lag_ms": sorted(lags)[int(len(lags) * 0.95)] if lags else 0.0,
    }


async def flood(job: dict[str, Any]) -> dict[str, Any]:
    """`clients` ask one lane as fast as they can for `seconds`, or `requests` times in all."""
    people = [speaker(job["lane"]) for _ in range(job["clients"])]
    expected = words(job["tokens"])
    left = [job.get("requests") or 10**9]
    faults: list[str] = []
    times: list[float] = []
    began = time.perf_counter()
    until = began + job["seconds"]

    async def ask(person: int, one: Speaker) -> None:
        turn = 0
        while left[0] > 0 and time.perf_counter() < until:
            left[0] -= 1
            turn += 1
            sample = await one.turn(question(job["prefix"], person, turn), expected)
            if sample.fault is not None:
                faults.append(sample.fault)
            elif sample.total_ms is not None:
                times.append(sample.total_ms)

    await asyncio.gather(*(ask(number, one) for number, one in enumerate(people)))
    took_s = time.perf_counter() - began
    for one in people:
        one.close()
    return {"done": len(times), "took_s": took_s, "faults": faults, "total_ms": sorted(times)}


async def fickle(job: dict[str, Any]) -> dict[str, Any]:
    """`clients` ask `requests` times in all, whole and streamed, while servers come and go.

    Of the streams every second one is left in the middle. Whoever cannot connect tries again, and
    that is no request. {sent, whole, left, cut}: what became of them.
    """
    counts = {"sent": 0, "whole": 0, "left": 0, "cut": 0}

    async def ask(person: int) -> None:
        turn = 0
        steady, leaving = speaker(job["lanes"]["whole"]), Fickle(**_address(job["lanes"]["stream"]))
        while counts["sent"] < job["requests"]:
            turn += 1
            counts["sent"] += 1
            is_stream = turn % 4 == 0
            one, prefix = (leaving, "short") if is_stream else (steady, "quick")
            if isinstance(one, Fickle):
                one.leaves = turn % 8 == 0
            try:
                sample = await one.turn(question(prefix, person, turn), words(job[prefix]))
            except OSError:
                counts["sent"] -= 1
                await asyncio.sleep(AGAIN_S)
                continue
            left = is_stream and turn % 8 == 0
            counts["left" if left else "whole" if sample.fault is None else "cut"] += 1
        steady.close()
        leaving.close()

    await asyncio.gather(*(ask(number) for number in range(job["clients"])))
    return counts


def _address(lane: dict[str, Any]) -> dict[str, Any]:
    return {name: lane[name] for name in ("host", "port", "path", "model", "headers")}


async def tabs(job: dict[str, Any], say: Any, told: Any) -> dict[str, Any]:
    """Open all lanes, `say` how many are open, hold them until `told`: {opened, lost}."""
    people = [ChatTab(one["port"], one["cookie"], one["conversation_id"]) for one in job["lanes"]]
    for start in range(0, len(people), OPEN_AT_ONCE):
        await asyncio.gather(*(tab.open() for tab in people[start : start + OPEN_AT_ONCE]))
        if job["watch"]:
            for tab in people[start : start + OPEN_AT_ONCE]:
                tab.watch()
    say({"opened": len(people)})
    await told()
    lost = sum(tab.is_lost for tab in people)
    for tab in people:
        tab.close()
    return {"opened": len(people), "lost": lost}


async def _watch_loop(lags: list[float]) -> None:
    """How late this process itself is: a generator that lags measures itself."""
    while True:
        due = time.perf_counter() + LOOP_LOOK_S
        await asyncio.sleep(LOOP_LOOK_S)
        lags.append((time.perf_counter() - due) * 1000)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _json(samples: list[Sample]) -> list[dict[str, Any]]:
    return [sample.as_json() for sample in samples]
