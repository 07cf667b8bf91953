"""The backbone port: one suite over the embedded log and over a real Kafka."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import pytest
from django.db import connections

from kernel.bus.backbone import Backbone, BackboneAway, Reader, Record
from kernel.bus.kafka import KafkaBackbone, KafkaPlace
from kernel.bus.postgres import RETENTION, PostgresBackbone
from kernel.clock import shifted
from kernel.ids import uuid7
from tests.support.up import free_port

DEADLINE_S = 30.0
WAIT_S = 0.2


@pytest.fixture(params=["embedded", "kafka"])
def backbone(request: pytest.FixtureRequest, database: None) -> Iterator[Backbone]:
    made: Backbone = (
        PostgresBackbone()
        if request.param == "embedded"
        else KafkaBackbone(KafkaPlace(request.getfixturevalue("kafka"), prefix=f"{uuid7().hex}."))
    )
    yield made
    made.close()


def record(key: str, number: int, topic: str = "chat") -> Record:
    return Record(topic, key, f"{key}:{number}".encode(), {"number": str(number)})


def read(reader: Reader, count: int, limit: int = 100) -> list[Record]:
    """Batches until `count` records are there, and then no more for a moment."""
    found: list[Record] = []
    end = time.monotonic() + DEADLINE_S
    while len(found) < count and time.monotonic() < end:
        with reader.batch(limit, WAIT_S) as records:
            found += records
    with reader.batch(limit, WAIT_S) as records:
        found += records
    return found


def by_key(records: Sequence[Record]) -> dict[str, list[int]]:
    order = defaultdict(list)
    for one in records:
        order[one.key].append(int(one.headers["number"]))
    return order


@pytest.fixture
def readers(backbone: Backbone) -> Iterator[Callable[..., Reader]]:
    made: list[Reader] = []

    def make(group: str = "one", *topics: str) -> Reader:
        made.append(backbone.reader(group, topics or ("chat",)))
        return made[-1]

    yield make
    for reader in made:
        reader.close()


Readers = Callable[..., Reader]


def test_everything_is_read_once_in_the_order_of_its_key(
    backbone: Backbone, readers: Readers
) -> None:
    for first in range(0, 300, 100):
        batch = [record(f"k{n % 7}", n) for n in range(first, first + 100)]
        assert backbone.publish(batch) == {}
    found = read(readers(), 300, limit=37)
    assert sorted(one.value for one in found) == sorted(
        f"k{n % 7}:{n}".encode() for n in range(300)
    )
    for key, numbers in by_key(found).items():
        assert numbers == sorted(numbers), key


def test_a_record_arrives_as_it_was_sent(backbone: Backbone, readers: Readers) -> None:
    sent = Record("audit", "ключ", b'{"t": "\xc3\xa9 \x00"}', {"traceparent": "00-é", "empty": ""})
    backbone.publish([sent])
    assert read(readers("g", "audit"), 1) == [sent]


def test_each_group_reads_everything_and_each_topic_is_its_own(
    backbone: Backbone, readers: Readers
) -> None:
    backbone.publish([record("a", 1), record("a", 2, "memory"), record("a", 3)])
    assert [one.headers["number"] for one in read(readers("one"), 2)] == ["1", "3"]
    assert [one.headers["number"] for one in read(readers("two"), 2)] == ["1", "3"]
    assert [one.headers["number"] for one in read(readers("two", "memory"), 1)] == ["2"]


def test_what_fails_is_read_again(backbone: Backbone, readers: Readers) -> None:
    backbone.publish([record("a", n) for n in range(10)])
    reader = readers()
    seen: list[int] = []
    end = time.monotonic() + DEADLINE_S
    while not seen and time.monotonic() < end:
        with pytest.raises(LookupError), reader.batch(4, WAIT_S) as records:
            seen = by_key(records)["a"]
            raise LookupError
    assert seen[0] == 0
    assert by_key(read(reader, 10, limit=3))["a"] == list(range(10))


def test_what_a_member_took_stays_taken_and_the_rest_goes_to_the_next(
    backbone: Backbone, readers: Readers
) -> None:
    backbone.publish([record("a", n) for n in range(6)])
    first = readers()
    taken: list[int] = []
    end = time.monotonic() + DEADLINE_S
    while not taken and time.monotonic() < end:
        with first.batch(2, WAIT_S) as records:
            taken += by_key(records)["a"]
    with pytest.raises(LookupError), first.batch(2, WAIT_S):
        raise LookupError
    first.close()
    rest = by_key(read(readers(), 6 - len(taken)))["a"]
    assert taken + rest == list(range(6))


def test_members_of_a_group_share_the_work(backbone: Backbone, readers: Readers) -> None:
    keys = [f"key-{n}" for n in range(40)]
    made = [readers(), readers()]
    found: list[list[Record]] = [[], []]
    stop = threading.Event()

    def work(number: int) -> None:
        try:
            while not stop.is_set():
                with made[number].batch(5, WAIT_S) as records:
                    found[number] += records
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for number in range(5):
        backbone.publish([record(key, number) for key in keys])
    end = time.monotonic() + DEADLINE_S
    while sum(map(len, found)) < 200 and time.monotonic() < end:
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    together = [*found[0], *found[1]]
    # A partition that changes hands may be read from its last commit again, never less.
    assert {one.value for one in together} == {
        f"{key}:{number}".encode() for key in keys for number in range(5)
    }
    for part in found:
        for key, numbers in by_key(part).items():
            assert numbers == sorted(numbers), key


def test_the_lag_is_what_a_group_has_not_read(backbone: Backbone, readers: Readers) -> None:
    assert backbone.lag("one", ["chat"]).records == 0
    backbone.publish([record("a", n) for n in range(5)])
    # Also what nobody has begun to read.
    assert backbone.lag("one", ["chat"]).records == 5
    read(readers(), 5)
    assert backbone.lag("one", ["chat"]).records == 0
    assert backbone.lag("one", ["chat"]).oldest_s in {0.0, None}


def test_many_are_published_at_once_and_none_is_nothing(
    backbone: Backbone, readers: Readers
) -> None:
    assert backbone.publish([]) == {}
    assert backbone.publish([record("k", n) for n in range(5_000)]) == {}
    assert by_key(read(readers(), 5_000, limit=1_000))["k"] == list(range(5_000))


def test_the_probe_says_that_it_is_there(backbone: Backbone) -> None:
    probe = backbone.probe()
    assert probe.ok
    assert probe.latency_ms is not None


def test_kafka_that_is_away_says_so_and_takes_nothing(database: None) -> None:
    away = KafkaBackbone(KafkaPlace(f"127.0.0.1:{free_port()}"))
    with pytest.raises(BackboneAway):
        away.publish([record("a", 1)])
    probe = away.probe()
    assert not probe.ok
    assert "outbox" in probe.advice
    away.close()


def test_kafka_refuses_what_is_too_large_and_takes_the_rest(kafka: str, database: None) -> None:
    backbone = KafkaBackbone(KafkaPlace(kafka, prefix=f"{uuid7().hex}."))
    large = Record("chat", "a", b"x" * 3_000_000, {"number": "1"})
    refused = backbone.publish([record("a", 0), large, record("a", 2)])
    assert list(refused) == [1]
    reader = backbone.reader("one", ["chat"])
    assert by_key(read(reader, 2))["a"] == [0, 2]
    reader.close()
    backbone.close()


def test_the_embedded_log_forgets_what_is_old_and_read_by_all(database: None) -> None:
    backbone = PostgresBackbone()
    backbone.publish([record("a", n) for n in range(3)])
    assert len(read(backbone.reader("one", ["chat"]), 3)) == 3
    assert backbone.forget() == 0
    with shifted(RETENTION):
        backbone.publish([record("a", 3)])
        with shifted(RETENTION * 1.01):
            assert backbone.forget() == 3
            assert by_key(read(backbone.reader("one", ["chat"]), 1))["a"] == [3]
