"""Four processes, one budget: nothing is spent twice, and nothing is lost when they are killed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connections

from gateway.ledger.book import settle_orphans
from kernel.actor import Scope
from kernel.db import platform_unit, unit_of_work
from saas.provisioning import ensure_tenant
from tests.support.web import ROOT

PROCESSES = 4
CALLS = 250


@pytest.fixture
def tenant(database: None) -> UUID:
    return ensure_tenant("Acme", "acme")


def make_budget(tenant_id: UUID, limit: int) -> UUID:
    from gateway.models import Budget

    with unit_of_work(Scope(tenant_id)):
        return Budget.objects.create(
            metric="usd", subject="tenant", period="month", limit_micros=limit
        ).id


def spend(directory: Path, jobs: list[dict]) -> list[dict[str, int]]:
    """Run the jobs side by side, all begun at once."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.spender"], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in jobs
    ]  # fmt: skip
    try:
        for process, job in zip(processes, jobs, strict=True):
            process.stdin.write(json.dumps({"directory": str(directory), **job}) + "\n")
            process.stdin.flush()
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        return [json.loads(process.stdout.readline()) for process in processes]
    finally:
        for process in processes:
            process.stdin.close()
            process.wait(60)
            process.stdout.close()


def rows(query: str) -> list[tuple]:
    with platform_unit("test") as alias, connections[alias].cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def account() -> tuple[int, int]:
    ((spent, held),) = rows("select spent_micros, held_micros from gateway_account")
    return spent, held


@pytest.fixture
def journals(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert [one for one in tmp_path.glob("*") if one.stat().st_size] == []


def test_a_thousand_calls_on_a_nearly_empty_budget_overshoot_by_nothing(
    tenant: UUID, journals: Path
) -> None:
    limit = 10 * 60 + 7
    make_budget(tenant, limit)
    job = {"tenant_id": str(tenant), "calls": CALLS, "cost": 10, "hold_s": 0.01}
    told = spend(journals, [job] * PROCESSES)
    assert sum(one["granted"] + one["refused"] for one in told) == PROCESSES * CALLS
    spent, held = account()
    assert held == 0
    assert spent <= limit
    # What one process did not need served another: the budget was used up.
    assert limit - spent < 10
    ((calls, cost),) = rows("select count(*), sum(cost_micros) from gateway_usage")
    assert (calls, cost) == (sum(one["granted"] for one in told), spent)
    totals = rows("select grain, sum(calls), sum(cost_micros) from gateway_usagetotal group by 1")
    assert sorted(totals) == [("day", calls, spent), ("hour", calls, spent)]


def test_what_killed_processes_had_spent_is_settled_and_what_they_held_is_free(
    tenant: UUID, tmp_path: Path
) -> None:
    limit = 100_000
    make_budget(tenant, limit)
    job = {"tenant_id": str(tenant), "calls": CALLS, "cost": 10, "hold_s": 0.01}
    ended = {**job, "kill_after_s": 5}
    hanging = {**job, "hang": True, "kill_after_s": 1}
    told = spend(tmp_path, [ended, ended, hanging, hanging])
    assert [one["granted"] for one in told] == [CALLS, CALLS, 0, 0]
    settle_orphans(tmp_path)
    spent, held = account()
    assert held == 0
    states = dict(rows("select state, count(*) from gateway_usage group by 1"))
    # Calls that ended are recorded as they were told; those that were cut, as cut.
    assert states == {"ok": 2 * CALLS, "interrupted": 2 * CALLS}
    ((cost,),) = rows("select sum(cost_micros) from gateway_usage")
    assert cost == spent
    assert settle_orphans(tmp_path) == 0
    assert list(tmp_path.glob("*.jsonl")) == []
