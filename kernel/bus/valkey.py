"""Bus on Valkey publish/subscribe: one subscription connection a process, however many sockets."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

import orjson
import redis.asyncio
import structlog
from redis.exceptions import RedisError

from kernel.bus.ports import Listener, Payload
from kernel.clock import monotonic_s
from kernel.condition import report
from kernel.ports import Probe
from kernel.resilience import jitter_s
from kernel.valkey import async_client, subscriber, sync_client

PREFIX = "soma:bus:"
# How long a listener waits for its subscription; without Valkey it goes on, and is told to look
# again when the connection is there.
LISTEN_PATIENCE_S = 1.0
RESET: Payload = {"reset": True}

log = structlog.get_logger(__name__)


class ValkeyBus:
    """The embedded adapter."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._confirmed: dict[str, asyncio.Event] = {}
        self._reader: asyncio.Task[None] | None = None
        self._pubsub: redis.asyncio.client.PubSub | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def publish(self, topic: str, payload: Payload) -> bool:
        """See the port."""
        try:
            sync_client().publish(PREFIX + topic, orjson.dumps(payload))
        except RedisError:
            report("redis")
            return False
        return True

    async def apublish(self, topic: str, payload: Payload) -> bool:
        """See the port."""
        try:
            await async_client().publish(PREFIX + topic, orjson.dumps(payload))
        except (RedisError, OSError):
            report("redis")
            return False
        return True

    async def listen(self, topic: str, listener: Listener) -> Callable[[], Awaitable[None]]:
        """See the port."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._reader, self._pubsub, self._listeners = loop, None, None, {}
            self._confirmed = {}
        known = self._listeners.setdefault(topic, set())
        first = not known
        known.add(listener)
        confirmed = self._confirmed.setdefault(topic, asyncio.Event())
        if self._reader is None or self._reader.done():
            self._reader = loop.create_task(self._read(), name="soma-bus-reader")
        elif first:
            await self._subscribe(topic)
        # "From now on" is when the server has confirmed it: what the caller reads next is current.
        try:
            async with asyncio.timeout(LISTEN_PATIENCE_S):
                await confirmed.wait()
        except TimeoutError:
            log.info("bus.not_listening_yet")

        async def stop() -> None:
            known.discard(listener)
            if not known and self._listeners.get(topic) is known:
                del self._listeners[topic]
                del self._confirmed[topic]
                await self._unsubscribe(topic)

        return stop

    def probe(self) -> Probe:
        """PING."""
        started = monotonic_s()
        try:
            sync_client().ping()
        except RedisError as exc:
            return Probe(
                ok=False,
                detail=type(exc).__name__,
                advice="Start Valkey again; chat goes on meanwhile without live updates.",
            )
        return Probe(ok=True, latency_ms=(monotonic_s() - started) * 1000)

    async def _subscribe(self, topic: str) -> None:
        if self._pubsub is None:
            return
        try:
            await self._pubsub.subscribe(PREFIX + topic)
        except RedisError:
            # The reader notices the broken connection and subscribes to everything again.
            log.info("bus.subscribe_failed")

    async def _unsubscribe(self, topic: str) -> None:
        if self._pubsub is None:
            return
        try:
            await self._pubsub.unsubscribe(PREFIX + topic)
        except RedisError:
            log.info("bus.unsubscribe_failed")

    async def _read(self) -> None:
        attempt, connected_before = 0, False
        while self._is_wanted():
            try:
                async with subscriber() as client, client.pubsub() as pubsub:
                    await self._subscribe_all(pubsub)
                    if connected_before:
                        await self._tell_all(RESET)
                    attempt, connected_before = 0, True
                    await self._pump(pubsub)
            except (RedisError, OSError):
                log.warning("bus.connection_lost", attempt=attempt)
                report("redis")
                connected_before = True
            finally:
                self._pubsub = None
                for confirmed in self._confirmed.values():
                    confirmed.clear()
            await asyncio.sleep(0.05 + jitter_s(attempt, 0.1, 2.0))
            attempt += 1

    def _is_wanted(self) -> bool:
        """Whether the reading task goes on.

        A cancellation at the moment of a time-out can get lost in the client (`asyncio.wait_for` of
        Python 3.11): the end of the loop must not wait for this task for ever.
        """
        task = asyncio.current_task()
        return bool(self._listeners) and not (task is not None and task.cancelling())

    async def _subscribe_all(self, pubsub: redis.asyncio.client.PubSub) -> None:
        # Nobody else may use it before it is connected: a second command at that moment opens a
        # second connection, and the subscriptions of the first are lost.
        topics = set(self._listeners)
        await pubsub.subscribe(*(PREFIX + topic for topic in topics))
        self._pubsub = pubsub
        if added := set(self._listeners) - topics:
            await pubsub.subscribe(*(PREFIX + topic for topic in added))

    async def _pump(self, pubsub: redis.asyncio.client.PubSub) -> None:
        while self._is_wanted():
            message = await pubsub.get_message(timeout=10.0)
            if message is None:
                continue
            topic = message["channel"].decode().removeprefix(PREFIX)
            if message["type"] == "message":
                await self._tell(topic, orjson.loads(message["data"]))
            elif message["type"] == "subscribe" and topic in self._confirmed:
                self._confirmed[topic].set()

    async def _tell_all(self, payload: Payload) -> None:
        for topic in list(self._listeners):
            await self._tell(topic, payload)

    async def _tell(self, topic: str, payload: Payload) -> None:
        for listener in list(self._listeners.get(topic, ())):
            try:
                result = listener(payload)
                if inspect.isawaitable(result):
                    await result
            except Exception:
                # One broken listener must not silence the others of this process.
                log.exception("bus.listener_failed", topic=topic.split(":", maxsplit=1)[0])
