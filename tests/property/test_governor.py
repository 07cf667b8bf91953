"""The governor is total: for every window, need and knob, lanes fit or the turn is refused."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import policy
from chat.errors import MessageExceedsModel
from chat.policy import Policy
from chat.turns import governor, knobs
from chat.turns.governor import MIN_BUFFER, MIN_MEMORY, MIN_SYSTEM, Health, Limits, Needs, Rules
from chat.turns.preparing import Terms, limits_of
from gateway.facade import Endpoint
from gateway.ports import NO_SECRET
from kernel.errors import Unprocessable

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


@st.composite
def all_rules(draw: st.DrawFn) -> Rules:
    """Every override that a tenant may set: whole per cent that add up to 100, up to ten tools."""
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=5, max_size=5)))
    edges = [0, *cuts, 100]
    shares = [high - low for low, high in pairwise(edges)]
    return Rules(dict(zip(governor.LANES, shares, strict=True)), draw(st.integers(0, 10)))


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
    rules=st.just(governor.STANDARD) | all_rules(),
)
def test_lanes_never_exceed_the_window_and_minimums_hold_or_the_turn_is_refused(
    window: int,
    output: int,
    needed: Needs,
    level: governor.Level,
    tools_healthy: bool,
    rules: Rules,
) -> None:
    limits = Limits(window, output)
    least_memory = 0 if level == "rescue" else MIN_MEMORY
    try:
        plan = governor.plan(limits, needed, level, tools_healthy=tools_healthy, rules=rules)
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
    may_use = tools_healthy and level == "normal"
    assert plan.tool_limit == (rules.tool_limit if may_use else 0)
    assert plan.tools_enabled == (plan.tool_limit > 0)
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


said_by_tenants = st.builds(
    Policy,
    shares=st.none() | all_rules().map(lambda rules: rules.shares),
    turn_tokens=st.none() | st.integers(policy.LEAST_TURN_TOKENS, policy.MOST_TOKENS),
    output_tokens=st.none() | st.integers(policy.LEAST_OUTPUT_TOKENS, policy.MOST_TOKENS),
    recall_items=st.none() | st.integers(0, policy.MOST_RECALL_ITEMS),
    tool_limit=st.integers(0, 10),
)
healths = st.builds(Health, st.booleans(), st.booleans(), st.booleans())
endpoints = st.builds(
    Endpoint,
    base_url=st.just(""),
    api_key=st.just(NO_SECRET),
    kind=st.just("openai"),
    model=st.just("m"),
    window=windows,
    output_limit=st.integers(1, 200_000),
)


@given(
    dial=dials,
    endpoint=endpoints,
    said=said_by_tenants,
    needed=needs,
    health=st.builds(Health, st.booleans(), st.booleans(), st.booleans()),
)
def test_every_knob_and_every_legal_override_gives_a_plan_or_a_reason(
    dial: knobs.Knobs, endpoint: Endpoint, said: Policy, needed: Needs, health: Health
) -> None:
    policy._check(said)
    derived = knobs.derive(dial)
    terms = Terms(said, derived, health)
    limits = limits_of(endpoint, terms)
    whole = min(endpoint.window, derived.turn_tokens, said.turn_tokens or policy.MOST_TOKENS)
    assert limits.window == whole
    try:
        plan = governor.plan(
            limits, needed, health.level, tools_healthy=health.tools, rules=said.rules
        )
    except MessageExceedsModel as refused:
        narrow = {
            "model": "this model has room",
            "budget": "may spend on a turn",
            "tenant": "your organisation allows",
        }
        assert narrow[limits.bound_by] in refused.detail
        assert "Nothing was lost" in refused.detail
        return
    assert plan.total + plan.output <= whole
    assert plan.output <= min(derived.output_tokens, said.output_tokens or policy.MOST_TOKENS)
    assert plan.tool_limit <= said.tool_limit
    assert plan.buffer >= needed.message
    assert terms.recall_items <= derived.recall_items


@given(window=windows)
def test_the_shortest_turn_that_a_tenant_may_allow_takes_a_short_message(window: int) -> None:
    limits = Limits(max(window, policy.LEAST_TURN_TOKENS), policy.LEAST_OUTPUT_TOKENS)
    assert governor.plan(limits, Needs(200, 200), "normal").buffer >= 200


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"shares": {"system": 100}}, "/shares"),
        ({"shares": dict.fromkeys(governor.LANES, 20)}, "/shares"),
        ({"shares": dict.fromkeys(governor.LANES, 20) | {"system": 40, "buffer": -20}}, "/shares"),
        ({"turn_tokens": 999}, "/turn_tokens"),
        ({"turn_tokens": 2_000_001}, "/turn_tokens"),
        ({"output_tokens": 31}, "/output_tokens"),
        ({"recall_items": 51}, "/recall_items"),
        ({"tool_limit": 11}, "/tool_limit"),
    ],
)
def test_an_override_beyond_its_bounds_is_refused_by_name(wrong: dict, pointer: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        policy._check(Policy(**wrong))
    assert [one["pointer"] for one in refused.value.problem()["errors"]] == [pointer]


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
