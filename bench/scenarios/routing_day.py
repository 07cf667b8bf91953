"""A day of traffic in half a minute: ten models, failures, prices that change at noon.

Ten providers (real HTTP servers, each a process) with a model each; the goal is the lowest price.
By the hour of the day some of them fail (rate limits, errors, timeouts before the first token);
at noon the cheapest becomes the dearest. All calls are for "auto", streamed and whole. Afterwards
three accounts of the day are held against one another, call by call: what the router wrote down,
what the ledger charged, and what the providers themselves counted, at the prices of the hour.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

from bench.target import Figure, Quote
from tests.support.simulator import SimulatedProvider, simulated_provider

if TYPE_CHECKING:
    from bench.runner import Bench
    from bench.stand import Stand

PROVIDERS, HOURS, CALLS_AN_HOUR, CLIENTS = 10, 24, 50, 4
NOON = 12
DEADLINE_S = 30.0
# Hour -> provider -> what goes wrong with it.
FAILURES: dict[int, dict[int, dict[str, Any]]] = {
    3: {0: {"fail": "500"}},
    6: {0: {"fail": "429", "retry_after": 1}},
    9: {0: {"fail": "cut-first"}, 1: {"fail": "503"}},
    15: {9: {"fail": "429", "retry_after": 1}},
    18: {9: {"fail": "401"}, 8: {"fail": "reset"}},
    21: {one: {"fail": "503"} for one in range(5, 10)},
}


def run(bench: "Bench") -> Sequence[Figure | Quote]:
    """Differences between decisions, ledger and providers."""
    stand = bench.stand()
    with ExitStack() as stack:
        providers = [stack.enter_context(simulated_provider(tokens=8)) for _ in range(PROVIDERS)]
        models = [_added(stand, number, one) for number, one in enumerate(providers)]
        secret = stand.call("POST", "/gateway/keys", {"name": "Day"})["secret"]
        stand.call("PUT", "/gateway/policy", {"allowed_models": [one["id"] for one in models]})
        stand.call("PUT", "/gateway/routing", {"rules": {"goal": "cost"}})
        try:
            sent, noon = _live(stand, providers, models, secret)
            told = {}
            for number, one in enumerate(providers):
                for call_id, counted in one.told().items():
                    told.setdefault(call_id, []).append((number, *counted))
            decisions = _all(stand, "/gateway/routing/decisions", sent["ids"])
            ledger = _all(stand, "/gateway/calls", sent["ids"])
        finally:
            stand.call("PUT", "/gateway/routing", {"rules": None})
            stand.call("PUT", "/gateway/policy", {"allowed_models": []})
    found = compared(sent, decisions, ledger, told, noon)
    bench.keep("routing-day", {**found, "sent": sent["ends"], "decisions": decisions})
    return [
        Figure("calls without a decision that has a reason and candidates",
               found["unexplained"], 0, "", 0, f"{len(sent['ids']):,} calls"),
        Figure("calls that the ledger lacks or has twice", found["unrecorded"], 0, "", 0),
        Figure("calls whose model differs between decision, ledger and provider",
               found["elsewhere"], 0, "", 0),
        Figure("tokens that differ between ledger and providers", found["tokens"], 0, "", 0,
               f"{found['counted']:,} calls counted"),
        Figure("micro-dollars that differ from the providers' count at the hour's price",
               found["micros"], 0, "", 0, f"{found['spent']:,} spent"),
        Quote("who answered, before and after noon", found["who"], "measured"),
        Quote("what calls came to", ", ".join(f"{n:,} {e}" for e, n in sent["ends"].items()),
              "measured"),
        Quote("decisions that met a failure first", f"{found['fell_back']:,}", "measured"),
    ]  # fmt: skip


def compared(
    sent: dict[str, Any],
    decisions: list[dict[str, Any]],
    ledger: list[dict[str, Any]],
    told: dict[str, list[tuple[Any, ...]]],
    noon: str,
) -> dict[str, Any]:
    """The three accounts by the id of the call. `told`: [(provider, asked, sent, whole), ...]."""
    explained = {
        one["call_id"]: one
        for one in decisions
        if one["reason"] and len(one["candidates"]) >= PROVIDERS
        and all((one_["score"] is None) == bool(one_["left_out"]) for one_ in one["candidates"])
    }  # fmt: skip
    rows = Counter(one["call_id"] for one in ledger)
    counted = tokens = micros = elsewhere = spent = 0
    who: dict[str, Counter[str]] = {"before": Counter(), "after": Counter()}
    for row in ledger:
        half = "before" if row["at"] < noon else "after"
        spent += row["cost_micros"]
        if row["state"] != "ok":
            micros += row["cost_micros"]
            continue
        who[half][row["model"]] += 1
        number = int(row["model"].rpartition("-")[2])
        answered = [one for one in told.get(row["call_id"], []) if one[0] == number and one[3]]
        decided = explained.get(row["call_id"], {}).get("answered", "")
        if len(answered) != 1 or decided != f"Provider {number}/{row['model']}":
            elsewhere += 1
            continue
        _, asked, written, _ = answered[0]
        counted += 1
        tokens += abs(row["input_tokens"] - asked) + abs(row["output_tokens"] - written)
        price = price_of(number, is_after_noon=half == "after")
        cost = -(-(asked + written) * price // 1_000_000)
        micros += abs(row["cost_micros"] - cost)
    return {
        "unexplained": sum(one not in explained for one in sent["ids"]),
        "unrecorded": sum(rows[one] != 1 for one in sent["ids"]),
        "elsewhere": elsewhere,
        "counted": counted,
        "tokens": tokens,
        "micros": micros,
        "spent": spent,
        "fell_back": sum(bool(one["attempts"]) for one in decisions),
        "who": "; ".join(
            ", ".join(f"{name} {count}" for name, count in each.most_common(3))
            for each in who.values()
        ),
    }


def price_of(number: int, *, is_after_noon: bool) -> int:
    """Micro-dollars for a million tokens, in and out: at noon the order turns round."""
    place = PROVIDERS - 1 - number if is_after_noon else number
    return 1_000_000 * (place + 1)


def _added(stand: "Stand", number: int, provider: SimulatedProvider) -> dict[str, Any]:
    made = stand.call(
        "POST",
        "/gateway/providers",
        {
            "name": f"Provider {number}",
            "kind": "openai-compatible",
            "base_url": provider.base_url,
            "api_key": "sk-bench-0123456789",
            "models": [{"name": f"day-{number}", "window": 32_000, "output_limit": 1_000}],
        },
    )
    model: dict[str, Any] = made["models"][0]
    _price(stand, model, number, is_after_noon=False)
    return model


def _price(stand: "Stand", model: dict[str, Any], number: int, *, is_after_noon: bool) -> None:
    price = price_of(number, is_after_noon=is_after_noon)
    body = {"input_micros": price, "output_micros": price}
    stand.call("PUT", f"/gateway/models/{model['id']}/price", body)


def _live(
    stand: "Stand", providers: list[SimulatedProvider], models: list[dict[str, Any]], secret: str
) -> tuple[dict[str, Any], str]:
    """All hours. Returns {ids, ends: {outcome: calls}} and the moment of the new prices."""
    ids: list[str] = []
    ends: Counter[str] = Counter()
    noon = ""
    for hour in range(HOURS):
        if hour == NOON:
            for number, model in enumerate(models):
                _price(stand, model, number, is_after_noon=True)
            # Prices hold from the moment they are set; no call is under way now.
            time.sleep(1.5)
            noon = stand.call("GET", f"/gateway/models/{models[-1]['id']}/prices")[0]["valid_from"]
        for number, provider in enumerate(providers):
            wrong = FAILURES.get(hour, {}).get(number)
            provider.script(*([wrong] if wrong else []), defaults={"tokens": 8})
        for call_id, end in _hour(stand, secret, hour):
            ids.append(call_id)
            ends[end] += 1
        time.sleep(0.3)
    return {"ids": ids, "ends": dict(ends)}, noon


def _hour(stand: "Stand", secret: str, hour: int) -> list[tuple[str, str]]:
    """The calls of one hour: [(id, outcome)]."""
    found: list[tuple[str, str]] = []

    def ask(client: int) -> None:
        connection = HTTPConnection("127.0.0.1", stand.port, timeout=DEADLINE_S)
        for number in range(CALLS_AN_HOUR // CLIENTS):
            content = f"hour {hour}, person {client}, question {number}"
            body = {
                "model": "auto",
                "messages": [{"role": "user", "content": content}],
                "stream": number % 2 == 0,
                "max_tokens": 100,
            }
            headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            end = "ok" if answer.status == 200 and '"error"' not in text else str(answer.status)
            found.append((answer.headers["x-request-id"], end))
        connection.close()

    people = [threading.Thread(target=ask, args=(client,)) for client in range(CLIENTS)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    return found


def _all(stand: "Stand", path: str, ids: list[str]) -> list[dict[str, Any]]:
    """Every row of a list that is about these calls, when all are there or time is up."""
    wanted, deadline = set(ids), time.monotonic() + DEADLINE_S
    while True:
        rows: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = stand.call("GET", f"{path}?limit=200{cursor}")
            rows += [one for one in page["items"] if one["call_id"] in wanted]
            if page["next"] is None or len(rows) >= len(wanted):
                break
            cursor = f"&cursor={page['next']}"
        if len({one["call_id"] for one in rows}) >= len(wanted) or time.monotonic() > deadline:
            return rows
        time.sleep(1.0)
