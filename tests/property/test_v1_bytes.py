"""The bytes of `/v1`: streams cut anywhere, keys, rates, prices."""

import asyncio
import itertools

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.apikeys import token
from gateway.errors import ModelBadResponse
from gateway.ledger.metrics import Tokens
from gateway.ledger.pricelist import entry_of, listed, read_table
from gateway.limits.gcra import PERIOD_US, Bucket, judge
from gateway.limits.limiter import Limiter
from gateway.v1.events import DONE, Cutter, Meter, as_event, as_events, usage_of
from kernel.valkey import async_client

CHUNKS = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    {"choices": [{"index": 0, "delta": {"content": "Grüße, 世界 \u2028"}}]},
    {"choices": [{"index": 0, "delta": {"content": 'a "quote"\n\nand blank lines'}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}},
]
STREAM = b": keep alive\n\n" + b"".join(map(as_event, CHUNKS)) + DONE
WITHOUT_USAGE = b": keep alive\n\n" + b"".join(map(as_event, CHUNKS[:-1]))


def passed(pieces: list[bytes], *, wants_usage: bool = False) -> tuple[bytes, Meter]:
    cutter, meter = Cutter(), Meter(wants_usage=wants_usage)
    out = b"".join(meter.pass_on(cutter.feed(piece)) for piece in pieces)
    return out + meter.pass_on(cutter.close()), meter


def test_a_stream_arrives_the_same_wherever_it_is_cut() -> None:
    for place in range(len(STREAM) + 1):
        out, meter = passed([STREAM[:place], STREAM[place:]])
        assert out == WITHOUT_USAGE, place
        assert meter.is_done
        assert meter.has_finished
        assert meter.tokens(0) == (Tokens(7, 3), True)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12), st.booleans())
def test_and_however_often_it_is_cut(places: list[int], wants_usage: bool) -> None:
    ends = sorted({0, *places, len(STREAM)})
    pieces = [STREAM[start:end] for start, end in itertools.pairwise(ends)]
    out, _ = passed(pieces, wants_usage=wants_usage)
    assert out == (STREAM.removesuffix(DONE) if wants_usage else WITHOUT_USAGE)


@pytest.mark.parametrize("ending", [b"\r\n", b"\r"])
def test_other_ends_of_lines_are_understood(ending: bytes) -> None:
    stream = STREAM.replace(b"\n", ending)
    for place in range(len(stream) + 1):
        out, meter = passed([stream[:place], stream[place:]])
        assert out == WITHOUT_USAGE, place
        assert meter.is_done


@given(st.binary(max_size=400))
def test_any_bytes_end_in_an_error_or_pass(noise: bytes) -> None:
    out, meter = passed([noise[:100], noise[100:]])
    assert meter.error is not None or isinstance(out, bytes)
    tokens, counted = meter.tokens(5)
    assert tokens.input >= 0
    assert tokens.output >= 0
    assert counted in {True, False}


def test_an_event_without_end_is_refused() -> None:
    cutter = Cutter()
    with pytest.raises(ModelBadResponse):
        for _ in range(10):
            cutter.feed(b"data: " + b"x" * 1024 * 1024)


@pytest.mark.parametrize(
    "usage",
    [
        None, [], "7", {}, {"prompt_tokens": -1, "completion_tokens": 3},
        {"prompt_tokens": 1.5}, {"prompt_tokens": True},
        {"prompt_tokens": 1, "completion_tokens": "3"},
    ],
)  # fmt: skip
def test_usage_that_makes_no_sense_is_not_believed(usage: object) -> None:
    assert usage_of({"usage": usage}) is None


def test_a_whole_answer_becomes_a_stream() -> None:
    body = {"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}]}
    out, meter = passed([as_events(orjson.dumps(body))])
    assert b'"delta":{"content":"x"}' in out
    assert meter.is_done
    for bad in (b"{", b"[]", b'{"choices": 5}', b"{}"):
        with pytest.raises(ModelBadResponse):
            as_events(bad)


def test_keys_are_told_from_noise_without_asking_anybody() -> None:
    secret = token.new_secret()
    assert token.is_well_formed(secret)
    assert secret.startswith("soma_sk_")
    assert len({token.new_secret() for _ in range(100)}) == 100
    for place in range(len(secret)):
        other = "a" if secret[place] != "a" else "b"
        assert not token.is_well_formed(secret[:place] + other + secret[place + 1 :])


@given(st.text(max_size=80))
def test_no_text_is_a_key_by_accident(text: str) -> None:
    assert not token.is_well_formed(text)


@given(
    limit=st.integers(1, 1_000),
    steps=st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(1, 50)), max_size=60),
)
def test_no_minute_lets_in_more_than_twice_the_limit(
    limit: int, steps: list[tuple[int, int]]
) -> None:
    """GCRA with a burst of the whole limit: at most burst and refill within one minute."""
    tat, moment, let_in = 0, 1_000_000_000, []
    for pause, cost in steps:
        moment += pause
        bucket = Bucket("b", limit, min(cost, limit))
        tat, verdict = judge(bucket, tat, moment)
        assert 0 <= verdict.remaining <= limit
        if verdict.retry_after_s is None:
            let_in.append((moment, bucket.cost))
        else:
            assert 0 < verdict.retry_after_s <= 60
    for start, _ in let_in:
        within = sum(cost for at, cost in let_in if start <= at < start + PERIOD_US)
        assert within <= 2 * limit


def test_the_server_judges_as_the_rule_does(database: None) -> None:
    async def run() -> None:
        limiter, bucket = Limiter(), Bucket("twin", 3)
        verdicts = [(await limiter.admit([bucket]))[0] for _ in range(4)]
        assert [one.remaining for one in verdicts[:3]] == [2, 1, 0]
        assert [one.retry_after_s is None for one in verdicts] == [True, True, True, False]
        assert 0 < (verdicts[3].retry_after_s or 0) <= 20
        # Refused by one, counted in none.
        both = await limiter.admit([Bucket("other", 5), bucket])
        assert both[1].retry_after_s is not None
        assert (await limiter.admit([Bucket("other", 5)]))[0].remaining == 4
        # A call that used less than it was counted for gives the rest back.
        dear = Bucket("tokens", 100, 90)
        await limiter.admit([dear])
        await limiter.correct(dear, 10)
        assert (await limiter.admit([Bucket("tokens", 100, 1)]))[0].remaining in {88, 89}
        await async_client().aclose()

    asyncio.run(run())


def test_without_the_server_each_process_limits_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from redis.exceptions import ConnectionError as Away

    limiter = Limiter()

    def away() -> None:
        raise Away

    monkeypatch.setattr(limiter, "_both", away)

    async def run() -> list[bool]:
        return [
            (await limiter.admit([Bucket("alone", 2)]))[0].retry_after_s is None for _ in range(3)
        ]

    assert asyncio.run(run()) == [True, True, False]


def test_prices_of_the_public_table_become_whole_numbers() -> None:
    table = read_table()
    known = entry_of(table, "openai", "gpt-4o-mini")
    assert known is not None
    price = listed(known)
    assert price is not None
    assert (price.input_micros, price.output_micros) == (150_000, 600_000)
    assert entry_of(table, "mistral", "mistral-small-latest") is not None
    assert entry_of(table, "openai", "unheard-of") is None
    assert listed({"input_cost_per_token": -1}) is None
    assert listed({"input_cost_per_token": "free"}) is None
