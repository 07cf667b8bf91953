"""What is remembered of keys and terms: one read at a time, never too old, forgotten at once."""

import asyncio
import time

import pytest

from kernel import remembered
from kernel.remembered import Remembered


class Source:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.value, self.reads, self.fails = "old", 0, False

    def load(self, key: str) -> str:
        self.reads += 1
        if self.fails:
            raise RuntimeError(key)
        time.sleep(0.01)
        return self.value


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    async def on_a_thread(work: object, *args: object) -> object:
        return await asyncio.to_thread(work, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(remembered, "in_unit", on_a_thread)
    return Source()


async def test_those_who_ask_together_cost_one_read(source: Source) -> None:
    known = Remembered(source.load)
    assert await asyncio.gather(*(known.get("k") for _ in range(20))) == ["old"] * 20
    assert source.reads == 1


async def test_what_was_forgotten_is_read_again_also_while_it_is_read(source: Source) -> None:
    known = Remembered(source.load)
    reading = asyncio.create_task(known.get("k"))
    await asyncio.sleep(0.002)
    source.value = "new"
    known.forget("k")
    assert await reading in {"old", "new"}
    assert await known.get("k") == "new"


async def test_it_is_read_before_it_is_too_old_and_nobody_waits(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [100.0]
    monkeypatch.setattr(remembered, "monotonic_s", lambda: moment[0])
    known = Remembered(source.load, fresh_s=1.0)
    await known.get("k")
    source.value = "new"
    moment[0] += 0.6
    assert await known.get("k") == "old"
    await asyncio.sleep(0.05)
    assert await known.get("k") == "new"
    assert source.reads == 2
    # Unread for longer than it may be old: then whoever asks waits.
    source.value, moment[0] = "newest", moment[0] + 5
    assert await known.get("k") == "newest"


async def test_a_failure_reaches_whoever_needs_the_value(source: Source) -> None:
    known = Remembered(source.load)
    source.fails = True
    with pytest.raises(RuntimeError):
        await known.get("k")
    source.fails = False
    assert await known.get("k") == "old"
