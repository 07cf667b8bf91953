"""Writes that share a transaction are each acknowledged, refused and timed by themselves."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from memory.brain_embedded.together import LEADERS, MOST_ROWS, Rows, Together
from memory.errors import BadMemory, MemoryLate
from memory.ports import MemoryItem, MemoryScope, Remembered

TENANT = uuid.uuid4()
SCOPE = MemoryScope(TENANT, uuid.uuid4(), uuid.uuid4())
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Store:
    """Keeps what is written, refuses the text "bad", and can be made to wait."""

    def __init__(self) -> None:
        self.kept: dict[str, uuid.UUID] = {}
        self.sizes: list[int] = []
        self.tenants: list[set[uuid.UUID]] = []
        self.go_on = threading.Event()
        self.busy = threading.Semaphore(0)
        self.go_on.set()

    def write(self, rows: Rows, timeout_s: float) -> list[Remembered]:
        """As the engine: all rows or none."""
        self.busy.release()
        assert self.go_on.wait(10)
        self.sizes.append(len(rows))
        self.tenants.append({scope.tenant_id for scope, _ in rows})
        if any(item.text == "bad" for _, item in rows):
            raise BadMemory
        found = []
        for _, item in rows:
            own = uuid.uuid4()
            kept = self.kept.setdefault(item.idempotency_key, own)
            found.append(Remembered(kept, created=kept == own))
        return found


def rows(*texts: str, scope: MemoryScope = SCOPE) -> Rows:
    return [(scope, MemoryItem(text, "user", NOW, text)) for text in texts]


def held(store: Store, together: Together, pool: ThreadPoolExecutor) -> list:
    """As many calls as may write at once, all of them in the middle of it."""
    store.go_on.clear()
    calls = []
    for number in range(LEADERS):
        calls.append(pool.submit(together.write, TENANT, rows(f"held {number}"), 10.0))
        assert store.busy.acquire(timeout=10)
    return calls


def waiting(together: Together, count: int) -> None:
    """Until so many calls wait for somebody else's transaction."""
    for _ in range(10_000):
        with together._lock:
            if sum(len(queue.waiting) for queue in together._queues.values()) >= count:
                return
        threading.Event().wait(0.001)
    raise AssertionError("they never waited")


def test_calls_that_come_meanwhile_share_one_transaction() -> None:
    store = Store()
    together = Together(store.write)
    with ThreadPoolExecutor(40) as pool:
        held(store, together, pool)
        calls = {
            text: pool.submit(together.write, TENANT, rows(text), 10.0)
            for text in (f"n {number}" for number in range(30))
        }
        waiting(together, 30)
        store.go_on.set()
        for text, call in calls.items():
            assert call.result(10) == [Remembered(store.kept[text], created=True)]
    assert max(store.sizes) > 1
    assert sum(store.sizes) == 30 + LEADERS
    assert together._queues == {}


def test_a_bad_one_fails_alone() -> None:
    store = Store()
    together = Together(store.write)
    with ThreadPoolExecutor(10) as pool:
        held(store, together, pool)
        calls = [
            pool.submit(together.write, TENANT, rows(text), 10.0) for text in ("a", "bad", "c")
        ]
        waiting(together, 3)
        store.go_on.set()
        assert calls[0].result(10)[0].memory_id == store.kept["a"]
        assert calls[2].result(10)[0].memory_id == store.kept["c"]
        with pytest.raises(BadMemory):
            calls[1].result(10)


def test_tenants_never_share_a_transaction() -> None:
    store = Store()
    together = Together(store.write)
    others = [MemoryScope(uuid.uuid4(), uuid.uuid4(), uuid.uuid4()) for _ in range(5)]
    with ThreadPoolExecutor(40) as pool:
        calls = [
            pool.submit(together.write, scope.tenant_id, rows(f"{place} {n}", scope=scope), 10.0)
            for n in range(20)
            for place, scope in enumerate(others)
        ]
        assert all(call.result(10)[0].created for call in calls)
    assert all(len(tenants) == 1 for tenants in store.tenants)


def test_who_waits_too_long_is_told_and_not_written() -> None:
    store = Store()
    together = Together(store.write)
    with ThreadPoolExecutor(10) as pool:
        calls = held(store, together, pool)
        with pytest.raises(MemoryLate):
            together.write(TENANT, rows("late"), 0.01)
        store.go_on.set()
        assert all(call.result(10) for call in calls)
    assert "late" not in store.kept


def test_the_same_key_at_the_same_time_is_one_memory() -> None:
    store = Store()
    together = Together(store.write)
    with ThreadPoolExecutor(10) as pool:
        held(store, together, pool)
        calls = [pool.submit(together.write, TENANT, rows("same"), 10.0) for _ in range(5)]
        waiting(together, 5)
        store.go_on.set()
        found = [call.result(10)[0] for call in calls]
    assert len({one.memory_id for one in found}) == 1
    assert sum(one.created for one in found) == 1


def test_what_is_too_many_to_share_goes_by_itself() -> None:
    store = Store()
    many = rows(*(f"m {number}" for number in range(MOST_ROWS + 1)))
    assert len(Together(store.write).write(TENANT, many, 10.0)) == MOST_ROWS + 1
    assert store.sizes == [MOST_ROWS + 1]


def test_two_leaders_that_end_together_choose_two_successors() -> None:
    store = Store()
    together = Together(store.write)
    for _ in range(200):
        with ThreadPoolExecutor(12) as pool:
            calls = [
                pool.submit(together.write, TENANT, rows(str(uuid.uuid4())), 10.0)
                for _ in range(12)
            ]
            assert all(call.result(10) for call in calls)
        assert together._queues == {}, "a leadership was lost: the next calls would wait for ever"
