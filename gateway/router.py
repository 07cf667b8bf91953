"""The one way to a model: picks the adapter by kind, guards it with a breaker, counts.

Bound once a process by the composition root, because it holds what must live as long as the
process: connections (in the adapters), breakers and the catalogue's snapshot.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from uuid import UUID

import structlog

from gateway.catalogue import CHANGED_TOPIC, Catalogue, Snapshot
from gateway.errors import ModelBadResponse, ModelError, ModelNotFound, ModelResting
from gateway.metrics import FIRST_TOKEN, REQUESTS, TOKENS
from gateway.parts import Finished, ModelRequest, StreamEvent, Usage
from gateway.ports import Endpoint, EndpointProbe, ModelPort, RawAnswer, RawCall
from gateway.presets import KINDS, Wire
from gateway.routing.standing import PULSES
from kernel.breakers import Board
from kernel.bus.ports import BUS, Payload
from kernel.calling import called
from kernel.clock import monotonic_s, unix_ns
from kernel.db import in_unit
from kernel.ports import Port, Probe
from kernel.resilience import BreakerOpen, CircuitBreaker

log = structlog.get_logger(__name__)


class ModelRouter:
    """Adapters by wire, breakers by (provider, model), and the catalogue."""

    def __init__(
        self,
        adapters: Mapping[Wire, ModelPort],
        catalogue: Catalogue | None = None,
        board: Board | None = None,
    ) -> None:
        self._adapters = dict(adapters)
        self._board = board or Board(is_alone=True)
        self.catalogue = catalogue or Catalogue()
        # Ids of models whose provider refuses a stream that is asked for its usage.
        self.refuse_to_count: set[UUID | None] = set()
        # A breaker that opens or closes, here or elsewhere, changes what is chosen.
        self._board.watch(lambda _breaker, _happening: PULSES.touch())

    async def stream(
        self, request: ModelRequest, endpoint: Endpoint, *, even_if_resting: bool = False
    ) -> AsyncGenerator[StreamEvent, None]:
        """See `ModelPort.stream`. Raises: ModelResting while the breaker is open.

        `even_if_resting`: a person wants to know now; a success closes the breaker.
        """
        breaker = self.breaker(request, endpoint)
        outcome = "cancelled"
        started_ns = unix_ns()
        try:
            if not even_if_resting:
                _enter(breaker)
            started = monotonic_s()
            async with aclosing(self._adapter(endpoint).stream(request, endpoint)) as events:
                is_first = True
                async for event in events:
                    if is_first:
                        is_first = False
                        took_s = monotonic_s() - started
                        FIRST_TOKEN.labels(endpoint.kind).observe(took_s)
                        PULSES.answered(endpoint.model_id, took_s * 1000)
                    if event.__class__ is Usage:
                        _count(event)
                    elif event.__class__ is Finished:
                        # Before the yield: the consumer may not come back after the last event.
                        outcome = "ok"
                        breaker.success()
                    yield event
        except ModelError as error:
            outcome = error.code
            PULSES.failed(endpoint.model_id, error)
            tell(breaker, error)
            raise
        except Exception as exc:
            # A defect in an adapter is a model that is down, for the person who waits: the caller
            # has an answer to that. The text is not logged, it may be a provider's.
            log.error("gateway.adapter_failed", kind=endpoint.kind, error=type(exc).__name__)  # noqa: TRY400
            outcome = ModelBadResponse.code
            breaker.failure()
            raise ModelBadResponse from exc
        finally:
            REQUESTS.labels(endpoint.kind, outcome).inc()
            failed = "" if outcome in {"ok", "cancelled"} else outcome
            called("llm", "stream", started_ns, failed, model=request.model, provider=endpoint.kind)

    async def snapshot(self) -> Snapshot:
        """The catalogue, from memory where it is known."""
        known = self.catalogue.known()
        return known if known is not None else await in_unit(self.catalogue.current)

    async def relay(self, call: RawCall, endpoint: Endpoint) -> RawAnswer:
        """See `ModelPort.relay`. Raises: ModelResting while the breaker is open.

        The caller tells how it ended: `breaker_of(endpoint)`.
        """
        breaker = self.breaker_of(endpoint)
        _enter(breaker)
        started = monotonic_s()
        try:
            answer = await self._adapter(endpoint).relay(call, endpoint)
        except ModelError as error:
            PULSES.failed(endpoint.model_id, error)
            tell(breaker, error)
            raise
        except Exception as exc:
            log.error("gateway.adapter_failed", kind=endpoint.kind, error=type(exc).__name__)  # noqa: TRY400
            breaker.failure()
            raise ModelBadResponse from exc
        PULSES.answered(endpoint.model_id, (monotonic_s() - started) * 1000)
        return answer

    def is_resting(self, endpoint: Endpoint) -> bool:
        """Whether its breaker is open; makes none."""
        breaker = self._board.get(breaker_name(endpoint))
        return breaker is not None and breaker.state == "open"

    def breaker_of(self, endpoint: Endpoint) -> CircuitBreaker:
        """The breaker of an endpoint's own model."""
        return self._breaker(endpoint.model, endpoint)

    async def probe_endpoint(self, endpoint: Endpoint, timeout_s: float) -> EndpointProbe:
        """What the endpoint says of itself."""
        return await self._adapter(endpoint).probe(endpoint, timeout_s)

    async def close(self) -> None:
        """Release what the running event loop holds."""
        for adapter in self._adapters.values():
            await adapter.close()

    async def follow_changes(self) -> None:
        """Hear of changes that other processes make; for the long-lived loop of a process only.

        The bus belongs to one loop: a short-lived one (the test button) must never listen.
        Without this a change is seen after `catalogue.FRESH_FOR_S`.
        """

        def changed(_: Payload) -> None:
            self.catalogue.forget()

        await BUS.get().listen(CHANGED_TOPIC, changed)
        self.catalogue.is_told()

    def breaker(self, request: ModelRequest, endpoint: Endpoint) -> CircuitBreaker:
        """The breaker of the provider and model that are asked."""
        return self._breaker(request.model or endpoint.model, endpoint)

    def _breaker(self, model: str, endpoint: Endpoint) -> CircuitBreaker:
        return self._board.breaker(
            breaker_name(endpoint, model),
            dependency=f"model:{endpoint.kind}",
            title=f"{model} at {endpoint.provider_name or endpoint.kind}",
        )

    def probe(self) -> Probe:
        """For `doctor`: which model is used. Asks no provider, since that costs tokens."""
        try:
            chosen = self.catalogue.choose(None)
        except ModelError:
            return Probe(
                ok=True,
                detail="no model is configured: answers come from memory alone",
                advice="Add a provider on the page Models, or set OPENAI_API_KEY or a like one.",
            )
        except Exception as exc:
            return Probe(ok=False, detail=type(exc).__name__, advice="Look at the database first.")
        return Probe(ok=True, detail=f"{chosen.model} at {chosen.provider_name}")

    def _adapter(self, endpoint: Endpoint) -> ModelPort:
        kind = KINDS.get(endpoint.kind)
        if kind is None:
            raise ModelNotFound
        return self._adapters[kind.wire]


MODELS: Port[ModelRouter] = Port("models")


def breaker_name(endpoint: Endpoint, model: str | None = None) -> str:
    """The name of the breaker of a provider's model."""
    provider = endpoint.provider_id or endpoint.base_url or endpoint.kind
    return f"model:{provider}:{model or endpoint.model}"


def tell(breaker: CircuitBreaker, error: ModelError | None) -> None:
    """Let the breaker know how a call ended (None: well)."""
    if error is None or not (error.counts_against_model or isinstance(error, ModelResting)):
        # It answered, if only to refuse: the model is alive.
        breaker.success()
    elif error.counts_against_model:
        breaker.failure()


def _enter(breaker: CircuitBreaker) -> None:
    try:
        breaker.before_call()
    except BreakerOpen as resting:
        raise ModelResting(retry_after=resting.retry_after) from None


def _count(usage: StreamEvent) -> None:
    if isinstance(usage, Usage):
        TOKENS.labels("input").inc(usage.input_tokens)
        TOKENS.labels("output").inc(usage.output_tokens)
