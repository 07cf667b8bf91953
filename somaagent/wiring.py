"""Config -> adapters: the only module that names them."""

from collections.abc import Callable
from functools import partial

from django.conf import settings
from redis.exceptions import RedisError

from chat.facade import AgentTurns, ChatWorkspace
from gateway.adapters.litellm import LiteLLM
from gateway.adapters.openai_wire import OpenAIWire
from gateway.ledger.book import BOOK, Book
from gateway.router import MODELS, ModelRouter
from gateway.v1.agents import AGENTS
from health.events import Teller
from health.monitor import Monitor
from health.services import configured
from kernel import outbox
from kernel.breakers import Board
from kernel.bus.backbone import BACKBONE, Backbone
from kernel.bus.kafka import KafkaBackbone, KafkaPlace
from kernel.bus.ports import BUS
from kernel.bus.postgres import PostgresBackbone
from kernel.bus.valkey import ValkeyBus
from kernel.condition import CONDITION
from kernel.ports import Probed, bind
from kernel.storage.local import LocalStorage
from kernel.storage.ports import STORAGE, Storage
from kernel.storage.s3 import S3Place, S3Storage
from kernel.valkey import sync_client
from memory.brain_embedded import EmbeddedBrain
from memory.brain_http import FractalMemory, HttpBrain
from memory.embedding.embedder import TextEmbedder
from memory.embedding.endpoint import EndpointEmbedder
from memory.embedding.handover import Handover
from memory.embedding.minilm import Embedder
from memory.ports import BRAIN
from memory.workspace import WORKSPACE
from saas.authz.embedded import EmbeddedAuthority
from saas.authz.ports import AUTHORITY, Authority
from saas.authz.spicedb.authority import SpiceDBAuthority, SpiceDBPlace
from saas.identity.embedded import EmbeddedIdentity
from saas.identity.port import IDENTITY, Identity
from saas.keycloak.identity import KeycloakIdentity, KeycloakPlace
from somaagent.config import Config
from somaagent.waking import Waker

WANTED_LIFE_S = 10


def wire() -> None:
    """Bind every port of this process."""
    bind(BUS, ValkeyBus())
    bind(IDENTITY, identity_of(settings.SOMA))
    bind(AUTHORITY, _authority(settings.SOMA))
    bind(BACKBONE, _backbone(settings.SOMA))
    board = Board(reset_after_s=settings.SOMA.breaker_rest_s)
    bind(STORAGE, storage_of(settings.SOMA, board))
    bind(MODELS, ModelRouter({"openai": OpenAIWire(), "litellm": LiteLLM()}, board=board))
    bind(BOOK, Book(settings.SOMA.ledger_dir, f"{settings.SOMA.effective_public_url}/usage"))
    others: dict[str, Probed] = {}
    if settings.SOMA.events_use_kafka:
        others["kafka"] = BACKBONE.get()
    if settings.SOMA.accounts_in_keycloak:
        others["keycloak"] = IDENTITY.get()
    if settings.SOMA.authz_is_spicedb:
        others["spicedb"] = AUTHORITY.get()
    if settings.SOMA.brain_is_remote:
        brain = _remote_brain(settings.SOMA)
        board.enrol(brain.transport.breaker)
        bind(BRAIN, brain)
        if brain.fallback is not None:
            board.enrol(brain.fallback.transport.breaker)
            others["somafractalmemory"] = brain.fallback
    else:
        bind_embedded_brain(Waker("soma-wake-indexer", _wake_indexer))
    bind(WORKSPACE, ChatWorkspace())
    bind(AGENTS, AgentTurns())
    watched = partial(configured, board, others)
    interval_s = settings.SOMA.health_interval_s
    bind(CONDITION, Monitor(watched, board, interval_s=interval_s, tell=Teller()))
    outbox.set_wake(Waker("soma-wake-relay", _wake_relay))

    if settings.SOMA.otlp_endpoint is not None:
        from somaagent.telemetry import send_traces  # the SDK is heavy, and an extra

        mode = settings.SOMA.deployment_mode
        send_traces(settings.SOMA.otlp_endpoint, settings.SOMA.otlp_header_map(), mode)


