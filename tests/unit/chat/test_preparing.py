"""What a model is asked follows from what is healthy, allowed and found."""

from dataclasses import fields
from uuid import uuid4

from chat.policy import NOTHING_SAID, Policy
from chat.turns.context import Said
from chat.turns.governor import Health
from chat.turns.knobs import Knobs, derive
from chat.turns.opening import Opened
from chat.turns.preparing import DEGRADED_SESSION, Gathered, Prepared, Terms, _build
from gateway.facade import Endpoint, ToolSpec, estimate_tokens
from gateway.ports import NO_SECRET
from memory.facade import DEGRADED_MEMORY, RecallResult

SAID = tuple(
    Said("user" if place % 2 else "assistant", f"Line {place}.", place) for place in (1, 2)
)
FOUND = RecallResult()
LATE = RecallResult(degraded=(DEGRADED_MEMORY,))


def prepared(
    health: Health,
    found: RecallResult = FOUND,
    policy: Policy = NOTHING_SAID,
    specs: tuple[ToolSpec, ...] = (),
    kept_free: int = 0,
) -> Prepared:
    known = {"agent_id": uuid4(), "instructions": "Be kind.", "earlier": SAID, "question": "And?"}
    opened = Opened(**{one.name: None for one in fields(Opened)} | known)
    endpoint = Endpoint("", NO_SECRET, "openai", "m", window=8_000, output_limit=1_000)
    terms = Terms(policy, derive(Knobs()), health)
    return _build(Gathered(opened, endpoint, terms, specs, found, None), estimate_tokens, kept_free)


def said(made: Prepared) -> list[str]:
    return [message.text for message in made.request.messages]


def test_a_healthy_turn_has_the_conversation() -> None:
    made = prepared(Health())
    assert said(made) == ["Be kind.", "Line 1.", "Line 2.", "And?"]
    assert (made.built.report.level, made.degraded) == ("normal", ())


def test_late_memory_alone_never_costs_the_conversation_even_while_the_model_is_doubted() -> None:
    for health in (Health(), Health(model=False)):
        made = prepared(health, LATE)
        assert (made.built.report.level, made.degraded) == ("degraded", (DEGRADED_MEMORY,))
        assert "Line 1." in said(made)


def test_a_last_try_asks_with_the_least_and_says_so() -> None:
    made = prepared(Health(memory=False, model=False), LATE)
    assert said(made) == ["Be kind.", "And?"]
    assert made.degraded == (DEGRADED_MEMORY, DEGRADED_SESSION)


def test_tools_are_offered_as_far_as_the_tenant_allows_and_all_they_need_is_well() -> None:
    specs = tuple(ToolSpec(f"tool{number}", "Does something.") for number in range(20))
    assert len(prepared(Health(tools=True), specs=specs).request.tools) == 10
    three = prepared(Health(tools=True), policy=Policy(tool_limit=3), specs=specs)
    assert [tool.name for tool in three.request.tools] == ["tool0", "tool1", "tool2"]
    assert (three.built.report.tools_kept, three.built.report.tools_cut) == (3, 17)
    assert prepared(Health(tools=False), specs=specs).request.tools == ()
    assert prepared(Health(memory=False, tools=True), LATE, specs=specs).request.tools == ()


def test_the_tenants_text_comes_before_the_agents() -> None:
    made = prepared(Health(), policy=Policy(instructions="Acme speaks formally."))
    assert said(made)[0] == "Acme speaks formally.\n\nBe kind."


def test_what_is_kept_free_is_not_planned_with() -> None:
    whole, less = prepared(Health()), prepared(Health(), kept_free=500)
    used = [sum(one.built.report.lanes.values()) for one in (whole, less)]
    assert used[1] + less.request.max_output_tokens + 500 <= 8_000
    assert said(whole) == said(less)
