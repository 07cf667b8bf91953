"""The governor is total: for every window and need, lanes fit or the turn is refused."""

from hypothesis import given
from hypothesis import strategies as st

from chat.errors import MessageExceedsModel
from chat.turns import governor

windows = st.integers(512, 2_000_000)


@given(
    window=windows,
    output=st.integers(1, 200_000),
    system=st.integers(0, 300_000),
    message=st.integers(1, 2_100_000),
    level=st.sampled_from(["normal", "degraded"]),
)
def test_lanes_never_exceed_the_window_and_minimums_hold_or_the_turn_is_refused(
    window: int, output: int, system: int, message: int, level: governor.Level
) -> None:
    limits = governor.Limits(window, output)
    try:
        plan = governor.plan(limits, system_tokens=system, message_tokens=message, level=level)
    except MessageExceedsModel as refused:
        assert refused.data["needed"] == message
        assert message + min(system, governor.MIN_SYSTEM) > window - max(
            1, min(output, window // 2)
        )
        return
    assert plan.total + plan.output <= window
    assert min(plan.system, plan.history, plan.memory, plan.buffer) >= 0
    assert plan.output >= 1
    assert plan.buffer >= message, "the person's message is never cut"
    assert plan.system >= min(system, governor.MIN_SYSTEM)
    assert plan.system <= system


@given(window=windows, system=st.integers(0, 3000))
def test_a_degraded_turn_has_no_history(window: int, system: int) -> None:
    plan = governor.plan(
        governor.Limits(window, 100), system_tokens=system, message_tokens=10, level="degraded"
    )
    assert plan.history == 0