def bind_embedded_brain(wake: Callable[[], None]) -> None:
    """Bind the engine of this installation; `wake` is called after commits that left work."""
    chosen = embedder(settings.SOMA)
    chosen.handover = Handover(chosen.model, partial(Waker, "soma-hand-over"))
    bind(BRAIN, EmbeddedBrain(chosen, wake))


def embedder(config: Config) -> TextEmbedder:
    """The model that comes with the product, or the endpoint that the settings name."""
    if config.embedding_url is None or config.embedding_model is None:
        return Embedder(threads=config.embedding_threads)
    key = config.embedding_key.get_secret_value() if config.embedding_key else None
    return EndpointEmbedder(config.embedding_url, config.embedding_model, key)


def identity_of(config: Config) -> Identity:
    """Keycloak, or the accounts of this installation."""
    if not config.accounts_in_keycloak:
        return EmbeddedIdentity()
    secret = config.keycloak_client_secret
    return KeycloakIdentity(
        KeycloakPlace(
            config.keycloak_url or "",
            config.keycloak_realm,
            config.keycloak_client_id,
            secret.get_secret_value() if secret else "",
            f"{config.effective_public_url}/",
        )
    )


def storage_of(config: Config, board: Board) -> Storage:
    """The bucket, or the folder of this installation."""
    if not config.files_in_s3:
        return folder_of(config)
    secret = config.s3_secret
    place = S3Place(
        config.s3_bucket or "",
        config.s3_endpoint,
        config.s3_region,
        config.s3_key_id,
        secret.get_secret_value() if secret else None,
        config.s3_prefix,
        path_style=config.s3_path_style,
        ca_file=config.s3_ca_file,
    )
    guard = board.breaker("storage", dependency="storage", title="File storage")
    return S3Storage(place, breaker=guard)


def folder_of(config: Config) -> LocalStorage:
    """Files below var_dir."""
    return LocalStorage(config.objects_dir)


def _authority(config: Config) -> Authority:
    """SpiceDB, or the tables of this installation."""
    if not config.authz_is_spicedb:
        return EmbeddedAuthority()
    key = config.spicedb_key.get_secret_value() if config.spicedb_key else ""
    place = SpiceDBPlace(config.spicedb_address or "", key, tls=config.spicedb_tls)
    return SpiceDBAuthority(place)


def _backbone(config: Config) -> Backbone:
    """Kafka, or the log in the database."""
    if not config.events_use_kafka:
        return PostgresBackbone()
    place = KafkaPlace(
        config.kafka_bootstrap_servers or "",
        config.kafka_topic_prefix,
        config.kafka_partitions,
        options=config.kafka_options(),
    )
    return KafkaBackbone(place)


def _remote_brain(config: Config) -> HttpBrain:
    """A brain at SOMA_BRAIN_URL, with SOMA_MEMORY_URL behind it when given."""
    key = config.brain_key.get_secret_value() if config.brain_key else ""
    fallback = None
    if config.memory_url is not None:
        own = config.memory_key.get_secret_value() if config.memory_key else key
        fallback = FractalMemory(config.memory_url, own)
    return HttpBrain(str(config.brain_url), key, fallback)


def _wake_indexer() -> None:
    """After a memory was stored: its embedding follows in the worker."""
    from somaagent import celery

    celery.wake("memory.index_pending")


def _wake_relay() -> None:
    """After a commit: one task for any number of commits until the relay begins."""
    from somaagent import celery, tasks  # celery is heavy: commands do not need it

    try:
        first = sync_client().set(tasks.RELAY_WANTED, b"1", nx=True, ex=WANTED_LIFE_S)
    except RedisError:
        return
    if first:
        celery.wake("somaagent.relay_outbox")
