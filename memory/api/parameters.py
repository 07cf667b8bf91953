"""Query parameters that several operations share."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from ninja import Query, Schema
from pydantic import Field

from memory.moments import Moment
from memory.ports import Kind, Matching, Speaker

AgentFilter = Annotated[UUID | None, Query(description="Only what this agent remembers.")]
AgentIn = Annotated[UUID, Query(description="Whose cognition.")]
Cursor = Annotated[str | None, Query(max_length=200)]


class Filter(Schema):
    """Which memories; each condition that is given must hold."""

    agent_id: UUID | None = Field(None, description="Only what this agent remembers.")
    kind: Kind | None = None
    speaker: Speaker | None = None
    conversation_id: UUID | None = None
    since: Moment | None = Field(None, description="Said then or later; RFC 3339 with a zone.")
    until: Moment | None = Field(None, description="Said before; RFC 3339 with a zone.")

    def matching(self) -> Matching | None:
        """Return the conditions beside the agent; None without any."""
        given = {
            "conversation_id": self.conversation_id,
            "speaker": self.speaker,
            "kind": self.kind,
            "said_from": self.since,
            "said_before": self.until,
        }
        given = {name: value for name, value in given.items() if value is not None}
        return Matching(**given) if given else None  # type: ignore[arg-type]  # checked above
