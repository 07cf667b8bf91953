"""Operations under /api/v2/agents."""

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from chat import agents, policy
from chat.models import Agent
from chat.policy import Policy
from chat.schemas import AgentChange, AgentIn, AgentOut, AgentPage, DerivedOut, KnobsIn
from chat.turns.knobs import Knobs, derive
from gateway.facade import model_names
from kernel import paging
from kernel.actor import Actor
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
    actor = actor_of(request)
    rows = agents.list_agents(actor, limit, after[0] if after else None)
    more, rows = len(rows) > limit, rows[:limit]
    return AgentPage(items=_out(actor, rows), next=paging.encode(rows[-1].name) if more else None)


@router.get("/derived", response=DerivedOut, operation_id="agents_derived")
def derived(request: HttpRequest, given: Annotated[KnobsIn, Query()]) -> DerivedOut:
    """What these knobs would give a turn, within the tenant's limits (who may see agents)."""
    actor = actor_of(request)
    agents.require_view(actor)
    knobs = Knobs(given.intelligence, given.autonomy, given.resource_usd)
    return _derived(knobs, policy.of_tenant(actor.scope))


@router.post("", response={201: AgentOut}, operation_id="agents_create")
def create_agent(request: HttpRequest, body: AgentIn) -> Status[AgentOut]:
    """Make an agent (tenant admins)."""
    knobs = Knobs(body.intelligence, body.autonomy, body.resource_usd)
    actor = actor_of(request)
    row = agents.create_agent(actor, body.name, body.instructions, body.model_id, knobs)
    return Status(201, _out(actor, [row])[0])


@router.patch("/{agent_id}", response=AgentOut, operation_id="agents_update")
def update_agent(request: HttpRequest, agent_id: UUID, body: AgentChange) -> AgentOut:
    """Change an agent (tenant admins)."""
    actor = actor_of(request)
    row = agents.update_agent(actor, agent_id, body.dict(exclude_unset=True))
    return _out(actor, [row])[0]


def _derived(knobs: Knobs, said: Policy) -> DerivedOut:
    return DerivedOut.model_validate(said.bound(derive(knobs)), from_attributes=True)


def _out(actor: Actor, rows: list[Agent]) -> list[AgentOut]:
    said = policy.of_tenant(actor.scope)
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
            derived=_derived(Knobs(row.intelligence, row.autonomy, row.resource_usd), said),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in rows
    ]
