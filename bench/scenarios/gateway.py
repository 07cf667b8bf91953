"""What `/v1` adds to the bare upstream, with keys, budgets and usage on; peers beside it.

Bare upstream, product and peers ask in turn in the same run, over connections that stay open. The
product's calls are priced and count in a tenant's monthly budget that is large, so that each is
reserved and recorded. `--litellm DIR` names an environment with `litellm[proxy]`, `--portkey DIR` a
directory in which npm installed `@portkey-ai/gateway`; both run with one worker, without keys and
budgets. The requests per second are those of whole answers of five words, sixteen clients.
"""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.stand import MODEL, TOKENS, load
from bench.target import Figure, Quote, middle, percentile

if TYPE_CHECKING:
    from bench.runner import Bench
    from bench.stand import Stand

ROUNDS, WARM, PAUSE_S = 300, 30, 0.002
CLIENTS, FLOODS, FLOOD_S = 16, 3, 4.0
MEMORY_REQUESTS = 100_000
READY_S = 120.0
BUDGET_MICROS = 10**15
ADDED_P50_MS, ADDED_P99_MS, FIRST_MS, RSS_MB = 1.0, 4.0, 2.0, 200.0
OVER_LITELLM, OVER_PORTKEY = 12.0, 1.5


def run(bench: "Bench") -> Sequence[Figure | Quote]:
    """Added times, requests a second, memory; then whether every call was recorded."""
    stand = bench.stand()
    lanes = {"bare": {**stand.upstream(), "kind": "whole"}, "product": prepared(stand)}
    with ExitStack() as stack:
        if bench.options.litellm is not None:
            port = stack.enter_context(_litellm(bench.options.litellm, stand.simulator.base_url))
            lanes["LiteLLM"] = _lane(port, f"openai/{MODEL}", {"Authorization": "Bearer x"})
        if bench.options.portkey is not None:
            port = stack.enter_context(_portkey(bench.options.portkey))
            headers = {
                "Authorization": "Bearer x",
                "x-portkey-provider": "openai",
                "x-portkey-custom-host": stand.simulator.base_url,
            }
            lanes["Portkey"] = _lane(port, MODEL, headers)
        whole = _alternate(bench, lanes, "whole")
        # Portkey closes the connection of each stream after six seconds of silence at its end, so
        # that its streams cannot be asked in turn with the others.
        streaming = {name: lane for name, lane in lanes.items() if name != "Portkey"}
        streams = _alternate(bench, streaming, "upstream")
        rates, asked = _floods(bench, lanes)
    before = stand.rss_mb()
    done = _flood(lanes["product"], requests=MEMORY_REQUESTS, seconds=600.0)
    after = stand.rss_mb()
    bench.keep("gateway-memory", {"before_mb": before, "after_mb": after, "calls": done["done"]})
    asked += 2 * (ROUNDS + WARM) + done["done"]
    bare = [one["total_ms"] for one in whole["bare"]]
    ours = [one["total_ms"] for one in whole["product"]]
    first = middle([one["first_ms"] for one in streams["product"]])
    first -= middle([one["first_ms"] for one in streams["bare"]])
    slope = (after - before) * 100_000 / max(1, done["done"])
    figures: list[Figure | Quote] = [
        Figure("/v1 adds, 1 client, p50", middle(ours) - middle(bare), ADDED_P50_MS, " ms", 2),
        Figure(
            "/v1 adds, 1 client, p99",
            percentile(ours, 0.99) - percentile(bare, 0.99), ADDED_P99_MS, " ms", 2,
        ),
        Figure("/v1 adds to the first token of a stream, p50", first, FIRST_MS, " ms", 2),
        Figure("web process after the calls", after, RSS_MB, " MB", 0),
        Figure("growth of it for 100,000 calls", slope, 1.0, " MB", 1, f"{done['done']:,} calls"),
        Figure("calls that were not recorded", _unrecorded(bench, stand, asked), 0, "", 0),
    ]  # fmt: skip
    product = rates["product"]
    for name, least in (("LiteLLM", OVER_LITELLM), ("Portkey", OVER_PORTKEY)):
        if name not in rates:
            continue
        note = f"{product:,.0f} against {rates[name]:,.0f} requests/s"
        figures.append(
            Figure(f"requests/s over {name}'s, {CLIENTS} clients", product / rates[name], least,
                   " x", 1, note, is_least=True)
        )  # fmt: skip
        added = middle([one["total_ms"] for one in whole[name]]) - middle(bare)
        figures.append(Quote(f"{name} adds, 1 client, p50", f"{added:.2f} ms", "measured"))
    figures += [
        Quote(f"requests/s, {CLIENTS} clients: {name}", f"{rate:,.0f}", "measured")
        for name, rate in rates.items()
    ]
    return figures


