"""Lanes in numbers: the table of the design, who gives, and where unused tokens flow."""

import pytest

from chat.errors import MessageExceedsModel
from chat.turns.governor import Limits, Needs, plan

GREEDY = Needs(system=10**7, message=1, tools=10**7, tool_results=10**7)


def lanes(window: int, output: int, needs: Needs, level: str, **options: bool) -> dict[str, int]:
    found = plan(Limits(window, output), needs, level, **options)
    return {**found.lanes, "output": found.output}


def test_where_nothing_is_needed_the_minimums_stay_and_nothing_else() -> None:
    found = lanes(10_000, 1_000, Needs(0, 0, 0, 0), "normal")
    assert found == {
        "system": 200, "history": 0, "memory": 50, "tools": 0, "tool_results": 0,
        "buffer": 200, "output": 1_000,
    }  # fmt: skip


def test_greedy_lanes_get_the_shares_of_the_table_and_the_system_text_the_rest() -> None:
    needs = Needs(system=1_500, message=500, history=2_500, memory=2_500, tools=2_000,
                  tool_results=1_000)  # fmt: skip
    found = plan(Limits(11_000, 1_000), needs, "normal", tools_healthy=True)
    assert found.lanes == {
        "system": 1_500, "history": 2_500, "memory": 2_500, "tools": 2_000,
        "tool_results": 1_000, "buffer": 500,
    }  # fmt: skip
    assert (found.output, found.total, found.tools_enabled, found.tool_limit) == (
        1_000, 10_000, True, 10,
    )  # fmt: skip
    assert found.level == "normal"


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("normal", {"system": 5_000, "tools": 0, "tool_results": 0, "buffer": 500,
                    "memory": 2_500, "history": 2_000}),
        ("degraded", {"system": 7_000, "tools": 0, "tool_results": 0, "buffer": 2_000,
                      "memory": 1_000, "history": 0}),
        ("rescue", {"system": 10_000, "tools": 0, "tool_results": 0, "buffer": 0,
                    "memory": 0, "history": 0}),
    ],
)  # fmt: skip
def test_each_level_has_shares_of_its_own(level: str, expected: dict[str, int]) -> None:
    """Needs as large as the shares: then nothing flows, and in a rescue nothing ever does."""
    message = max(expected["buffer"], 200)
    needs = Needs(expected["system"], message, expected["history"], expected["memory"])
    found = lanes(11_000, 1_000, needs, level)
    if level == "rescue":
        expected = {**expected, "buffer": 200, "system": 9_800}
    assert {name: found[name] for name in expected} == expected


def test_unused_tokens_go_to_the_system_text_then_tools_then_their_results() -> None:
    needs = Needs(system=9_999, message=500, history=0, memory=0, tools=9_999, tool_results=9_999)
    found = plan(Limits(11_000, 1_000), needs, "normal", tools_healthy=True)
    # 25 per cent of history and all but 50 of memory are free: the system text takes all of it.
    assert (found.system, found.tools, found.tool_results) == (1_500 + 4_950, 2_000, 1_000)
    assert (found.history, found.memory) == (0, 50)
    needs = Needs(system=1_600, message=500, history=0, memory=0, tools=2_100, tool_results=9_999)
    found = plan(Limits(11_000, 1_000), needs, "normal", tools_healthy=True)
    assert (found.system, found.tools, found.tool_results) == (1_600, 2_100, 1_000 + 4_750)


def test_history_and_memory_share_what_is_left_and_take_what_the_other_leaves() -> None:
    def shared(history: int | None, memory: int | None) -> tuple[int, int]:
        found = plan(Limits(11_000, 1_000), Needs(200, 500, history, memory), "normal")
        return found.history, found.memory

    # 10,000 of room less 200 and 500 is 9,300; 2,500 each to begin with, 4,300 are free.
    assert shared(None, None) == (4_650, 4_650)
    assert shared(10**6, 10**6) == (4_650, 4_650)
    assert shared(1_000, None) == (1_000, 8_300)
    assert shared(None, 1_000) == (8_300, 1_000)
    assert shared(100, 60) == (100, 60)


