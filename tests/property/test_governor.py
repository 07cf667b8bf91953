"""The governor is total: for every window, need and knob, lanes fit or the turn is refused."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chat.errors import MessageExceedsModel
from chat.turns import governor, knobs
from chat.turns.governor import MIN_BUFFER, MIN_MEMORY, MIN_SYSTEM, Limits, Needs

windows = st.integers(512, 2_000_000)
tokens = st.one_of(st.integers(0, 5_000), st.integers(0, 2_100_000))
levels = st.sampled_from(["normal", "degraded", "rescue"])
needs = st.builds(
    Needs,
    system=tokens,
    message=tokens,
    history=st.none() | tokens,
    memory=st.none() | tokens,
    tools=tokens,
    tool_results=tokens,
)
dials = st.builds(
    knobs.Knobs,
    st.integers(knobs.LEAST, knobs.MOST),
    st.integers(knobs.LEAST, knobs.MOST),
    st.decimals(0, knobs.MOST_USD, places=2),
)


@given(
    window=windows,
    output=st.integers(1, 200_000),
    needed=needs,
    level=levels,
    tools_healthy=st.booleans(),
)
def test_lanes_never_exceed_the_window_and_minimums_hold_or_the_turn_is_refused(
    window: int, output: int, needed: Needs, level: governor.Level, tools_healthy: bool
) -> None:
    limits = Limits(window, output)
    least_memory = 0 if level == "rescue" else MIN_MEMORY
    try:
        plan = governor.plan(limits, needed, level, tools_healthy=tools_healthy)
    except MessageExceedsModel as refused:
        assert refused.data == {"window": window, "needed": needed.message}
        # Not even a short answer would have fitted beside the message and the minimums.
        beside = MIN_SYSTEM + least_memory + max(needed.message, MIN_BUFFER)
        assert beside + min(output, max(32, window // 8)) > window
        return
    assert plan.total + plan.output <= window
    assert min(plan.lanes.values()) >= 0
    assert 1 <= plan.output <= output
    assert plan.buffer >= max(needed.message, MIN_BUFFER), "the person's message is never cut"
    assert plan.system >= MIN_SYSTEM
    assert plan.memory >= least_memory
    assert plan.tools_enabled == (tools_healthy and level == "normal")
    assert plan.tool_limit == (10 if plan.tools_enabled else 0)
    if not plan.tools_enabled:
        assert plan.tools == plan.tool_results == 0
    if level == "rescue":
        assert plan.history == plan.memory == 0


@given(window=windows, output=st.integers(1, 200_000), needed=needs)
def test_no_token_lies_idle_while_a_lane_that_may_have_it_wants_more(
    window: int, output: int, needed: Needs
) -> None:
    try:
        plan = governor.plan(Limits(window, output), needed, "normal", tools_healthy=True)
    except MessageExceedsModel:
        return
    idle = window - plan.output - plan.total
    wanted = {
        "system": needed.system,
        "tools": needed.tools,
        "tool_results": needed.tool_results,
        "history": window if needed.history is None else needed.history,
        "memory": window if needed.memory is None else needed.memory,
    }
    for lane, want in wanted.items():
        assert idle == 0 or plan.lanes[lane] >= want, lane


@given(window=windows, one=needs, more=st.integers(1, 10_000))
def test_a_larger_window_never_takes_from_the_memory_and_history_together(
    window: int, one: Needs, more: int
) -> None:
    try:
        small = governor.plan(Limits(window, 1000), one, "normal")
        large = governor.plan(Limits(window + more, 1000), one, "normal")
    except MessageExceedsModel:
        return
    # The answer may grow with the window by as much as the window itself, not by more.
    assert large.total + large.output >= small.total + small.output


@given(window=st.integers(4_000, 2_000_000))
def test_a_degraded_turn_keeps_the_conversation_from_what_the_policy_leaves(window: int) -> None:
    needed = Needs(system=300, message=20, history=1_000, memory=0)
    plan = governor.plan(Limits(window, 500), needed, "degraded")
    assert plan.history == 1_000


@given(dial=dials, window=windows, needed=needs, level=levels)
def test_every_setting_of_the_knobs_gives_a_plan_or_a_reason(
    dial: knobs.Knobs, window: int, needed: Needs, level: governor.Level
) -> None:
    derived = knobs.derive(dial)
    limits = Limits(min(window, derived.turn_tokens), derived.output_tokens, "budget")
    try:
        plan = governor.plan(limits, needed, level)
    except MessageExceedsModel as refused:
        assert "may spend on a turn" in refused.detail
        assert "Nothing was lost" in refused.detail
        return
    assert plan.total + plan.output <= derived.turn_tokens
    assert plan.output <= derived.output_tokens


@given(one=dials, other=dials)
def test_more_of_a_knob_never_gives_less(one: knobs.Knobs, other: knobs.Knobs) -> None:
    low = knobs.Knobs(
        min(one.intelligence, other.intelligence),
        min(one.autonomy, other.autonomy),
        min(one.resource_usd, other.resource_usd),
    )
    high = knobs.Knobs(
        max(one.intelligence, other.intelligence),
        max(one.autonomy, other.autonomy),
        max(one.resource_usd, other.resource_usd),
    )
    less, more = knobs.derive(low), knobs.derive(high)
    for name in ("temperature", "output_tokens", "recall_items", "turn_tokens"):
        assert getattr(less, name) <= getattr(more, name)
    assert less.asks_memory <= more.asks_memory
    assert less.asks_person >= more.asks_person


def test_knobs_beyond_their_range_count_as_its_end() -> None:
    assert knobs.derive(knobs.Knobs(0, 0, Decimal(-1))) == knobs.derive(
        knobs.Knobs(1, 1, Decimal(0))
    )
    assert knobs.derive(knobs.Knobs(99, 99, Decimal(10**6))) == knobs.derive(
        knobs.Knobs(10, 10, Decimal(2))
    )
