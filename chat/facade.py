"""What other apps may use of chat."""

from chat.agents import create_agent, ensure_first_agent, list_agents
from chat.answering import AgentTurns
from chat.events import FeedbackGiven, TurnFinished
from chat.frames import CLIENT_FRAMES, SERVER_FRAMES
from chat.policy import follow_policies
from chat.reconciling import reconcile_memories
from chat.turns.reaper import reap
from chat.turns.runner import RUNNER
from chat.verbs import purge_deleted
from chat.workspace import ChatWorkspace

__all__ = [
    "CLIENT_FRAMES",
    "RUNNER",
    "SERVER_FRAMES",
    "AgentTurns",
    "ChatWorkspace",
    "FeedbackGiven",
    "TurnFinished",
    "create_agent",
    "ensure_first_agent",
    "follow_policies",
    "list_agents",
    "purge_deleted",
    "reap",
    "reconcile_memories",
]
