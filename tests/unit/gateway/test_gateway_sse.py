"""The SSE parser gives the same events however the bytes are split."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sse import SseEvent, SseOverflow, SseParser

CORPUS: dict[str, tuple[bytes, list[bytes]]] = {
    "plain": (b"data: one\n\ndata: two\n\n", [b"one", b"two"]),
    "crlf": (b"data: one\r\n\r\ndata: two\r\n\r\n", [b"one", b"two"]),
    "cr": (b"data: one\r\rdata: two\r\r", [b"one", b"two"]),
    "mixed ends": (b"data: one\r\n\ndata: two\n\r\ndata: three\r\n\r", [b"one", b"two", b"three"]),
    "no space": (b"data:one\n\ndata:  two\n\n", [b"one", b" two"]),
    "comments": (b": ping\n\ndata: one\n: between\n\n:\n\n", [b"one"]),
    "many lines": (b"data: one\ndata: two\ndata\ndata: four\n\n", [b"one\ntwo\n\nfour"]),
    "bom": (b"\xef\xbb\xbfdata: one\n\n", [b"one"]),
    "bom twice is a field": (b"\xef\xbb\xbf\xef\xbb\xbfdata: one\n\ndata: two\n\n", [b"two"]),
    "utf-8": ("data: Grüße 👩‍👩‍👧 日本語\n\n".encode(), ["Grüße 👩‍👩‍👧 日本語".encode()]),
    "other fields": (b"id: 7\nretry: 10\nfoo: bar\ndata: one\n\n", [b"one"]),
    "no final blank line": (b"data: one\n\ndata: [DONE]\n", [b"one", b"[DONE]"]),
    "no final line end": (b"data: one\n\ndata: [DONE]", [b"one", b"[DONE]"]),
    "blank lines": (b"\n\n\ndata: one\n\n\n\ndata: two\n\n", [b"one", b"two"]),
    "empty data": (b"data:\n\ndata: one\n\n", [b"", b"one"]),
    "name without data": (b"event: ping\n\ndata: one\n\n", [b"one"]),
    "html": (b"<!doctype html>\n<html>\n\n<body>data: no</body>\n\n</html>", []),
    "half json": (b'data: {"choices": [{"de\n\n', [b'{"choices": [{"de']),
    "duplicates": (b"data: one\n\ndata: one\n\n", [b"one", b"one"]),
    "nothing": (b"", []),
    "only a bom": (b"\xef\xbb\xbf", []),
    "half a bom": (b"\xef\xbbdata: one\n\ndata: two\n\n", [b"two"]),
    "json with escaped line ends": (b'data: {"t": "a\\n\\nb"}\n\n', [b'{"t": "a\\n\\nb"}']),
}
CASES = [pytest.param(*case, id=name) for name, case in CORPUS.items()]


def parse(chunks: list[bytes]) -> list[SseEvent]:
    parser = SseParser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return events + parser.close()


def data_of(chunks: list[bytes]) -> list[bytes]:
    return [event.data for event in parse(chunks)]


@pytest.mark.parametrize(("stream", "expected"), CASES)
def test_whole(stream: bytes, expected: list[bytes]) -> None:
    assert data_of([stream]) == expected


@pytest.mark.parametrize(("stream", "expected"), CASES)
def test_every_split_in_two_and_in_three(stream: bytes, expected: list[bytes]) -> None:
    places = range(len(stream) + 1)
    for first, second in itertools.combinations_with_replacement(places, 2):
        assert data_of([stream[:first], stream[first:second], stream[second:]]) == expected


@pytest.mark.parametrize(("stream", "expected"), CASES)
def test_every_byte_on_its_own_with_empty_reads_between(
    stream: bytes, expected: list[bytes]
) -> None:
    chunks = [piece for byte in stream for piece in (bytes([byte]), b"")]
    assert data_of(chunks) == expected


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_any_bytes_split_anywhere_give_what_they_give_whole(raw: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    chunks = [raw[start:end] for start, end in itertools.pairwise(places)]
    assert parse(chunks) == parse([raw])


@given(st.lists(st.text(st.characters(exclude_characters="\r\n"), max_size=20), max_size=10))
def test_what_is_written_is_read(texts: list[str]) -> None:
    stream = "".join(f"data: {text}\n\n" for text in texts).encode("utf-8", "surrogatepass")
    expected = [text.encode("utf-8", "surrogatepass") for text in texts]
    assert data_of([stream]) == expected


def test_an_event_is_given_as_soon_as_its_blank_line_is_there() -> None:
    parser = SseParser()
    assert parser.feed(b"data: one\n") == []
    assert [event.data for event in parser.feed(b"\n")] == [b"one"]
    assert [event.data for event in parser.feed(b"data: two\r\r")] == [b"two"]


def test_the_name_of_an_event_is_kept_for_that_event_only() -> None:
    events = parse([b"event: error\ndata: one\n\ndata: two\n\n"])
    assert [event.name for event in events] == [b"error", b""]


@pytest.mark.parametrize("filler", [b"x" * 64, b"data: " + b"x" * 60 + b"\n"])
def test_an_event_without_end_is_refused_before_it_fills_the_memory(filler: bytes) -> None:
    parser = SseParser(limit_bytes=1_000)
    with pytest.raises(SseOverflow):
        for _ in range(100):
            parser.feed(filler)


def test_many_small_events_are_no_overflow() -> None:
    parser = SseParser(limit_bytes=100)
    assert sum(len(parser.feed(b"data: 0123456789\n\n")) for _ in range(1_000)) == 1_000
