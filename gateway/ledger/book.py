"""The ledger of this process: reserves calls before a model is asked, settles them afterwards.

Owns the purses, what waits for being settled, and the journal. Lives on one event loop; nothing
here awaits between looking into a purse and reserving out of it. One statement of the ledger runs
at a time, so that purses and holds change in the same order.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import structlog
from django.db import Error as DatabaseError
from prometheus_client import Counter, Gauge

from gateway.errors import BudgetExhausted
from gateway.events import BudgetReached
from gateway.ledger import store
from gateway.ledger.journal import Journal, Row, orphans
from gateway.ledger.metrics import UNLIMITED, Amounts, Rate, Tokens, amounts, cost_micros, rate_at
from gateway.ledger.purse import Purse
from gateway.ledger.rules import Caller, Place, Rule, day_of, places
from gateway.ledger.terms import TERMS, Terms
from kernel import outbox
from kernel.actor import Scope
from kernel.bus.ports import BUS, Payload
from kernel.clock import monotonic_s, now
from kernel.db import AWAY, in_unit, unit_of_work
from kernel.ids import uuid7
from kernel.ports import Port
from kernel.text import scrubbed

RECALL_TOPIC = "gateway.recall"
SETTLE_EVERY_S = 0.1
RENEW_EVERY_S = 5.0
# What nobody reserved out of for so long goes back.
IDLE_S = 2.0
# How long to wait for what others give back, each time.
PATIENCE_S = (0.02, 0.06, 0.15)
# After others had nothing to give: refused without asking again for so long.
DRY_S = 0.5
# A process takes as much as this many calls like the present one need.
CALLS_AHEAD = 64
SETTLED_AT_ONCE = 500
BIGGEST = 2**53

State = Literal["ok", "failed", "cancelled", "interrupted", "cached"]

log = structlog.get_logger(__name__)

_settled = Counter("soma_ledger_settled_total", "Calls that the ledger recorded")
_refused = Counter("soma_ledger_refused_total", "Calls refused for a budget", ["metric"])
_lost = Counter("soma_ledger_unstorable_total", "Calls that could not be recorded")
_waiting = Gauge("soma_ledger_waiting", "Calls that wait for being recorded")


@dataclass(frozen=True, slots=True)
class Target:
    """The model that is asked, with what it costs (newest first)."""

    model_id: UUID
    model: str
    rates: tuple[Rate, ...] = ()


@dataclass(slots=True)
class Reservation:
    """A call that may be made. `reserved`: micro-units by metric."""

    usage_id: UUID
    call_id: UUID
    kind: str
    caller: Caller
    target: Target
    terms: Terms
    places: list[Place]
    reserved: Amounts
    input_estimate: int
    begun_at: datetime
    begun_s: float
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended. `counted`: the provider told the tokens."""

    tokens: Tokens
    counted: bool
    state: State = "ok"
    note: str = ""
    first_token_ms: int | None = None


Key = tuple[UUID, UUID, str]
Call = tuple[Row, list[Row]]


