"""How long choosing a model takes among 200: known already, or weighed anew.

In a process of its own on the installation's database and Valkey, without HTTP: the whole of
`routed` (terms, rules, catalogue, health, cache, draw). "Not cached" asks as another key each time,
so that neither this process nor Valkey has weighed it before; that includes asking Valkey and
telling it.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bench.target import Figure, middle, percentile

if TYPE_CHECKING:
    from bench.runner import Bench
    from bench.stand import Stand

MODELS, ROUNDS, WARM = 200, 2_000, 50
CACHED_MS, UNCACHED_MS = 0.2, 5.0
A_PROVIDER = 100


def run(bench: "Bench") -> Sequence[Figure]:
    """Medians and 95th percentiles of both."""
    stand = bench.stand()
    made = [_provider(stand, number) for number in range(-(-MODELS // A_PROVIDER))]
    try:
        found = stand.provision(do="routing", tenant_id=stand.tenant_id, rounds=ROUNDS)
    finally:
        for one in made:
            stand.call("DELETE", f"/gateway/providers/{one}")
    bench.keep("routing-decisions", found)
    lines: list[Figure] = []
    for name, limit in (("cached", CACHED_MS), ("not cached", UNCACHED_MS)):
        times = found[name]
        note = f"{found['models']} models, {len(times):,} decisions"
        lines += [
            Figure(f"decision, {name}, p50", middle(times), limit, " ms", 3, note),
            Figure(f"decision, {name}, p95", percentile(times, 0.95), limit, " ms", 3),
        ]
    return lines


def measure(request: dict[str, Any]) -> dict[str, Any]:
    """{models, "cached": [ms], "not cached": [ms]}; runs in `bench.provision`."""
    from gateway.ledger.rules import Caller
    from gateway.router import MODELS as ROUTER
    from gateway.routing.choosing import Wish, routed
    from gateway.routing.engine import Need

    caller, wish = Caller(UUID(request["tenant_id"])), Wish(Need(frozenset({"text"}), 1_000, 500))

    async def once(wish: Wish) -> float:
        before = time.perf_counter()
        await routed(caller, "chat", wish)
        return (time.perf_counter() - before) * 1_000

    async def timed() -> dict[str, Any]:
        for _ in range(WARM):
            await once(wish)
        # Another name of a key each time: nobody has weighed for it before. All keys allow all.
        everything = {one.model for one in (await ROUTER.get().snapshot()).endpoints.values()}
        others = [
            replace(wish, key_models=frozenset({*everything, f"nothing-{number}"}))
            for number in range(request["rounds"] // 4)
        ]
        fresh = [await once(other) for other in others]
        known = [await once(wish) for _ in range(request["rounds"])]
        models = len((await ROUTER.get().snapshot()).endpoints)
        return {"models": models, "cached": known, "not cached": fresh}

    return asyncio.run(timed())


def _provider(stand: "Stand", number: int) -> str:
    """A provider with its models, priced. Returns its id."""
    names = [f"model-{number}-{place}" for place in range(A_PROVIDER)]
    made = stand.call(
        "POST",
        "/gateway/providers",
        {
            "name": f"Many {number}",
            "kind": "openai-compatible",
            "base_url": stand.simulator.base_url,
            "api_key": "sk-bench-0123456789",
            "models": [{"name": name, "window": 128_000, "output_limit": 8_192} for name in names],
        },
    )
    for place, model in enumerate(made["models"]):
        price = {"input_micros": 100_000 * (place + 1), "output_micros": 400_000 * (place + 1)}
        stand.call("PUT", f"/gateway/models/{model['id']}/price", price)
    return str(made["id"])
