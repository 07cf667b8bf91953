"""Conservation: whatever happens, reserved + spent + free = limit, and nothing is lent twice."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ledger import store
from gateway.ledger.metrics import MICRO, Rate, Tokens, cost_micros, rate_at
from gateway.ledger.purse import Purse
from gateway.ledger.rules import Caller, Rule, day_of, places
from kernel.actor import Scope
from kernel.clock import now, shifted
from kernel.db import platform_unit, unit_of_work
from kernel.ids import uuid7

LIMIT = 1_000
PROCESSES = [UUID(int=number) for number in range(1, 4)]

amount = st.integers(min_value=1, max_value=400)
step = st.one_of(
    st.tuples(st.just("take"), st.sampled_from(PROCESSES), amount, amount),
    st.tuples(st.just("settle"), st.sampled_from(PROCESSES), amount, st.booleans()),
    st.tuples(st.just("release"), st.sampled_from(PROCESSES), amount, st.none()),
    st.tuples(st.just("die"), st.sampled_from(PROCESSES), st.none(), st.none()),
)


@pytest.fixture
def tenant(database: None) -> UUID:
    from saas.provisioning import ensure_tenant

    return ensure_tenant("Acme", "acme")


def make_budget(tenant_id: UUID, limit: int = LIMIT, subject: str = "model") -> UUID:
    from gateway.models import Budget

    subject_id = uuid4() if subject == "model" else None
    with unit_of_work(Scope(tenant_id)):
        row = Budget.objects.create(
            metric="usd", subject=subject, subject_id=subject_id, period="ever", limit_micros=limit
        )
    return row.id


def standing(budget_id: UUID) -> tuple[int, int, int]:
    """(spent, held, sum of the holds)."""
    with platform_unit("test") as alias, connections[alias].cursor() as cursor:
        cursor.execute(
            "select a.spent_micros, a.held_micros, "
            "(select coalesce(sum(h.micros), 0) from gateway_hold h "
            "  where h.budget_id = a.budget_id and h.place = a.place) "
            "from gateway_account a where a.budget_id = %s",
            [budget_id],
        )
        return tuple(map(int, cursor.fetchone() or (0, 0, 0)))


def usage(usage_id: UUID) -> dict:
    moment = now()
    nobody = UUID(int=0)
    return {
        "id": usage_id, "call_id": usage_id, "kind": "chat", "at": moment, "day": moment,
        "user_id": nobody, "agent_id": nobody, "key_id": nobody, "model_id": nobody, "model": "m",
        "input_tokens": 1, "cached_tokens": 0, "output_tokens": 1, "cost_micros": 1,
        "counted": True, "state": "ok", "note": "", "first_token_ms": None, "latency_ms": 1,
    }  # fmt: skip


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(step, max_size=12))
def test_nothing_is_lent_twice_and_nothing_is_lost(tenant: UUID, steps: list[tuple]) -> None:
    budget_id = make_budget(tenant)
    purses = {process: Purse() for process in PROCESSES}
    spent_in_all = 0
    for kind, process, first, second in steps:
        purse = purses[process]
        with unit_of_work(Scope(tenant)):
            if kind == "take":
                wanted = store.Wanted(budget_id, "here", first, max(first, second))
                (lent,) = store.take(process, [wanted])
                assert lent.micros == 0 or first <= lent.micros <= max(first, second)
                purse.took(lent.micros, 0.0)
                # An answer that exceeds its reservation may pass the limit; lending never does.
                assert not lent.micros or lent.spent + lent.held <= LIMIT
            elif kind == "settle" and second and purse.free < first:
                continue
            elif kind == "settle":
                usage_id = uuid7()
                charge = {
                    "usage_id": usage_id, "budget_id": budget_id, "place": "here", "micros": first
                }  # fmt: skip
                purse.settle(0, first)
                for again in range(2):
                    paid = store.settle(process, [usage(usage_id)], [charge])
                    assert len(paid) == (0 if again else 1)
                    for one in paid:
                        purse.settled(one.charged, one.drawn)
                spent_in_all += first
            elif kind == "release":
                free = min(first, max(0, purse.free))
                purse.held -= free
                store.release(process, [(budget_id, "here", free)])
        if kind == "die":
            store.forget_process(process)
            purses[process] = Purse()
        spent, held, holds = standing(budget_id)
        assert held == holds == sum(one.held for one in purses.values())
        assert spent == spent_in_all


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    costs=st.lists(st.tuples(st.sampled_from(PROCESSES), amount), min_size=1, max_size=15),
    limit=st.integers(0, 2_000),
)
def test_calls_that_keep_to_their_reservation_never_pass_the_limit(
    tenant: UUID, costs: list[tuple[UUID, int]], limit: int
) -> None:
    budget_id = make_budget(tenant, limit)
    done = 0
    for process, cost in costs:
        with unit_of_work(Scope(tenant)):
            (lent,) = store.take(process, [store.Wanted(budget_id, "here", cost, cost * 8)])
            if not lent.micros:
                assert lent.spent + lent.held + cost > limit
                continue
            usage_id = uuid7()
            charge = {"usage_id": usage_id, "budget_id": budget_id, "place": "here", "micros": cost}
            store.settle(process, [usage(usage_id)], [charge])
            done += cost
        spent, held, holds = standing(budget_id)
        assert (spent, held) == (done, holds)
        assert spent + held <= limit


@given(
    st.lists(
        st.tuples(st.sampled_from(["take", "reserve", "settle", "release", "back"]), amount),
        max_size=40,
    )
)
def test_a_purse_never_lends_more_than_it_holds(steps: list[tuple[str, int]]) -> None:
    purse, open_calls = Purse(), []
    for kind, micros in steps:
        if kind == "take":
            purse.took(micros, 0.0)
        elif kind == "reserve" and not purse.missing(micros, 1.0):
            purse.reserve(micros, 1.0)
            open_calls.append(micros)
        elif kind == "settle" and open_calls:
            reserved = open_calls.pop()
            purse.settle(reserved, min(micros, reserved))
        elif kind == "release" and open_calls:
            purse.release(open_calls.pop())
        elif kind == "back":
            purse.give_back()
        assert purse.reserved == sum(open_calls)
        assert purse.free >= 0
        assert purse.held == purse.reserved + purse.spent + purse.free


def test_a_lease_that_was_not_renewed_is_not_lent_from() -> None:
    purse = Purse()
    purse.took(100, now_s=0.0)
    assert purse.missing(10, now_s=19.0) == 0
    assert purse.missing(10, now_s=21.0) == 10


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_cost_is_rounded_up_once_and_never_negative(
    tokens_in: int, tokens_out: int, price_in: int, price_out: int
) -> None:
    rate = Rate(now(), price_in, price_in // 2, price_out)
    cost = cost_micros(rate, Tokens(tokens_in, tokens_out, cached=tokens_in // 3))
    exact = cost * MICRO
    assert exact >= 0
    most = tokens_in * price_in + tokens_out * price_out
    assert exact < most + MICRO


def test_the_price_of_the_moment_counts() -> None:

    moment = now()
    rates = [Rate(moment, 2, 2, 2), Rate(moment - timedelta(days=1), 1, 1, 1)]
    assert rate_at(rates, moment).input_micros == 2
    assert rate_at(rates, moment - timedelta(hours=1)).input_micros == 1
    assert rate_at(rates, moment - timedelta(days=2)) is None
    assert cost_micros(None, Tokens(10, 10)) == 0


def rule(**changes: object) -> Rule:
    given = {
        "id": uuid4(), "metric": "usd", "subject": "tenant", "subject_id": None, "period": "day",
        "limit_micros": 1, "is_hard": True,
    }  # fmt: skip
    return Rule(**{**given, **changes})


def test_periods_begin_where_the_tenant_lives() -> None:
    from datetime import UTC, datetime

    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    caller = Caller(UUID(int=5))
    names = {
        zone: places([rule(period="month")], caller, uuid4(), late, ZoneInfo(zone))[0].name
        for zone in ("UTC", "Europe/Berlin")
    }
    assert names["UTC"].endswith("|2026-11")
    assert names["Europe/Berlin"].endswith("|2026-12")
    assert day_of(late, ZoneInfo("Europe/Berlin")).isoformat() == "2026-12-01T00:00:00+01:00"


def test_a_budget_binds_its_subjects_only() -> None:
    user, other, turn = uuid4(), uuid4(), uuid4()
    caller = Caller(UUID(int=5), user_id=user, turn_id=turn)
    rules = [
        rule(subject="user"),
        rule(subject="user", subject_id=other),
        rule(subject="user", subject_id=user, period="turn"),
        rule(subject="key"),
    ]
    found = places(rules, caller, uuid4(), now(), ZoneInfo("UTC"))
    assert [place.rule for place in found] == [rules[0], rules[2]]
    assert found[1].name == f"{user}|{turn}"
    without_turn = Caller(UUID(int=5), user_id=user)
    found = places(rules, without_turn, uuid4(), now(), ZoneInfo("UTC"))
    assert [place.rule for place in found] == [rules[0]]


async def _spend(directory: Path, tenant: UUID, calls: int, cost: int) -> tuple[int, int]:
    """(granted, refused) of concurrent calls that cost exactly what they reserve."""
    from gateway.errors import BudgetExhausted
    from gateway.ledger.book import Book, Outcome, Target

    book = Book(directory)
    rates = (Rate(now(), MICRO, MICRO, MICRO),)
    target = Target(uuid4(), "m", rates)
    outcomes: list[bool] = []

    async def call() -> None:
        try:
            held = await book.reserve(Caller(tenant), "chat", target, Tokens(cost, 0), uuid7())
        except BudgetExhausted:
            outcomes.append(False)
            return
        await asyncio.sleep(0)
        book.settle(held, Outcome(Tokens(cost, 0), counted=True))
        outcomes.append(True)

    await asyncio.gather(*(call() for _ in range(calls)))
    await book.close()
    return outcomes.count(True), outcomes.count(False)


def test_a_book_spends_a_nearly_empty_budget_to_the_last_call(tenant: UUID, tmp_path: Path) -> None:
    from gateway.ledger.terms import TERMS

    budget_id = make_budget(tenant, 10 * 37 + 3, "tenant")
    TERMS.forget()
    granted, refused = asyncio.run(_spend(tmp_path, tenant, 200, 10))
    assert (granted, refused) == (37, 163)
    assert standing(budget_id) == (370, 0, 0)
    assert sum(path.stat().st_size for path in tmp_path.glob("*.jsonl")) == 0


def test_a_soft_budget_lets_through_and_tells_each_threshold_once(
    tenant: UUID, tmp_path: Path, nobody_is_woken: None
) -> None:
    from gateway.ledger.terms import TERMS
    from gateway.models import Budget
    from kernel.models import OutboxEvent

    with unit_of_work(Scope(tenant)):
        Budget.objects.create(
            metric="usd", subject="tenant", period="ever", limit_micros=100, is_hard=False,
            alerts=[50, 100],
        )  # fmt: skip
    TERMS.forget()
    assert asyncio.run(_spend(tmp_path, tenant, 4, 30)) == (4, 0)
    TERMS.forget()
    assert asyncio.run(_spend(tmp_path, tenant, 2, 30)) == (2, 0)
    with platform_unit("test"):
        told = OutboxEvent.objects.using("platform").filter(type="gateway.budget_reached")
        assert sorted(row.payload["per_cent"] for row in told) == [50, 100]


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_jumps_moves_no_money(tenant: UUID, tmp_path: Path, hours: int) -> None:
    from gateway.ledger.book import Book, Outcome, Target
    from gateway.ledger.terms import TERMS
    from gateway.models import Usage

    budget_id = make_budget(tenant, 1_000, "tenant")
    TERMS.forget()

    async def jump() -> None:
        book = Book(tmp_path)
        target = Target(uuid4(), "m", (Rate(now() - timedelta(days=9), MICRO, MICRO, MICRO),))
        asked = Caller(tenant), "chat", target, Tokens(100, 0), uuid7()
        held = await book.reserve(*asked)
        with shifted(timedelta(hours=hours)):
            book.settle(held, Outcome(Tokens(40, 0), counted=True))
            again = await book.reserve(*asked[:4], uuid7())
        book.settle(again, Outcome(Tokens(60, 0), counted=True))
        await book.close()

    asyncio.run(jump())
    assert standing(budget_id) == (100, 0, 0)
    with platform_unit("test") as alias:
        assert all(row.latency_ms >= 0 for row in Usage.objects.using(alias).all())


def test_what_a_budget_frees_in_one_account_does_not_reach_another(
    tenant: UUID, tmp_path: Path
) -> None:
    """Two budgets bind a call: it is refused by the narrower one and held in neither."""
    from gateway.ledger.terms import TERMS
    from gateway.models import Budget

    with unit_of_work(Scope(tenant)):
        wide, narrow = (
            Budget.objects.create(
                metric=metric, subject="tenant", period="day", limit_micros=limit
            ).id
            for metric, limit in (("usd", 1_000_000), ("tokens", 35 * MICRO))
        )
    TERMS.forget()
    assert asyncio.run(_spend(tmp_path, tenant, 20, 10)) == (3, 17)
    assert standing(wide) == (30, 0, 0)
    assert standing(narrow) == (30 * MICRO, 0, 0)


def test_old_calls_go_and_young_ones_cannot_while_sums_stay(tenant: UUID) -> None:
    from django.db import Error

    from gateway.ledger.retention import forget_calls
    from gateway.models import Usage, UsageTotal

    rows = []
    for days in (50, 40, 3):
        moment = now() - timedelta(days=days)
        old = UUID(int=int(moment.timestamp() * 1000) << 80 | days)
        rows.append({**usage(old), "at": moment, "day": moment})
    with unit_of_work(Scope(tenant)):
        store.settle(uuid7(), rows, [])
    assert forget_calls(timedelta(days=45)) == 1
    assert forget_calls(timedelta(days=30)) == 1
    assert forget_calls(timedelta(days=30)) == 0
    with pytest.raises(Error, match="append-only"):
        forget_calls(timedelta(days=1))
    with platform_unit("test") as alias:
        assert Usage.objects.using(alias).count() == 1
        days_ = UsageTotal.objects.using(alias).filter(grain="day")
        assert sum(row.calls for row in days_) == 3
    with unit_of_work(Scope(tenant)), pytest.raises(Error, match="permission denied"):
        Usage.objects.all()._raw_delete("default")