def prepared(stand: "Stand") -> dict[str, Any]:
    """A key, a price and a budget: the product's lane."""
    model = stand.call("GET", "/gateway/models")["items"][0]
    price = {"input_micros": 150_000, "output_micros": 600_000}
    stand.call("PUT", f"/gateway/models/{model['id']}/price", price)
    if not stand.call("GET", "/gateway/budgets"):
        budget = {"metric": "usd", "subject": "tenant", "period": "month"}
        stand.call("POST", "/gateway/budgets", {**budget, "limit_micros": BUDGET_MICROS})
    made = stand.call("POST", "/gateway/keys", {"name": "Bench"})
    return _lane(stand.port, MODEL, {"Authorization": f"Bearer {made['secret']}"})


def _lane(port: int, model: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "kind": "whole",
        "host": "127.0.0.1",
        "port": port,
        "path": "/v1/chat/completions",
        "model": model,
        "headers": headers,
    }


def _alternate(bench: "Bench", lanes: dict[str, Any], kind: str) -> dict[str, list[dict[str, Any]]]:
    found = load(
        {
            "job": "alternate",
            "prefix": "quick",
            "tokens": TOKENS["quick"],
            "rounds": ROUNDS,
            "warm": WARM,
            "pause_s": PAUSE_S,
            "lanes": {name: {**lane, "kind": kind} for name, lane in lanes.items()},
        }
    )
    samples: dict[str, list[dict[str, Any]]] = bench.keep(f"gateway-{kind}", found)["samples"]
    bench.refuse_faults(f"gateway {kind}", [one for each in samples.values() for one in each])
    return samples


def _flood(lane: dict[str, Any], *, seconds: float, requests: int = 0) -> dict[str, Any]:
    return load(
        {
            "job": "flood",
            "prefix": "quick",
            "tokens": TOKENS["quick"],
            "clients": CLIENTS,
            "seconds": seconds,
            "requests": requests,
            "lane": lane,
        }
    )


def _floods(bench: "Bench", lanes: dict[str, Any]) -> tuple[dict[str, float], int]:
    """Requests a second of each lane (the median of rounds), and how many the product got."""
    asked = 0
    rates: dict[str, list[float]] = {name: [] for name in lanes}
    for _ in range(FLOODS):
        for name, lane in lanes.items():
            told = _flood(lane, seconds=FLOOD_S)
            bench.note_faults(told["faults"])
            rates[name].append(told["done"] / told["took_s"])
            asked += told["done"] if name == "product" else 0
    bench.keep("gateway-floods", rates)
    return {name: middle(found) for name, found in rates.items()}, asked


def _unrecorded(bench: "Bench", stand: "Stand", asked: int) -> int:
    """By how much the ledger differs from what was asked of the product."""
    time.sleep(1.0)
    usage = bench.keep("gateway-usage", stand.call("GET", "/gateway/usage?by=key"))
    return abs(asked - sum(row["calls"] for row in usage["rows"] if row["name"]))


@contextmanager
def _litellm(place: Path, base_url: str) -> Iterator[int]:
    port = _free_port()
    config = place / "soma-bench.yaml"
    config.write_text(
        "model_list:\n"
        f"  - model_name: openai/{MODEL}\n"
        "    litellm_params:\n"
        f"      model: openai/{MODEL}\n"
        f"      api_base: {base_url}\n"
        "      api_key: sk-bench-0123456789\n"
    )
    command = [str(place / "bin" / "litellm"), "--config", str(config), "--port", str(port)]
    command += ["--host", "127.0.0.1", "--num_workers", "1", "--telemetry", "False"]
    with _serving(command, port, "/health/liveliness"):
        yield port


@contextmanager
def _portkey(place: Path) -> Iterator[int]:
    port = _free_port()
    script = place / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    with _serving(["node", str(script), f"--port={port}", "--headless"], port, "/"):
        yield port


@contextmanager
def _serving(command: list[str], port: int, path: str) -> Iterator[None]:
    environ = {
        **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        "NODE_ENV": "production",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        # It would not start without a key of its own otherwise.
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + READY_S
        while not _answers(port, path):
            if process.poll() is not None or time.monotonic() > deadline:
                message = f"{command[0]} did not start"
                raise RuntimeError(message)
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2):
            return True
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