def test_a_message_larger_than_its_share_takes_from_history_first_then_memory() -> None:
    def with_message(tokens: int) -> dict[str, int]:
        return lanes(11_000, 1_000, Needs(1_500, tokens, 2_500, 2_500), "normal")

    # Tools are not healthy, so their 30 per cent are there for who needs them.
    found = with_message(3_500)
    assert (found["buffer"], found["system"], found["output"]) == (3_500, 1_500, 1_000)
    assert (found["history"], found["memory"]) == (2_500, 2_500)
    found = with_message(9_000)
    assert (found["buffer"], found["output"]) == (9_000, 1_000)
    assert found["system"] + found["history"] + found["memory"] == 1_000
    assert found["memory"] >= 50
    assert found["system"] >= 200


def test_with_tools_history_gives_first_then_results_tools_memory_and_the_system_text() -> None:
    def given(message: int) -> tuple[int, ...]:
        needs = Needs(1_500, message, 2_500, 2_500, 2_000, 1_000)
        found = plan(Limits(11_000, 1_000), needs, "normal", tools_healthy=True)
        return (found.history, found.tool_results, found.tools, found.memory, found.system)

    assert given(500) == (2_500, 1_000, 2_000, 2_500, 1_500)
    assert given(1_500) == (1_500, 1_000, 2_000, 2_500, 1_500)
    assert given(3_500) == (0, 500, 2_000, 2_500, 1_500)
    assert given(5_000) == (0, 0, 1_000, 2_500, 1_500)
    assert given(7_000) == (0, 0, 0, 1_500, 1_500)
    assert given(9_000) == (0, 0, 0, 50, 950)
    assert given(9_750) == (0, 0, 0, 50, 200)


def test_the_answer_has_half_of_the_window_at_most_and_gives_way_to_a_long_message() -> None:
    def output(window: int, limit: int, message: int = 0) -> int:
        return lanes(window, limit, Needs(0, message, 0, 0), "normal")["output"]

    assert output(8_000, 100) == 100
    assert output(8_000, 100_000) == 4_000
    assert output(8_000, 4_000, message=4_000) == 3_750
    assert output(8_000, 4_000, message=6_750) == 1_000, "an eighth of the window"
    with pytest.raises(MessageExceedsModel):
        output(8_000, 4_000, message=6_751)
    assert output(514, 400, message=1) == 64
    with pytest.raises(MessageExceedsModel):
        output(513, 400, message=1)
    assert output(460, 10, message=1) == 10, "who wants less gets less"


def test_a_refusal_says_how_much_would_have_fitted_and_what_helps() -> None:
    with pytest.raises(MessageExceedsModel) as refused:
        plan(Limits(8_000, 4_000), Needs(0, 7_000), "normal")
    assert refused.value.data == {"window": 8_000, "needed": 7_000}
    assert refused.value.detail == (
        "It needs about 7000 tokens; this model has room for 6750. "
        "Nothing was lost: shorten it, or choose a model with a larger window."
    )
    with pytest.raises(MessageExceedsModel) as refused:
        plan(Limits(8_000, 4_000, bound_by="budget"), Needs(0, 7_000), "degraded")
    assert refused.value.detail == (
        "It needs about 7000 tokens; what this agent may spend on a turn has room for 6750. "
        "Nothing was lost: shorten it, or give the agent more for a turn."
    )
    with pytest.raises(MessageExceedsModel) as refused:
        plan(Limits(300, 100), Needs(0, 10), "normal")
    assert "room for 0." in refused.value.detail
    # A rescue keeps no room for memory.
    assert plan(Limits(8_000, 4_000), Needs(0, 6_800), "rescue").output == 1_000


def test_tools_are_there_only_in_a_normal_turn_whose_tools_are_healthy() -> None:
    for level in ("degraded", "rescue"):
        found = plan(Limits(11_000, 1_000), GREEDY, level, tools_healthy=True)
        assert (found.tools_enabled, found.tool_limit, found.tools) == (False, 0, 0)
    found = plan(Limits(11_000, 1_000), GREEDY, "normal")
    assert (found.tools_enabled, found.tool_limit) == (False, 0)
    assert (found.tools, found.tool_results) == (0, 0)
