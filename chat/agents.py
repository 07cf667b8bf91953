"""Verbs on agents: list, create, configure; the first agent of a new tenant."""

from dataclasses import asdict, fields
from uuid import UUID

from django.utils.text import slugify

from chat.access import access_agent
from chat.errors import AgentNameTaken
from chat.models import Agent
from chat.turns.knobs import Knobs
from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.text import checked
from saas.facade import audit, require, visible

FIRST_AGENT = "Soma"
FIRST_INSTRUCTIONS = (
    "You are Soma, a helpful, precise assistant. Answer in the language of the person. "
    "Be brief unless asked for more. Say so when you do not know."
)


def list_agents(actor: Actor, limit: int, after_name: str | None) -> list[Agent]:
    """Agents of the tenant by name (one more than `limit`, when there are more)."""
    with unit_of_work(actor.scope):
        require(actor, "agent.view")
        rows = Agent.objects.filter(visible(actor, "agent.view")).order_by("name", "id")
        if after_name is not None:
            rows = rows.filter(name__gt=after_name)
        return list(rows[: limit + 1])


def require_view(actor: Actor) -> None:
    """Check that the actor may see agents. Raises: Forbidden."""
    with unit_of_work(actor.scope):
        require(actor, "agent.view")


def create_agent(
    actor: Actor,
    name: str,
    instructions: str,
    model_id: UUID | None,
    knobs: Knobs = Knobs(),  # noqa: B008 - frozen
) -> Agent:
    """A new agent. Raises: Forbidden, AgentNameTaken, UnstorableText."""
    with unit_of_work(actor.scope):
        require(actor, "agent.configure")
        row: Agent = Agent.objects.create(
            name=checked(name, "/name").strip(),
            slug=_free_slug(name),
            instructions=checked(instructions, "/instructions"),
            model_id=model_id,
            **asdict(knobs),
        )
        audit(actor, "agent.created", "agent", row.id, after={"name": row.name})
        return row


def update_agent(actor: Actor, agent_id: UUID, changes: dict[str, object]) -> Agent:
    """Change name, instructions, model, knobs. Raises: AgentUnknown, Forbidden, AgentNameTaken."""
    with unit_of_work(actor.scope):
        row = access_agent(actor, agent_id, "configure")
        before = _record(row)
        for name in ("name", "instructions"):
            if isinstance(value := changes.get(name), str):
                setattr(row, name, checked(value, f"/{name}").strip())
        if "model_id" in changes:
            row.model_id = changes["model_id"]  # type: ignore[assignment]  # a checked UUID
        for knob in fields(Knobs):
            if (number := changes.get(knob.name)) is not None:
                setattr(row, knob.name, number)
        row.updated_at = now()
        row.save()
        audit(actor, "agent.updated", "agent", row.id, before=before, after=_record(row))
        return row


def ensure_first_agent(scope: Scope) -> None:
    """A tenant starts with one agent. Runs inside a unit; idempotent."""
    if not Agent.objects.exists():
        Agent.objects.create(
            tenant_id=scope.tenant_id,
            name=FIRST_AGENT,
            slug=slugify(FIRST_AGENT),
            instructions=FIRST_INSTRUCTIONS,
        )


def _record(row: Agent) -> dict[str, object]:
    """What the audit log keeps of an agent; instructions are content, so they are not in it."""
    return {
        "name": row.name,
        "model_id": str(row.model_id) if row.model_id else None,
        "intelligence": row.intelligence,
        "autonomy": row.autonomy,
        "resource_usd": str(row.resource_usd),
    }


def _free_slug(name: str) -> str:
    slug = slugify(name)[:60] or "agent"
    if Agent.objects.filter(slug=slug).exists():
        raise AgentNameTaken(errors=[{"pointer": "/name", "detail": "is taken"}])
    return slug
