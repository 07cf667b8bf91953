"""What other apps may use of the gateway."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from uuid import UUID

from gateway.apikeys.principal import follow_keys
from gateway.catalogue import CHANGED_TOPIC
from gateway.errors import (
    AddressRefused,
    BudgetExhausted,
    ContentRefused,
    ContextTooLong,
    ModelAuthFailed,
    ModelBadResponse,
    ModelCreditExhausted,
    ModelError,
    ModelNotFound,
    ModelRateLimited,
    ModelRejectedRequest,
    ModelResting,
    ModelServerError,
    ModelStreamCut,
    ModelTimeout,
    ModelUnreachable,
    NoModelConfigured,
)
from gateway.hosting import is_self_hosted
from gateway.keys import rewrap_stored_keys
from gateway.ledger.book import BOOK
from gateway.ledger.rules import Caller
from gateway.ledger.terms import follow_terms
from gateway.metered import metered
from gateway.models import Model
from gateway.models import Usage as UsageRow
from gateway.parts import (
    Finished,
    Message,
    ModelRequest,
    Part,
    ReasoningDelta,
    ReasoningPart,
    StreamEvent,
    TextDelta,
    TextPart,
    Timeouts,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
    Usage,
)
from gateway.ports import Endpoint, EndpointProbe
from gateway.router import MODELS, breaker_name
from gateway.routing.choosing import Route, Wish, routed
from gateway.routing.engine import Need
from gateway.routing.judging import learn_from_judgement
from gateway.routing.log import DECISIONS
from gateway.routing.policies import follow_rules
from gateway.routing.standing import follow_cooling
from gateway.sync import SyncReport, sync_environment
from gateway.tokenizers import counter_of, is_estimated
from gateway.tokens import bound_tokens, estimate_prompt_tokens, estimate_tokens
from gateway.trial import try_provider
from gateway.v1.agents import AgentModel
from gateway.verbs import (
    create_provider,
    delete_provider,
    list_kinds,
    list_models,
    list_providers,
    set_default_model,
    update_provider,
)
from kernel.db import AWAY


def choose(model_id: UUID | None) -> Endpoint:
    """The endpoint of a model; of the default one when None, gone or switched off.

    Synchronous (it may read rows) and cheap: remembered for a second. Raises: NoModelConfigured.
    """
    return MODELS.get().catalogue.choose(model_id)


def stream(request: ModelRequest, endpoint: Endpoint) -> AsyncGenerator[StreamEvent, None]:
    """Ask the model; close the generator (`aclosing`) to stop it at once. Raises: ModelError."""
    return MODELS.get().stream(request, endpoint)


async def probe_endpoint(endpoint: Endpoint, timeout_s: float) -> EndpointProbe:
    """What the endpoint says of itself, without spending tokens; in the process's own loop."""
    return await MODELS.get().probe_endpoint(endpoint, timeout_s)


async def follow_changes() -> None:
    """Hear at once of what another process changed: models, keys, budgets, and who runs short.

    Once, in the process's own loop.
    """
    await MODELS.get().follow_changes()
    await follow_terms()
    await follow_keys()
    await follow_rules()
    await follow_cooling()
    await BOOK.get().follow_recalls()


async def close_ledger() -> None:
    """Settle what ended, give back what is held, write the last decisions (process shutdown)."""
    with suppress(*AWAY):
        await DECISIONS.written()
    await BOOK.get().close()


def recorded_calls(call_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the calls that the ledger knows, in the open unit of their tenant."""
    rows = UsageRow.objects.filter(call_id__in=set(call_ids))
    return set(rows.values_list("call_id", flat=True))


def model_names(model_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Display names by id; ids that are unknown are left out."""
    wanted = set(model_ids)
    if not wanted:
        return {}
    return dict(Model.objects.filter(id__in=wanted).values_list("id", "display_name"))


__all__ = [
    "CHANGED_TOPIC",
    "AddressRefused",
    "AgentModel",
    "BudgetExhausted",
    "Caller",
    "ContentRefused",
    "ContextTooLong",
    "Endpoint",
    "EndpointProbe",
    "Finished",
    "Message",
    "ModelAuthFailed",
    "ModelBadResponse",
    "ModelCreditExhausted",
    "ModelError",
    "ModelNotFound",
    "ModelRateLimited",
    "ModelRejectedRequest",
    "ModelRequest",
    "ModelResting",
    "ModelServerError",
    "ModelStreamCut",
    "ModelTimeout",
    "ModelUnreachable",
    "Need",
    "NoModelConfigured",
    "Part",
    "ReasoningDelta",
    "ReasoningPart",
    "Route",
    "StreamEvent",
    "SyncReport",
    "TextDelta",
    "TextPart",
    "Timeouts",
    "ToolCallDelta",
    "ToolCallPart",
    "ToolResultPart",
    "ToolSpec",
    "Usage",
    "Wish",
    "bound_tokens",
    "breaker_name",
    "choose",
    "close_ledger",
    "counter_of",
    "create_provider",
    "delete_provider",
    "estimate_prompt_tokens",
    "estimate_tokens",
    "follow_changes",
    "is_estimated",
    "is_self_hosted",
    "learn_from_judgement",
    "list_kinds",
    "list_models",
    "list_providers",
    "metered",
    "model_names",
    "probe_endpoint",
    "recorded_calls",
    "rewrap_stored_keys",
    "routed",
    "set_default_model",
    "stream",
    "sync_environment",
    "try_provider",
    "update_provider",
]
