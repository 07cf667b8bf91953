"""The bus port on its embedded adapter, over a real Valkey."""

import asyncio
from collections.abc import Callable

import pytest

from kernel.bus.valkey import ValkeyBus


async def until(check: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not check():
            await asyncio.sleep(0.005)


@pytest.fixture
def bus(servers: None) -> ValkeyBus:
    return ValkeyBus()


async def subscribed(bus: ValkeyBus, topic: str, listener: Callable[[dict], None]) -> Callable:
    """Listen, and return when the subscription is live (messages before it may be lost)."""
    heard: list[dict] = []
    stop = await bus.listen(topic, listener)
    probe = await bus.listen(topic, heard.append)

    async def knock() -> None:
        while not heard:
            await bus.apublish(topic, {"knock": True})
            await asyncio.sleep(0.01)

    async with asyncio.timeout(10):
        await knock()
    await probe()
    return stop


async def test_a_listener_hears_its_topic_in_order_and_no_other(bus: ValkeyBus) -> None:
    heard: list[dict] = []
    await subscribed(bus, "one", heard.append)
    for number in range(50):
        assert await bus.apublish("one", {"n": number})
        await bus.apublish("two", {"n": -1})
    await until(lambda: {"n": 49} in heard)
    assert [one["n"] for one in heard if "n" in one] == list(range(50))


async def test_threads_publish_too(bus: ValkeyBus) -> None:
    heard: list[dict] = []
    await subscribed(bus, "sync", heard.append)
    assert await asyncio.to_thread(bus.publish, "sync", {"from": "thread"})
    await until(lambda: {"from": "thread"} in heard)


async def test_a_listener_that_stopped_hears_nothing_more(bus: ValkeyBus) -> None:
    gone: list[dict] = []
    stays: list[dict] = []
    stop = await subscribed(bus, "t", gone.append)
    await bus.listen("t", stays.append)
    await stop()
    before = len(gone)
    await bus.apublish("t", {"late": True})
    await until(lambda: {"late": True} in stays)
    assert len(gone) == before


async def test_a_broken_listener_does_not_silence_the_others(bus: ValkeyBus) -> None:
    heard: list[dict] = []

    def broken(payload: dict) -> None:
        raise RuntimeError

    await bus.listen("b", broken)
    await subscribed(bus, "b", heard.append)
    await bus.apublish("b", {"ok": True})
    await until(lambda: {"ok": True} in heard)


async def test_after_a_lost_connection_listeners_are_told_and_hear_again(bus: ValkeyBus) -> None:
    from kernel.valkey import sync_client

    heard: list[dict] = []
    await subscribed(bus, "r", heard.append)
    sync_client().execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    await until(lambda: {"reset": True} in heard)
    await bus.apublish("r", {"again": True})
    await until(lambda: {"again": True} in heard)


def test_the_probe_tells_the_truth(bus: ValkeyBus) -> None:
    probe = bus.probe()
    assert probe.ok
    assert probe.latency_ms is not None


async def test_listeners_that_come_while_the_connection_is_made_all_hear(servers: None) -> None:
    # As the tabs of many people do after the process was started again.
    for steps in range(30):
        bus = ValkeyBus()
        heard: dict[str, list[dict]] = {f"topic {number}": [] for number in range(3)}

        async def come(late: int, topic: str, bus: ValkeyBus = bus, heard: dict = heard) -> None:
            for _ in range(late):
                await asyncio.sleep(0)
            await bus.listen(topic, heard[topic].append)

        await asyncio.gather(*(come(number * steps, one) for number, one in enumerate(heard)))
        # Whoever returned from `listen` is told from now on: nothing has to be repeated.
        for topic in heard:
            await bus.apublish(topic, {"topic": topic})
        await until(lambda heard=heard: all(heard.values()))
        assert all(found == [{"topic": topic}] for topic, found in heard.items())
        assert bus._reader is not None
        bus._reader.cancel()
        await asyncio.wait([bus._reader])
