"""The context builder keeps order, never cuts the person's message, and says what it left out."""

from hypothesis import given
from hypothesis import strategies as st

from chat.turns import context, governor
from chat.turns.context import Remembered, Said, Tool

texts = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=300)
histories = st.lists(st.builds(Said, st.sampled_from(["user", "assistant"]), texts), max_size=30)
memories = st.lists(
    st.builds(Remembered, texts, st.just("2025-03-01"), st.sampled_from(["user", "assistant"])),
    max_size=8,
)


def count(text: str) -> int:
    return -(-len(text.encode()) // 4)


@given(
    window=st.integers(2000, 40_000),
    system=st.text(max_size=2000),
    history=histories,
    remembered=memories,
    message=texts,
)
def test_nothing_is_lost_silently(
    window: int, system: str, history: list[Said], remembered: list[Remembered], message: str
) -> None:
    parts = context.Parts(system, history, remembered, message)
    sizes = context.measure(parts, count)
    plan = governor.plan(governor.Limits(window, 500), sizes.needs(), "normal")
    built = context.build(plan, parts, sizes, count)
    report, lines = built.report, built.lines
    assert lines[-1] == context.Line("user", message)
    kept = [Said(line.role, line.text) for line in lines[:-1] if line.role != "system"]
    assert kept == history[len(history) - len(kept) :], "the newest messages, in order, whole"
    assert report.history_kept == len(kept)
    assert report.history_kept + report.history_cut == len(history)
    assert report.memory_kept + report.memory_cut == len(remembered)
    assert len(built.remembered) == report.memory_kept
    for place in built.remembered:
        assert " ".join(remembered[place].text.split()) in lines[0].text
    assert report.used["history"] <= plan.history
    assert report.used["memory"] <= plan.memory
    assert report.used["system"] <= plan.system
    assert report.system_cut == (count(system) > plan.system)
    total = sum(count(line.text) for line in lines)
    assert total + plan.output <= window + 64


@given(
    window=st.integers(1200, 40_000),
    sizes=st.lists(st.integers(1, 2_000), max_size=30),
    limit=st.integers(0, 10),
    healthy=st.booleans(),
)
def test_tools_are_offered_whole_within_their_lane_and_counted_when_they_are_not(
    window: int, sizes: list[int], limit: int, healthy: bool
) -> None:
    tools = [Tool(f"tool{place}", size) for place, size in enumerate(sizes)]
    parts = context.Parts("S", [], [], "q", tools=tools)
    measured = context.measure(parts, count)
    plan = governor.plan(
        governor.Limits(window, 100),
        measured.needs(limit),
        "normal",
        tools_healthy=healthy,
        rules=governor.Rules(tool_limit=limit),
    )
    built = context.build(plan, parts, measured, count)
    assert len(built.tools) <= (limit if healthy else 0)
    assert built.tools == sorted(set(built.tools)), "in the order of what is most wanted"
    assert built.report.used["tools"] == sum(sizes[place] for place in built.tools)
    assert built.report.used["tools"] <= plan.tools
    assert built.report.tools_kept + built.report.tools_cut == len(tools)
    assert built.report.tools_kept == len(built.tools)


@given(
    window=st.integers(1200, 6_000),
    history=histories,
    summary=st.text(max_size=800),
    upto=st.integers(0, 30),
)
def test_a_summary_stands_in_for_what_has_no_room_and_for_nothing_else(
    window: int, history: list[Said], summary: str, upto: int
) -> None:
    said = [Said(one.role, one.text, place) for place, one in enumerate(history, 1)]
    parts = context.Parts("S", said, [], "q", summary, upto)
    sizes = context.measure(parts, count)
    plan = governor.plan(governor.Limits(window, 100), sizes.needs(), "normal")
    built = context.build(plan, parts, sizes, count)
    report = built.report
    kept = len(said) - len(built.left_out)
    assert list(built.left_out) == said[: len(said) - kept]
    is_quoted = context.SUMMARY_HEADER in built.lines[0].text
    assert not is_quoted or built.left_out, "a summary only where something is missing"
    covered = sum(one.seq <= upto for one in built.left_out)
    assert report.history_summarised == (covered if is_quoted else 0)
    assert report.used["history"] <= plan.history


@given(passage=texts)
def test_a_recalled_passage_stays_one_quoted_line(passage: str) -> None:
    """Stored text cannot pose as the prompt's own structure."""
    plan = governor.Allowance("normal", 100, 100, 5000, 0, 0, 100, 100)
    parts = context.Parts("S", [], [Remembered(passage, "2025-03-01", "user")], "q")
    built = context.build(plan, parts, context.measure(parts, count), count)
    notes = built.lines[0].text.split(context.MEMORY_HEADER)[1].strip("\n")
    assert notes.startswith('- On 2025-03-01 they said: "')
    assert "\n" not in notes
