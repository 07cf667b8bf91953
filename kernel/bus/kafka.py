"""The backbone on Apache Kafka: idempotent producer, one partition a key, consumer groups.

Owns: the translation to and from Kafka, topics that are missing, and how far a group is behind.
Never: decides what an event is. The client is an optional extra (requirements/kafka.txt) and is
imported when this adapter is bound.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from kernel.bus.backbone import BackboneAway, Lag, Reader, Record
from kernel.clock import monotonic_s
from kernel.condition import report
from kernel.ports import Probe

PUBLISH_DEADLINE_S = 10.0
ANSWER_DEADLINE_S = 5.0
PROBE_DEADLINE_S = 2.0
# A cluster that lives takes a record within this.
WRITE_DEADLINE_S = 2.0
PROBE_TOPIC = "probe"
# A member that dies is replaced after this time.
SESSION_MS = 10_000
# Longer than any batch of subscribers takes.
LONGEST_BATCH_MS = 300_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KafkaPlace:
    """Where and how Kafka is reached. `options`: of librdkafka, for TLS and sign-in.

    `replicas`: of topics that are made here; -1 is the cluster's default.
    """

    bootstrap: str
    prefix: str = "soma."
    partitions: int = 6
    replicas: int = -1
    options: Mapping[str, str] = field(default_factory=dict)

    def config(self, **more: Any) -> dict[str, Any]:
        """Configuration of a client."""
        return {
            "bootstrap.servers": self.bootstrap,
            "client.id": "somaagent",
            "log_level": 0,
            **self.options,
            **more,
        }


class KafkaBackbone:
    """The networked adapter."""

    is_inline = False

    def __init__(self, place: KafkaPlace) -> None:
        import confluent_kafka.admin

        self._kafka = confluent_kafka
        self._place = place
        self._lock = threading.Lock()
        self._producer: Any = None
        self._admin: Any = None
        self._meter: Any = None
        self._prober: Any = None
        self._known: set[str] = set()

    def publish(self, records: Sequence[Record]) -> Mapping[int, str]:
        """See the port. One caller of a process at a time, so that order holds."""
        with self._lock:
            self.ensure_topics({record.topic for record in records})
            return self._publish(records)

    def move(self, limit: int, topics: Mapping[str, str]) -> int | None:
        """See the port: Kafka stands elsewhere."""
        del limit, topics
        return None

    def reader(self, group: str, topics: Sequence[str]) -> Reader:
        """See the port."""
        with self._lock:
            self.ensure_topics(set(topics))
        return KafkaReader(self._kafka, self._place, group, topics)

    def unread(
        self,
        group: str,
        topics: Sequence[str],
        tenant_id: UUID,
        types: Sequence[str],
        user_id: UUID | None = None,
    ) -> int:
        """See the port. Kafka counts records of a partition, not those of a tenant."""
        del group, topics, tenant_id, types, user_id
        return 0

    def lag(self, group: str, topics: Sequence[str]) -> Lag:
        """See the port. The age is not known to Kafka."""
        with self._lock:
            if self._meter is None:
                # Never subscribes, so it is no member of anything.
                self._meter = {}
            meter = self._meter.get(group)
            if meter is None:
                meter = self._meter[group] = self._kafka.Consumer(
                    self._place.config(**{"group.id": group, "enable.auto.commit": False})
                )
        try:
            return Lag(self._count(meter, topics), None)
        except self._kafka.KafkaException as exc:
            raise BackboneAway(_reason(exc)) from exc

    def forget(self) -> int:
        """See the port: Kafka does it by itself, as its topics say."""
        return 0

    def probe(self) -> Probe:
        """Have a record taken: a cluster that answers may refuse to write all the same."""
        started = monotonic_s()
        try:
            self._administration().list_topics(timeout=PROBE_DEADLINE_S)
            self.ensure_topics({PROBE_TOPIC})
            self._write_probe()
        except (self._kafka.KafkaException, BackboneAway) as exc:
            return Probe(
                ok=False,
                detail=_reason(exc),
                advice="Start Kafka again, or see why it takes no records; events wait in the "
                "outbox meanwhile.",
            )
        return Probe(ok=True, latency_ms=(monotonic_s() - started) * 1000)

    def close(self) -> None:
        """See the port."""
        with self._lock:
            self._producer = self._prober = self._admin = None
            for meter in (self._meter or {}).values():
                meter.close()
            self._meter = None

    def _write_probe(self) -> None:
        if self._prober is None:
            deadline_ms = int(WRITE_DEADLINE_S * 1000)
            self._prober = self._kafka.Producer(
                self._place.config(**{"acks": "all", "message.timeout.ms": deadline_ms})
            )
        errors: list[Any] = []
        self._prober.produce(
            self._place.prefix + PROBE_TOPIC, on_delivery=lambda error, _: errors.append(error)
        )
        self._prober.flush(WRITE_DEADLINE_S + 0.5)
        if errors != [None]:
            raise BackboneAway(errors[0].str() if errors else "not acknowledged in time")

    def ensure_topics(self, names: set[str]) -> None:
        """Make topics that are missing. Raises: BackboneAway."""
        wanted = names - self._known
        if not wanted:
            return
        kafka = self._kafka
        new = [
            kafka.admin.NewTopic(
                self._place.prefix + name,
                num_partitions=self._place.partitions,
                replication_factor=self._place.replicas,
            )
            for name in sorted(wanted)
        ]
        try:
            made = self._administration().create_topics(new, request_timeout=ANSWER_DEADLINE_S)
            for future in made.values():
                try:
                    future.result(ANSWER_DEADLINE_S * 2)
                except kafka.KafkaException as exc:
                    if exc.args[0].code() != kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                        raise
        except (kafka.KafkaException, TimeoutError) as exc:
            raise BackboneAway(_reason(exc)) from exc
        self._known |= wanted

    def _publish(self, records: Sequence[Record]) -> Mapping[int, str]:
        kafka = self._kafka
        refused: dict[int, str] = {}
        failed: list[str] = []
        stored = 0

        def told(place: int, error: Any) -> None:
            nonlocal stored
            if error is None:
                stored += 1
            elif error.code() == kafka.KafkaError.MSG_SIZE_TOO_LARGE:
                refused[place] = error.str()
            else:
                failed.append(error.str())

        producer = self._producer_of()
        try:
            for place, record in enumerate(records):
                self._produce(producer, record, lambda error, _, place=place: told(place, error))
            producer.flush(PUBLISH_DEADLINE_S)
        except (kafka.KafkaException, BufferError) as exc:
            failed.append(_reason(exc))
        if failed or stored + len(refused) < len(records):
            # What it still holds must not arrive after what is published next.
            producer.purge()
            producer.flush(0)
            self._producer = None
            report("kafka")
            raise BackboneAway(failed[0] if failed else "not acknowledged in time")
        return refused

    def _produce(self, producer: Any, record: Record, told: Any) -> None:
        kafka = self._kafka
        while True:
            try:
                producer.produce(
                    self._place.prefix + record.topic,
                    value=record.value,
                    key=record.key,
                    headers=dict(record.headers),
                    on_delivery=told,
                )
            except BufferError:
                producer.poll(0.05)
            except kafka.KafkaException as exc:
                if exc.args[0].code() != kafka.KafkaError.MSG_SIZE_TOO_LARGE:
                    raise
                told(exc.args[0], None)
                return
            else:
                return

    def _producer_of(self) -> Any:
        if self._producer is None:
            self._producer = self._kafka.Producer(
                self._place.config(
                    **{
                        "enable.idempotence": True,
                        # A hole in the order is an error of the producer, never silent.
                        "enable.gapless.guarantee": True,
                        "message.timeout.ms": int(PUBLISH_DEADLINE_S * 1000),
                        "linger.ms": 5,
                        # The same for every client of this log, whatever its language.
                        "partitioner": "murmur2_random",
                    }
                )
            )
        return self._producer

    def _administration(self) -> Any:
        if self._admin is None:
            self._admin = self._kafka.admin.AdminClient(self._place.config())
        return self._admin

    def _count(self, meter: Any, topics: Sequence[str]) -> int:
        kafka = self._kafka
        known = meter.list_topics(timeout=ANSWER_DEADLINE_S).topics
        parts = [
            kafka.TopicPartition(name, number)
            for name in (self._place.prefix + topic for topic in topics)
            if name in known
            for number in known[name].partitions
        ]
        unread = 0
        for part in meter.committed(parts, timeout=ANSWER_DEADLINE_S) if parts else ():
            first, end = meter.get_watermark_offsets(part, timeout=ANSWER_DEADLINE_S)
            unread += end - (part.offset if part.offset >= 0 else first)
        return unread


class KafkaReader:
    """A member of a consumer group. One thread only."""

    def __init__(self, kafka: Any, place: KafkaPlace, group: str, topics: Sequence[str]) -> None:
        self._kafka, self._place = kafka, place
        self._consumer = kafka.Consumer(
            place.config(
                **{
                    "group.id": group,
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "session.timeout.ms": SESSION_MS,
                    "heartbeat.interval.ms": SESSION_MS // 4,
                    "max.poll.interval.ms": LONGEST_BATCH_MS,
                    "partition.assignment.strategy": "cooperative-sticky",
                }
            )
        )
        self._consumer.subscribe([place.prefix + topic for topic in topics])

    @contextmanager
    def batch(self, limit: int, wait_s: float) -> Iterator[Sequence[Record]]:
        """See the port."""
        messages = self._read(limit, wait_s)
        try:
            yield [self._record(message) for message in messages]
        except BaseException:
            self._rewind(messages)
            raise
        if messages:
            self._commit(messages)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _read(self, limit: int, wait_s: float) -> list[Any]:
        kafka = self._kafka
        try:
            found = self._consumer.consume(1, wait_s)
            if found and limit > 1:
                # What is there already comes along, without waiting for more.
                found += self._consumer.consume(limit - 1, 0.005)
        except kafka.KafkaException as exc:
            raise BackboneAway(_reason(exc)) from exc
        whole = [message for message in found if message.error() is None]
        for message in found:
            error = message.error()
            if error is not None and not whole:
                log.info("kafka.read_failed", error=error.name())
        return whole

    def _commit(self, messages: Sequence[Any]) -> None:
        try:
            self._consumer.commit(offsets=self._places(messages, 1), asynchronous=False)
        except self._kafka.KafkaException as exc:
            # Another member has the partitions now and reads this batch again; receipts catch it.
            log.info("kafka.commit_failed", error=_reason(exc))

    def _rewind(self, messages: Sequence[Any]) -> None:
        for place in self._places(messages, 0):
            try:
                self._consumer.seek(place)
            except self._kafka.KafkaException:
                log.info("kafka.seek_failed", topic=place.topic)

    def _places(self, messages: Sequence[Any], after: int) -> list[Any]:
        """Where each partition goes on: at its first message, or `after` its last."""
        places: dict[tuple[str, int], int] = {}
        for message in messages:
            where = (message.topic(), message.partition())
            if after:
                places[where] = message.offset() + after
            else:
                places.setdefault(where, message.offset())
        return [self._kafka.TopicPartition(*where, offset) for where, offset in places.items()]

    def _record(self, message: Any) -> Record:
        key, headers = message.key(), message.headers()
        return Record(
            message.topic().removeprefix(self._place.prefix),
            key.decode(errors="replace") if key else "",
            message.value() or b"",
            {name: (value or b"").decode(errors="replace") for name, value in headers or ()},
        )


def _reason(error: BaseException) -> str:
    first = error.args[0] if error.args else None
    name = getattr(first, "name", None)
    return str(name()) if callable(name) else type(error).__name__