class Book:
    """Reserve, then settle or release. `directory`: of the journals."""

    def __init__(self, directory: Path, upgrade_url: str = "") -> None:
        self._directory = directory
        self._upgrade_url = upgrade_url
        self._process_id = uuid7()
        self._pid = os.getpid()
        self._journal = Journal(directory, self._process_id)
        self._purses: dict[Key, Purse] = {}
        self._dry_until: dict[Key, float] = {}
        self._waiting: dict[UUID, list[Call]] = {}
        self._rules: dict[UUID, Rule] = {}
        self._one_at_a_time = asyncio.Lock()
        self._worker: asyncio.Task[None] | None = None
        self._open = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    async def reserve(
        self, caller: Caller, kind: str, target: Target, estimate: Tokens, call_id: UUID
    ) -> Reservation:
        """Hold what a call may cost at most, in every account that it counts in, or in none.

        Raises: BudgetExhausted.
        """
        self._settle_in()
        terms = await TERMS.get(caller.tenant_id)
        at = now()
        cost = cost_micros(rate_at(target.rates, at), estimate)
        reserved = amounts(cost, estimate)
        found = places(terms.rules, caller, target.model_id, at, terms.zone) if terms.rules else []
        lent = [place for place in found if place.rule.is_lent]
        if lent:
            await self._reserve(caller.tenant_id, lent, reserved)
        reservation = Reservation(
            uuid7(), call_id, kind, caller, target, terms, found, reserved, estimate.input, at,
            monotonic_s(),
        )  # fmt: skip
        cut = Outcome(Tokens(estimate.input, 0), counted=False, state="interrupted")
        self._journal.begin(*_call(reservation, cut))
        self._open += 1
        return reservation

    def record_cached(
        self, caller: Caller, kind: str, target: Target, terms: Terms, call_id: UUID
    ) -> None:
        """Record a call for which nobody was asked: it takes nothing of any account."""
        self._settle_in()
        self._open += 1
        reservation = Reservation(
            uuid7(), call_id, kind, caller, target, terms, [], {}, 0, now(), monotonic_s()
        )
        self.settle(reservation, Outcome(Tokens(0, 0), counted=True, state="cached"))

    def release(self, reservation: Reservation) -> None:
        """The call did not take place."""
        if not reservation.is_open:
            return
        self._end(reservation)
        self._journal.void(reservation.usage_id)
        for place in reservation.places:
            if place.rule.is_lent:
                purse = self._purse(reservation.caller.tenant_id, place)
                purse.release(reservation.reserved.get(place.rule.metric, 0))

    def settle(self, reservation: Reservation, outcome: Outcome) -> None:
        """Record a call that ended; what it did not spend is free again at once."""
        if not reservation.is_open:
            return
        self._end(reservation)
        row, charges = _call(reservation, outcome)
        spent = {charge["budget_id"]: charge["micros"] for charge in charges}
        tenant_id = reservation.caller.tenant_id
        for place in reservation.places:
            self._rules[place.rule.id] = place.rule
            if place.rule.is_lent:
                purse = self._purse(tenant_id, place)
                reserved = reservation.reserved.get(place.rule.metric, 0)
                purse.settle(reserved, spent.get(place.rule.id, 0))
        self._journal.end(row, charges)
        self._waiting.setdefault(tenant_id, []).append((row, charges))
        _waiting.inc()
        self._wake()

    async def follow_recalls(self) -> None:
        """Give back what is free when another process runs short; once, in the process's loop."""

        async def recalled(payload: Payload) -> None:
            if payload.get("process") != str(self._process_id):
                await self._give_back(0.0)

        await BUS.get().listen(RECALL_TOPIC, recalled)

    async def close(self) -> None:
        """Settle what ended and give back the rest (process shutdown)."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        try:
            await self._settle_all()
            if self._purses:
                await in_unit(store.forget_process, self._process_id)
        except AWAY as exc:
            log.warning("ledger.closed_unsettled", error=type(exc).__name__)
        self._purses.clear()
        self._journal.close()

    async def settled(self) -> None:
        """Wait until everything that ended is in the database (tests, reports)."""
        while self._waiting:
            await self._settle_all()

    # -- reserving ------------------------------------------------------------------------------

    async def _reserve(self, tenant_id: UUID, lent: list[Place], reserved: Amounts) -> None:
        waits = iter(PATIENCE_S)
        while True:
            moment = monotonic_s()
            short = [
                (place, missing)
                for place in lent
                if (missing := self._missing(tenant_id, place, reserved, moment))
            ]
            if not short:
                for place in lent:
                    micros = reserved.get(place.rule.metric, 0)
                    self._purse(tenant_id, place).reserve(micros, moment)
                return
            # To its end, even when the caller goes away: the database has lent it by then.
            refused = await asyncio.shield(self._take(tenant_id, short, reserved))
            if refused is None:
                continue
            place, standing = refused
            others_hold = standing.held - self._purse(tenant_id, place).held
            if others_hold <= 0 or self._is_dry(tenant_id, place):
                raise self._exhausted(place, standing)
            wait_s = next(waits, None)
            if wait_s is None:
                self._dry_until[tenant_id, place.rule.id, place.name] = monotonic_s() + DRY_S
                raise self._exhausted(place, standing)
            # Another process holds what we lack: it may not need it.
            await BUS.get().apublish(RECALL_TOPIC, {"process": str(self._process_id)})
            await asyncio.sleep(wait_s)

    def _missing(self, tenant_id: UUID, place: Place, reserved: Amounts, moment: float) -> int:
        micros = reserved.get(place.rule.metric, 0)
        return self._purse(tenant_id, place).missing(micros, moment)

    async def _take(
        self, tenant_id: UUID, short: list[tuple[Place, int]], reserved: Amounts
    ) -> tuple[Place, store.Lent] | None:
        """Take what is missing. Returns the first account that had too little, as it stands."""
        async with self._one_at_a_time:
            moment = monotonic_s()
            if any(self._purse(tenant_id, place).is_stale(moment) for place, _ in short):
                await self._renew_held(moment)
            # Somebody else may have taken enough for us while we waited.
            short = [
                (place, missing)
                for place, _ in short
                if (missing := self._missing(tenant_id, place, reserved, moment))
            ]
            if not short:
                return None
            wanted = [
                store.Wanted(
                    place.rule.id, place.name, missing,
                    max(missing, reserved.get(place.rule.metric, 0) * CALLS_AHEAD),
                )
                for place, missing in short
            ]  # fmt: skip
            taken = await in_unit(_take, self._process_id, tenant_id, wanted)
            found = {(one.budget_id, one.place): one for one in taken}
            for place, missing in short:
                one = found.get((place.rule.id, place.name))
                if one is None:
                    # The budget was removed a moment ago: the next look at the terms knows.
                    one = store.Lent(place.rule.id, place.name, 0, 0, 0)
                self._purse(tenant_id, place).took(one.micros, moment)
                if one.micros < missing:
                    return place, one
        self._wake()
        return None

    def _is_dry(self, tenant_id: UUID, place: Place) -> bool:
        return self._dry_until.get((tenant_id, place.rule.id, place.name), 0.0) > monotonic_s()

    def _exhausted(self, place: Place, standing: store.Lent) -> BudgetExhausted:
        rule = place.rule
        _refused.labels(rule.metric).inc()
        return BudgetExhausted(
            f"The budget for this {rule.period} does not have enough left for this call.",
            metric=rule.metric,
            current=standing.spent + standing.held,
            limit=rule.limit_micros,
            upgrade_url=self._upgrade_url,
            budget_id=str(rule.id),
        )

    def _purse(self, tenant_id: UUID, place: Place) -> Purse:
        key = (tenant_id, place.rule.id, place.name)
        purse = self._purses.get(key)
        if purse is None:
            purse = self._purses[key] = Purse()
        return purse

    # -- settling -------------------------------------------------------------------------------

    def _end(self, reservation: Reservation) -> None:
        reservation.is_open = False
        self._open -= 1

    def _wake(self) -> None:
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work(), name="soma-ledger")

    async def _work(self) -> None:
        """Settle, renew, give back, as long as there is anything to do it with."""
        renew_at = monotonic_s() + RENEW_EVERY_S
        pause_s = SETTLE_EVERY_S
        while self._waiting or self._purses:
            # With nothing to settle there is only time to watch.
            await asyncio.sleep(pause_s if self._waiting or self._open else 2 * SETTLE_EVERY_S)
            try:
                await self._settle_all()
                if self._purses:
                    await self._give_back(IDLE_S)
                    if monotonic_s() >= renew_at:
                        renew_at = monotonic_s() + RENEW_EVERY_S
                        await self._renew()
                pause_s = SETTLE_EVERY_S
            except AWAY as exc:
                # The journal keeps it; the database comes back.
                log.warning("ledger.database_away", error=type(exc).__name__)
                pause_s = min(5.0, pause_s * 2)
            except Exception:
                log.exception("ledger.failed")
                pause_s = min(5.0, pause_s * 2)

    async def _settle_all(self) -> None:
        for tenant_id in list(self._waiting):
            async with self._one_at_a_time:
                calls = self._waiting.get(tenant_id, [])[:SETTLED_AT_ONCE]
                if calls:
                    await self._settle(tenant_id, calls)
                    rest = self._waiting[tenant_id][len(calls) :]
                    if rest:
                        self._waiting[tenant_id] = rest
                    else:
                        del self._waiting[tenant_id]

    async def _settle(self, tenant_id: UUID, calls: list[Call]) -> None:
        try:
            paid = await in_unit(_settle, self._process_id, tenant_id, calls, self._rules)
        except AWAY:
            raise
        except DatabaseError:
            if len(calls) > 1:
                # One that cannot be stored must not keep the others out.
                for call in calls:
                    await self._settle(tenant_id, [call])
                return
            log.exception("ledger.unstorable", tenant_id=str(tenant_id))
            _lost.inc()
            paid = []
        for one in paid:
            purse = self._purses.get((tenant_id, one.budget_id, one.place))
            if purse is not None:
                purse.settled(one.charged, one.drawn)
        self._journal.settled([row["id"] for row, _ in calls])
        _waiting.dec(len(calls))
        _settled.inc(len(calls))

    async def _give_back(self, idle_s: float) -> None:
        """Let go of what was not used for `idle_s`, and forget purses that are empty."""
        async with self._one_at_a_time:
            moment = monotonic_s()
            free: dict[UUID, list[tuple[UUID, str, int]]] = {}
            for key, purse in list(self._purses.items()):
                if moment - purse.used_at < idle_s:
                    continue
                if purse.free > 0:
                    tenant_id, budget_id, place = key
                    free.setdefault(tenant_id, []).append((budget_id, place, purse.give_back()))
                if not purse.held and not purse.reserved and not purse.spent:
                    del self._purses[key]
            for tenant_id, parts in free.items():
                await in_unit(_release, self._process_id, tenant_id, sorted(parts))

    async def _renew(self) -> None:
        async with self._one_at_a_time:
            await self._renew_held(monotonic_s())

    async def _renew_held(self, moment: float) -> None:
        kept = await in_unit(store.renew, self._process_id)
        for key, purse in self._purses.items():
            if key in kept:
                purse.renewed_at = moment
            elif purse.held:
                log.warning("ledger.lease_lost", tenant_id=str(key[0]))
                purse.lost()

    def _settle_in(self) -> None:
        """A child of this process is another process; another loop has another worker."""
        if self._pid != os.getpid():
            self.__init__(self._directory, self._upgrade_url)  # type: ignore[misc]  # on purpose
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._worker, self._one_at_a_time = loop, None, asyncio.Lock()


def settle_orphans(directory: Path) -> int:
    """Settle what ended processes left in their journals, and free what they held.

    Returns how many calls there were. Safe to run in several processes, and again.
    """
    count = 0
    for orphan in orphans(directory):
        by_tenant: dict[UUID, list[Call]] = {}
        for row, charges in orphan.calls:
            by_tenant.setdefault(UUID(row.pop("tenant_id")), []).append((row, charges))
        for tenant_id, calls in by_tenant.items():
            for start in range(0, len(calls), SETTLED_AT_ONCE):
                part = calls[start : start + SETTLED_AT_ONCE]
                _settle(orphan.process_id, tenant_id, part, {})
        store.forget_process(orphan.process_id)
        count += len(orphan.calls)
    store.expire()
    return count


def _take(process_id: UUID, tenant_id: UUID, wanted: Sequence[store.Wanted]) -> list[store.Lent]:
    with unit_of_work(Scope(tenant_id)):
        return store.take(process_id, wanted)


def _release(process_id: UUID, tenant_id: UUID, free: list[tuple[UUID, str, int]]) -> None:
    with unit_of_work(Scope(tenant_id)):
        store.release(process_id, free)


def _settle(
    process_id: UUID, tenant_id: UUID, calls: Sequence[Call], rules: dict[UUID, Rule]
) -> list[store.Paid]:
    with unit_of_work(Scope(tenant_id)):
        charges = [charge for _, each in calls for charge in each]
        paid = store.settle(process_id, [row for row, _ in calls], charges)
        reached = [one for account in paid for one in _reached(account, rules)]
        if reached:
            outbox.emit_all([(one, str(one.budget_id)) for one in reached])
    return paid


def _reached(account: store.Paid, rules: dict[UUID, Rule]) -> list[BudgetReached]:
    """The thresholds that this settling passed."""
    rule = rules.get(account.budget_id)
    if rule is None or rule.limit_micros == UNLIMITED:
        return []
    before, limit = account.spent - account.charged, rule.limit_micros
    return [
        BudgetReached(rule.id, rule.metric, account.place, per_cent, account.spent, limit)
        for per_cent in rule.alerts
        if before * 100 < limit * per_cent <= account.spent * 100
    ]


def _call(reservation: Reservation, outcome: Outcome) -> Call:
    """The row of a call, and what it takes from each account."""
    caller, target, tokens = reservation.caller, reservation.target, _sane(outcome.tokens)
    # By the price of when it was asked, however long it took.
    cost = min(cost_micros(rate_at(target.rates, reservation.begun_at), tokens), BIGGEST)
    row: dict[str, Any] = {
        "id": reservation.usage_id,
        "tenant_id": caller.tenant_id,
        "call_id": reservation.call_id,
        "kind": reservation.kind,
        "at": reservation.begun_at,
        "day": day_of(reservation.begun_at, reservation.terms.zone),
        "user_id": caller.user_id,
        "agent_id": caller.agent_id,
        "key_id": caller.key_id,
        "model_id": target.model_id,
        "model": scrubbed(target.model)[:200],
        "input_tokens": tokens.input,
        "cached_tokens": tokens.cached,
        "output_tokens": tokens.output,
        "audio_seconds": tokens.audio_seconds,
        "characters": tokens.characters,
        "cost_micros": cost,
        "counted": outcome.counted,
        "state": outcome.state,
        "note": scrubbed(outcome.note)[:200],
        "first_token_ms": outcome.first_token_ms,
        "latency_ms": min(int((monotonic_s() - reservation.begun_s) * 1000), 2**31 - 1),
    }
    taken = amounts(cost, tokens)
    if outcome.state == "failed" and not any(_numbers(tokens)):
        # Nothing was got, so nothing is taken.
        taken = {}
    charges = [
        {
            "usage_id": reservation.usage_id,
            "budget_id": place.rule.id,
            "place": place.name,
            "micros": taken.get(place.rule.metric, 0),
        }
        for place in reservation.places
    ]
    return row, charges


def _sane(tokens: Tokens) -> Tokens:
    """Providers have told negative numbers, and absurd ones."""
    return Tokens(*(max(0, min(number, 2**40)) for number in _numbers(tokens)))


# `dataclasses.astuple` copies deeply, at every call.
_numbers = attrgetter(*(one.name for one in fields(Tokens)))


BOOK: Port[Book] = Port("ledger")
