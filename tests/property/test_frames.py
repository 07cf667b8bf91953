"""The replay law: snapshot(n) and the frames after n give snapshot(m), for every n and m."""

import json
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import frames
from chat.frames import Delta, Done, Note, RecalledView, Snapshot

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "frames"
IDS = ("c-1", "t-1", "m-1")

recalled = st.lists(
    st.builds(
        RecalledView,
        st.uuids().map(str),
        st.text(max_size=20),
        st.just("2026-01-02T03:04:05.000Z"),
        st.sampled_from(["user", "assistant"]),
        st.none(),
        st.floats(0, 1),
        st.text(max_size=10),
    ),
    max_size=2,
)
degraded = st.lists(st.sampled_from(["memory", "no-model", "stream"]), max_size=2)


@st.composite
def turns(draw: st.DrawFn) -> list[Delta | Note | Done]:
    """The frames of one whole turn."""
    found: list[Delta | Note | Done] = []
    content, last_degraded, last_recalled = "", [], []
    for seq in range(1, draw(st.integers(1, 12)) + 1):
        if draw(st.integers(0, 4)) == 0:
            last_degraded, last_recalled = draw(degraded), draw(recalled)
            found.append(Note(*IDS, seq, last_degraded, last_recalled))
        else:
            text = draw(st.text(min_size=1, max_size=15))
            content += text
            found.append(Delta(*IDS, seq, text))
    state = draw(st.sampled_from(["done", "failed", "cancelled", "interrupted"]))
    error = draw(st.none() | st.just({"code": "model-timeout", "status": 504}))
    found.append(
        Done(*IDS, len(found) + 1, state, content, last_degraded, last_recalled, None, "m", error)
    )
    return found


def replay(snapshot: Snapshot, rest: list[Delta | Note | Done]) -> Snapshot:
    for frame in rest:
        snapshot = frames.apply(snapshot, frame)
    return snapshot


@given(turn=turns(), data=st.data())
def test_replaying_from_any_snapshot_gives_the_same_turn(
    turn: list[Delta | Note | Done], data: st.DataObject
) -> None:
    snapshots = [frames.empty(*IDS)]
    for frame in turn:
        snapshots.append(frames.apply(snapshots[-1], frame))
    start = data.draw(st.integers(0, len(turn)))
    end = data.draw(st.integers(start, len(turn)))
    assert replay(snapshots[start], turn[start:end]) == snapshots[end]
    assert snapshots[-1].content == "".join(one.delta for one in turn if isinstance(one, Delta))


@given(turn=turns())
def test_frames_survive_their_encoding(turn: list[Delta | Note | Done]) -> None:
    for frame in turn:
        kind = frames.TYPE_OF[type(frame)]
        assert frames.restore(kind, orjson.loads(frames.payload(frame))) == frame


@given(turn=turns(), data=st.data())
def test_a_gap_is_refused(turn: list[Delta | Note | Done], data: st.DataObject) -> None:
    if len(turn) < 2:
        return
    missing = data.draw(st.integers(0, len(turn) - 2))
    snapshot = replay(frames.empty(*IDS), turn[:missing])
    with pytest.raises(ValueError, match="gap"):
        frames.apply(snapshot, turn[missing + 1])


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.json")), ids=lambda path: path.stem)
def test_the_fixtures_that_both_reducers_replay(path: Path) -> None:
    fixture = json.loads(path.read_text())
    rows = fixture["frames"]
    first = {key: rows[0][key] for key in ("conversation_id", "turn", "message_id")}
    snapshot = frames.empty(**first)
    seen = 0
    for row in rows:
        body = {key: value for key, value in row.items() if key != "type"}
        snapshot = frames.apply(snapshot, frames.restore(row["type"], body))
        wanted = fixture["snapshots"].get(str(snapshot.seq))
        if wanted is not None:
            wanted = {key: value for key, value in wanted.items() if key != "type"}
            assert snapshot == frames.restore("chat.snapshot", wanted)
            seen += 1
    assert seen >= 1
