"""Operations under /api/v2/agents."""

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from chat import agents
from chat.models import Agent
from chat.schemas import AgentChange, AgentIn, AgentOut, AgentPage, DerivedOut, KnobsIn
from chat.turns.knobs import Knobs, derive
from gateway.facade import model_names
from kernel import paging
from saas.api.auth import actor_of

router = Router(tags=["agents"])


@router.get("", response=AgentPage, operation_id="agents_list")
def list_agents(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: str | None = None,
) -> AgentPage:
    """Agents of the tenant, by name."""
    after = paging.decode(cursor, str)
    rows = agents.list_agents(actor_of(request), limit, after[0] if after else None)
    more, rows = len(rows) > limit, rows[:limit]
    return AgentPage(items=_out(rows), next=paging.encode(rows[-1].name) if more else None)


@router.get("/derived", response=DerivedOut, operation_id="agents_derived")
def derived(request: HttpRequest, given: Annotated[KnobsIn, Query()]) -> DerivedOut:
    """What these knobs would give a turn (people who may see agents)."""
    agents.require_view(actor_of(request))
    return _derived(Knobs(given.intelligence, given.autonomy, given.resource_usd))


@router.post("", response={201: AgentOut}, operation_id="agents_create")
def create_agent(request: HttpRequest, body: AgentIn) -> Status[AgentOut]:
    """Make an agent (tenant admins)."""
    knobs = Knobs(body.intelligence, body.autonomy, body.resource_usd)
    actor = actor_of(request)
    row = agents.create_agent(actor, body.name, body.instructions, body.model_id, knobs)
    return Status(201, _out([row])[0])


@router.patch("/{agent_id}", response=AgentOut, operation_id="agents_update")
def update_agent(request: HttpRequest, agent_id: UUID, body: AgentChange) -> AgentOut:
    """Change an agent (tenant admins)."""
    row = agents.update_agent(actor_of(request), agent_id, body.dict(exclude_unset=True))
    return _out([row])[0]


def _derived(knobs: Knobs) -> DerivedOut:
    return DerivedOut.model_validate(derive(knobs), from_attributes=True)


def _out(rows: list[Agent]) -> list[AgentOut]:
    names = model_names({row.model_id for row in rows if row.model_id})
    return [
        AgentOut(
            id=row.id,
            name=row.name,
            slug=row.slug,
            instructions=row.instructions,
            model_id=row.model_id,
            model_name=names.get(row.model_id) if row.model_id else None,
            intelligence=row.intelligence,
            autonomy=row.autonomy,
            resource_usd=float(row.resource_usd),
            derived=_derived(Knobs(row.intelligence, row.autonomy, row.resource_usd)),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in rows
    ]
