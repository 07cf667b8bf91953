"""What a turn may count on, as the monitor knows it. Asks nothing, waits for nothing."""

from chat.turns.governor import Health
from kernel.condition import CONDITION

# A tool's call is written down, told to readers, and its result given to the model again.
TOOLS_NEED = ("database", "redis", "storage", "llm")


def health_now() -> Health:
    """The health of this moment; without a monitor (commands, most tests) tools stay off."""
    if not CONDITION.is_bound:
        return Health()
    state = CONDITION.get().state
    return Health(
        memory=state("somabrain") != "down",
        model=state("llm") != "down",
        tools=all(state(service) == "ok" for service in TOOLS_NEED),
    )
