"""Shapes of the chat operations at the HTTP edge."""

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from chat.frames import MessageView, TurnView
from chat.policy import (
    LEAST_OUTPUT_TOKENS,
    LEAST_TURN_TOKENS,
    MOST_INSTRUCTION_CHARS,
    MOST_RECALL_ITEMS,
    MOST_TOKENS,
    Policy,
)
from chat.privacy.recognising import is_installed
from chat.turns import knobs
from chat.turns.governor import SHARES, TOOL_LIMIT
from chat.turns.knobs import Approval, Egress, Tier
from chat.turns.opening import Opened
from chat.verbs import ConversationRow

ClientKey = Field(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")


Knob = Annotated[int, Field(ge=knobs.LEAST, le=knobs.MOST, description="1 to 10.")]
Dollars = Annotated[
    Decimal, Field(ge=0, le=knobs.MOST_USD, decimal_places=2, description="Dollars a turn.")
]


class KnobsIn(Schema):
    """How clever, how free, how expensive an agent may be."""

    intelligence: Knob = 5
    autonomy: Knob = 5
    resource_usd: Dollars = Decimal("0.50")


class AgentIn(KnobsIn):
    """A new agent."""

    name: str = Field(min_length=1, max_length=100)
    instructions: str = Field("", max_length=100_000)
    model_id: UUID | None = None


class AgentChange(Schema):
    """What to change; only the fields that are sent."""

    name: str | None = Field(None, min_length=1, max_length=100)
    instructions: str | None = Field(None, max_length=100_000)
    model_id: UUID | None = None
    intelligence: Knob | None = None
    autonomy: Knob | None = None
    resource_usd: Dollars | None = None


class DerivedOut(Schema):
    """What three knobs give a turn."""

    temperature: float
    output_tokens: int = Field(description="Limit of the answer.")
    turn_tokens: int = Field(description="Limit of prompt and answer together.")
    recall_items: int
    asks_memory: bool = Field(description="Whether past conversations are recalled.")
    model_tier: Tier
    cost_tier: Tier
    asks_person: bool = Field(description="Whether a person confirms what the agent does.")
    tool_approval: Approval
    egress: Egress


class AgentOut(Schema):
    """An agent."""

    id: UUID
    name: str
    slug: str
    instructions: str
    model_id: UUID | None
    model_name: str | None
    intelligence: int
    autonomy: int
    resource_usd: float = Field(description="Dollars a turn.")
    derived: DerivedOut
    created_at: datetime
    updated_at: datetime


class AgentPage(Schema):
    """Agents by name."""

    items: list[AgentOut]
    next: str | None


class ConversationIn(Schema):
    """A new conversation."""

    agent_id: UUID
    title: str | None = Field(None, max_length=200)


class ConversationChangeIn(Schema):
    """What to change; only the fields that are sent."""

    title: str | None = Field(None, max_length=200)
    archived: bool | None = None
    active_branch_id: UUID | None = None


class LastTurn(Schema):
    """The newest turn of a conversation."""

    id: UUID
    state: str


class ConversationOut(Schema):
    """A conversation. `match`: snippet with << >> around what was searched for."""

    id: UUID
    title: str | None
    agent_id: UUID
    agent_name: str
    archived: bool
    created_at: datetime
    updated_at: datetime
    active_branch_id: UUID | None
    last_turn: LastTurn | None
    match: str | None

    @classmethod
    def of(cls, row: ConversationRow) -> "ConversationOut":
        """From the verb's value."""
        last = (
            LastTurn(id=row.last_turn_id, state=row.last_turn_state)
            if row.last_turn_id and row.last_turn_state
            else None
        )
        return cls(
            id=row.id,
            title=row.title,
            agent_id=row.agent_id,
            agent_name=row.agent_name,
            archived=row.archived,
            created_at=row.created_at,
            updated_at=row.updated_at,
            active_branch_id=row.active_branch_id,
            last_turn=last,
            match=row.match,
        )


class ConversationPage(Schema):
    """Conversations, newest activity first."""

    items: list[ConversationOut]
    next: str | None


class MessagePageOut(Schema):
    """Messages oldest first, with the seqs to go on from."""

    items: list[MessageView]
    next_before: int | None
    next_after: int | None
    open_turn: TurnView | None


class SendIn(Schema):
    """A message. The same client_key twice gives one turn."""

    conversation_id: UUID
    content: str
    client_key: str = ClientKey
    stream: bool = True


class AnswerOut(Schema):
    """A whole answer (`stream` false)."""

    turn: TurnView
    message: MessageView


class EditIn(Schema):
    """A message said differently."""

    content: str
    client_key: str = ClientKey


class KeyIn(Schema):
    """Makes a repeat of the request harmless."""

    client_key: str = ClientKey


class TurnRef(Schema):
    """A turn that was opened."""

    turn_id: UUID
    conversation_id: UUID
    branch_id: UUID
    message_id: UUID
    user_message_id: UUID | None
    created: bool

    @classmethod
    def of(cls, opened: Opened) -> "TurnRef":
        """From the service's value."""
        turn = opened.turn
        return cls.model_validate(
            {
                "turn_id": turn.id,
                "conversation_id": turn.conversation_id,
                "branch_id": turn.branch_id,
                "message_id": turn.message_id,
                "user_message_id": turn.user_message_id,
                "created": opened.created,
            }
        )


class FeedbackIn(Schema):
    """A judgement of an answer; neutral takes it back."""

    signal: Literal["positive", "negative", "neutral"]
    comment: str = Field("", max_length=2000)


class ContextReportOut(Schema):
    """The account of a prompt: tokens by lane, and what was kept, cut, summarised."""

    model: str
    level: str
    lanes: dict[str, int] = Field(description="Tokens that each lane might use.")
    used: dict[str, int] = Field(description="Tokens that it used.")
    history_kept: int = Field(description="Earlier messages in the prompt, whole.")
    history_cut: int = Field(description="Earlier messages that had no room.")
    history_summarised: int = Field(0, description="Of these, how many the summary covers.")
    memory_kept: int
    memory_cut: int
    system_cut: bool
    tools_kept: int = Field(0, description="Tools that the model was offered.")
    tools_cut: int = 0


Share = Annotated[int, Field(ge=0, le=100)]


class SharesIO(Schema):
    """Per cent of what the answer leaves of the window; 100 together."""

    system: Share
    history: Share
    memory: Share
    tools: Share
    tool_results: Share
    buffer: Share = Field(description="The person's message.")


class PolicyIn(Schema):
    """What a tenant says about every turn; null: as the platform's table and the agent's knobs."""

    instructions: str = Field(
        "", max_length=MOST_INSTRUCTION_CHARS, description="Before every agent's own."
    )
    shares: SharesIO | None = None
    turn_tokens: int | None = Field(None, ge=LEAST_TURN_TOKENS, le=MOST_TOKENS)
    output_tokens: int | None = Field(None, ge=LEAST_OUTPUT_TOKENS, le=MOST_TOKENS)
    recall_items: int | None = Field(None, ge=0, le=MOST_RECALL_ITEMS)
    tool_limit: int = Field(TOOL_LIMIT, ge=0, le=TOOL_LIMIT)
    redacts: bool = Field(
        False, description="Replace personal data before it goes to a provider outside."
    )

    def policy(self) -> Policy:
        """As the verb takes it."""
        return Policy(**self.dict())


class PolicyOut(PolicyIn):
    """The same, with the platform's own shares.

    `can_redact`: what finds personal data is installed.
    """

    standard: SharesIO
    can_redact: bool

    @classmethod
    def of(cls, policy: Policy) -> "PolicyOut":
        """From the verb's value."""
        more = {"standard": SHARES["normal"], "can_redact": is_installed()}
        return cls.model_validate(asdict(policy) | more)
