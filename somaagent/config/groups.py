"""The settings: one class a group, one field a setting.

Owns: names, types, limits, defaults and the documentation of every setting. The variable of a field
is `SA01_` plus its name in capitals, except for the names that the world already knows (see
BrainSettings); a secret may also be given as `<variable>_FILE`.
Never: reads the environment (see `sources`) or compares settings (see `contradictions`).
"""

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic.fields import FieldInfo

from somaagent.config.modes import Mode

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "SA01_"


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _resolve(value: object) -> object:
    return ROOT / Path(value).expanduser() if isinstance(value, str | Path) else value


Hosts = Annotated[tuple[str, ...], BeforeValidator(_split)]
Directory = Annotated[Path, BeforeValidator(_resolve)]


class Group(BaseModel):
    """Ground of every group: frozen, nothing beyond what is declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class ModeSettings(Group):
    """Mode and adapters: what runs here and what is reached over the network."""

    deployment_mode: Mode = Field(
        "standalone", description="`standalone`: everything in one place. `saas`: own services."
    )
    identity_adapter: Literal["embedded", "keycloak"] | None = Field(
        None, description="Who signs people in; unset: as the mode table says."
    )
    authz_adapter: Literal["embedded", "spicedb"] | None = Field(
        None, description="Who answers permission questions; unset: as the mode table says."
    )
    brain_adapter: Literal["embedded", "http"] | None = Field(
        None, description="Where the memory engine runs; unset: as the mode table says."
    )
    billing_adapter: Literal["embedded", "lago"] | None = Field(
        None, description="Who keeps the ledger; unset: as the mode table says."
    )
    policy_adapter: Literal["embedded", "opa"] | None = Field(
        None, description="Who judges tool calls; unset: as the mode table says."
    )
    bus_adapter: Literal["embedded", "kafka"] | None = Field(
        None, description="What carries events between processes; unset: as the mode table says."
    )
    storage_adapter: Literal["embedded", "s3"] | None = Field(
        None, description="Where files are kept; unset: as the mode table says."
    )


class OperatingSettings(Group):
    """Operating mode: what agents may learn and how much is logged."""

    agent_mode: Literal["developer", "training", "test", "production"] = Field(
        "production",
        description="Mode of the platform until a platform admin sets another.",
        json_schema_extra={"variable": "SOMAGENT_MODE"},
    )
    enterprise_mode: bool = Field(
        False,
        description="Only self-hosted models, an audit entry for each answer, learning off.",
        json_schema_extra={"accepted": "true or false", "variable": "ENTERPRISE_MODE"},
    )


class PlaceSettings(Group):
    """Places: directories and addresses."""

    var_dir: Directory = Field(ROOT / "var", description="Directory of all data, logs and sockets.")
    host: str = Field("127.0.0.1", min_length=1, description="Address that the web process binds.")
    port: int = Field(20001, ge=1, le=65535, description="Port that the web process binds.")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/\s]+/?$",
        description="Address under which users reach this installation, without a path.",
        json_schema_extra={"accepted": "an address such as https://agents.example.org"},
    )
    allowed_hosts: Hosts = Field(
        (),
        description="Host names that are answered; unset: this machine and that of public_url.",
        json_schema_extra={"accepted": "host names, separated by commas"},
    )
    admin_email: str = Field(
        "admin@localhost",
        pattern=r"^[^@\s]+@[^@\s]+$",
        description="Sign-in name of the first platform admin, made at the first start.",
        json_schema_extra={"accepted": "an e-mail address"},
    )


class ServiceSettings(Group):
    """Services: PostgreSQL and Valkey. Unset in standalone mode: embedded servers below var_dir."""

    db_dsn: SecretStr | None = Field(
        None,
        description="PostgreSQL connection of the role that owns the tables and migrates them.",
        json_schema_extra={"accepted": "postgresql://user:password@host:5432/database"},
    )
    db_app_dsn: SecretStr | None = Field(
        None,
        description="Connection for tenant work; unset: db_dsn, switched to the role soma_app.",
        json_schema_extra={"accepted": "postgresql://user:password@host:5432/database"},
    )
    db_platform_dsn: SecretStr | None = Field(
        None,
        description="Connection for platform work; unset: db_dsn, switched to soma_platform.",
        json_schema_extra={"accepted": "postgresql://user:password@host:5432/database"},
    )
    db_prepared: bool = Field(
        True,
        description="Keep statements prepared; false behind a pooler that cannot do that.",
        json_schema_extra={"accepted": "true or false"},
    )
    redis_url: SecretStr | None = Field(
        None,
        description="Valkey or Redis connection.",
        json_schema_extra={"accepted": "redis://, rediss:// or unix:// address"},
    )


class BrainSettings(Group):
    """Brain: a memory engine elsewhere. Unset: the one of this installation."""

    brain_url: str | None = Field(
        None,
        pattern=r"^https?://[^/\s]+/?$",
        description="Address of a SomaBrain (or of `manage.py brain`) that keeps the memories.",
        json_schema_extra={
            "accepted": "an address such as http://brain:30001",
            "variable": "SOMA_BRAIN_URL",
        },
    )
    brain_key: SecretStr | None = Field(
        None,
        min_length=8,
        description="Bearer key for brain_url: a platform key (`manage.py brain issue-key`).",
        json_schema_extra={"accepted": "at least 8 characters", "variable": "SOMA_BRAIN_KEY"},
    )
    memory_url: str | None = Field(
        None,
        pattern=r"^https?://[^/\s]+/?$",
        description="Address of a SomaFractalMemory: keeps and finds while the brain is down.",
        json_schema_extra={
            "accepted": "an address such as http://memory:10001",
            "variable": "SOMA_MEMORY_URL",
        },
    )
    memory_key: SecretStr | None = Field(
        None,
        min_length=8,
        description="Bearer key for memory_url; unset: brain_key.",
        json_schema_extra={"accepted": "at least 8 characters", "variable": "SOMA_MEMORY_KEY"},
    )


class EmbeddingSettings(Group):
    """Embeddings of memories. Unset: the model that comes with the product, on this machine."""

    embedding_url: str | None = Field(
        None,
        pattern=r"^https?://[^/\s]+(/[^\s?#]*)?$",
        description="OpenAI-compatible endpoint that embeds memories and questions instead.",
        json_schema_extra={"accepted": "an address such as http://127.0.0.1:8000/v1"},
    )
    embedding_model: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Its model; after a change, memories are embedded again in the background.",
    )
    embedding_key: SecretStr | None = Field(
        None,
        min_length=1,
        description="Bearer key for embedding_url.",
        json_schema_extra={"accepted": "a key of the endpoint"},
    )


class EventSettings(Group):
    """Events: Kafka, when `bus_adapter` is kafka. Needs the client of requirements/kafka.txt."""

    kafka_bootstrap_servers: str | None = Field(
        None,
        min_length=3,
        description="Kafka brokers that the events of the outbox go through.",
        json_schema_extra={"accepted": "host:port, more after a comma"},
    )
    kafka_topic_prefix: str = Field(
        "soma.",
        pattern=r"^[a-zA-Z0-9._-]{0,100}$",
        description="What the names of our topics begin with.",
        json_schema_extra={"accepted": "letters, digits, dots, dashes"},
    )
    kafka_partitions: int = Field(
        6, ge=1, le=1000, description="Partitions of topics that are made here."
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How the brokers are spoken to."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How we sign in to the brokers, with a SASL protocol."
    )
    kafka_sasl_username: str | None = Field(
        None, min_length=1, description="User at the brokers, with a SASL protocol."
    )
    kafka_sasl_password: SecretStr | None = Field(
        None,
        min_length=1,
        description="Password at the brokers, with a SASL protocol.",
        json_schema_extra={"accepted": "any text"},
    )
    kafka_ca_file: str | None = Field(
        None,
        min_length=1,
        description="Certificates that the brokers' are checked against; unset: the system's.",
        json_schema_extra={"accepted": "path of a PEM file"},
    )


class IdentitySettings(Group):
    """Accounts: Keycloak, when `identity_adapter` is keycloak."""

    keycloak_url: str | None = Field(
        None,
        pattern=r"^https?://[^/\s]+(/[^\s?#]*)?$",
        description="Address of Keycloak, as people's browsers and this server both reach it.",
        json_schema_extra={"accepted": "an address such as https://id.example.org"},
    )
    keycloak_realm: str = Field(
        "somaagent",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="The realm of the accounts; `manage.py keycloak_sync` makes it.",
        json_schema_extra={"accepted": "letters, digits, dots, dashes"},
    )
    keycloak_client_id: str = Field(
        "somaagent",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="What this platform is called there.",
        json_schema_extra={"accepted": "letters, digits, dots, dashes"},
    )
    keycloak_client_secret: SecretStr | None = Field(
        None,
        min_length=16,
        description="Its secret there.",
        json_schema_extra={"accepted": "at least 16 random characters"},
    )
    keycloak_admin: str = Field(
        "admin",
        min_length=1,
        description="An administrator of Keycloak's realm master, for `keycloak_sync` alone.",
    )
    keycloak_admin_password: SecretStr | None = Field(
        None,
        min_length=1,
        description="The administrator's password; unset: no realm is made or changed.",
        json_schema_extra={"accepted": "any text"},
    )


class AuthzSettings(Group):
    """Permissions: SpiceDB, when `authz_adapter` is spicedb. Client: requirements/spicedb.txt."""

    spicedb_address: str | None = Field(
        None,
        pattern=r"^[^\s/]+:\d+$",
        description="SpiceDB's gRPC address.",
        json_schema_extra={"accepted": "host:port"},
    )
    spicedb_key: SecretStr | None = Field(
        None, min_length=8, description="SpiceDB's pre-shared key.",
        json_schema_extra={"accepted": "at least 8 characters"},
    )  # fmt: skip
    spicedb_tls: bool = Field(
        True,
        description="Whether the line to SpiceDB is encrypted.",
        json_schema_extra={"accepted": "true or false"},
    )


class StorageSettings(Group):
    """Files: S3, when `storage_adapter` is s3; embedded: a folder below var_dir."""

    s3_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^/\s]+/?$",
        description="Address of the S3 service; unset: AWS, in s3_region.",
        json_schema_extra={"accepted": "an address such as https://s3.example.org"},
    )
    s3_region: str = Field(
        "us-east-1",
        pattern=r"^[a-z0-9-]{1,64}$",
        description="Region of the bucket; other services than AWS say which name they want.",
        json_schema_extra={"accepted": "lower-case letters, digits, dashes"},
    )
    s3_bucket: str | None = Field(
        None,
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="The bucket; it is not made here.",
        json_schema_extra={"accepted": "3 to 63 lower-case letters, digits, dots, dashes"},
    )
    s3_prefix: str = Field(
        "",
        pattern=r"^([A-Za-z0-9_-][A-Za-z0-9._-]*/){0,8}$",
        max_length=100,
        description="What the names of our objects begin with, where the bucket has others too.",
        json_schema_extra={"accepted": "a path that ends with a slash, up to 100 characters"},
    )
    s3_key_id: str | None = Field(
        None,
        min_length=1,
        description="Id of the access key; unset: the role that the machine has at AWS.",
    )
    s3_secret: SecretStr | None = Field(
        None,
        min_length=8,
        description="The access key's secret.",
        json_schema_extra={"accepted": "at least 8 characters"},
    )
    s3_path_style: bool = Field(
        True,
        description="Whether the bucket is in the path of an address; false: in the host's name.",
        json_schema_extra={"accepted": "true or false"},
    )
    s3_ca_file: str | None = Field(
        None,
        min_length=1,
        description="Certificates that the service's is checked against; unset: the public ones.",
        json_schema_extra={"accepted": "path of a PEM file"},
    )


class SecretSettings(Group):
    """Secrets. Unset in standalone mode: made once, kept in var/secrets (mode 0600)."""

    secret_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Signs sessions and one-time links.",
        json_schema_extra={"accepted": "at least 32 random characters"},
    )
    encryption_keys: SecretStr | None = Field(
        None,
        description="Key ring for stored secrets; the first key seals, all keys open.",
        json_schema_extra={"accepted": "id:base64 of 32 bytes, more keys after a comma"},
    )


class ProcessSettings(Group):
    """Processes: sizes and deadlines."""

    web_workers: int = Field(1, ge=1, le=64, description="Web processes.")
    wsgi_threads: int = Field(8, ge=1, le=256, description="Threads for synchronous requests.")
    unit_threads: int = Field(8, ge=1, le=256, description="Threads for database units of turns.")
    embedding_threads: int = Field(1, ge=1, le=64, description="Threads of the embedding model.")
    turn_lease_s: int = Field(
        10, ge=5, le=600, description="Seconds until a turn without a sign of life is given up."
    )
    stream_batch_ms: int = Field(
        25, ge=1, le=1000, description="Milliseconds for which streamed frames are gathered."
    )
    recall_deadline_ms: int = Field(
        300, ge=10, le=10000, description="Milliseconds that a turn waits for memory."
    )
    model_first_token_s: int = Field(
        90, ge=1, le=3600, description="Seconds that a turn waits for a model's first token."
    )
    model_idle_s: int = Field(
        60, ge=1, le=3600, description="Longest silence of a model within an answer, in seconds."
    )
    model_total_s: int = Field(
        900, ge=1, le=86400, description="Seconds after which an answer is cut in any case."
    )
    health_interval_s: float = Field(
        30, ge=0.2, le=3600, description="Seconds between two looks at a healthy service."
    )
    breaker_rest_s: float = Field(
        30, ge=0.2, le=3600, description="Seconds for which a service that failed is left alone."
    )
    token_counts: Literal["estimated", "exact"] = Field(
        "estimated",
        description="`exact`: by the model's own tokenizer where it is known; takes up to 125 MB.",
    )
    privacy_model: str | None = Field(
        None,
        min_length=1,
        description="spaCy pipeline that names persons and places where personal data is hidden.",
        json_schema_extra={"accepted": "the name of an installed pipeline, or its directory"},
    )
    max_message_chars: int = Field(
        200_000, ge=1000, le=2_000_000, description="Longest message, in characters."
    )
    calls_kept_days: int = Field(
        400,
        ge=30,
        le=3660,
        description="Days for which single calls of models are kept; sums stay.",
    )


class SessionSettings(Group):
    """Sessions of signed-in people."""

    session_idle_minutes: int = Field(
        720, ge=5, le=43200, description="Minutes without a request after which a session ends."
    )
    session_absolute_hours: int = Field(
        336, ge=1, le=8760, description="Hours after which a session ends in any case."
    )
    session_limit: int = Field(
        5, ge=1, le=1000, description="Open sessions of a person; a tenant may set its own limit."
    )
    sso_private_addresses: bool = Field(
        False,
        description="Whether tenants' identity providers may be at private addresses, over HTTP.",
        json_schema_extra={"accepted": "true or false"},
    )
    registration: bool = Field(
        False,
        description="Whether people may make accounts without an invitation.",
        json_schema_extra={"accepted": "true or false"},
    )
    password_grant: bool | None = Field(
        None,
        description="Whether programs may exchange a person's password for tokens; unset: in "
        "standalone mode.",
        json_schema_extra={"accepted": "true or false"},
    )


class MailSettings(Group):
    """Mail: how messages leave. Unset: they stay in the outbox of mails."""

    smtp_url: SecretStr | None = Field(
        None,
        description="Server that takes mails; a user and password in it are used.",
        json_schema_extra={
            "accepted": "smtp://, smtp+starttls:// or smtps://user:password@host:port"
        },
    )
    mail_from: str = Field(
        "SomaAgent <no-reply@localhost>",
        min_length=3,
        description="Sender of mails.",
        json_schema_extra={"accepted": "an address, with or without a name before it"},
    )


class LogSettings(Group):
    """Logs: structured, without the content of conversations."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is written."
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="One object a line, or text."
    )


class TraceSettings(Group):
    """Traces: sent to a collector over OTLP/HTTP. Needs requirements/telemetry.txt."""

    otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^/\s]+/?$",
        description="Address of an OpenTelemetry collector; unset: no traces are sent.",
        json_schema_extra={"accepted": "an address such as http://collector:4318"},
    )
    otlp_headers: SecretStr | None = Field(
        None,
        min_length=3,
        description="Headers for the collector, such as its key.",
        json_schema_extra={"accepted": "name=value, more after a comma"},
    )


GROUPS: tuple[type[Group], ...] = (
    ModeSettings,
    OperatingSettings,
    PlaceSettings,
    ServiceSettings,
    BrainSettings,
    EmbeddingSettings,
    EventSettings,
    IdentitySettings,
    AuthzSettings,
    StorageSettings,
    SecretSettings,
    ProcessSettings,
    SessionSettings,
    MailSettings,
    LogSettings,
    TraceSettings,
)


def fields_in_order() -> list[tuple[str, FieldInfo]]:
    """Return every field with its name, in the order in which they are documented."""
    return [pair for group in GROUPS for pair in group.model_fields.items()]


def variable_of(name: str) -> str:
    """Return the environment variable of a field."""
    extra = dict(fields_in_order())[name].json_schema_extra
    own = extra.get("variable") if isinstance(extra, dict) else None
    return str(own) if own else PREFIX + name.upper()


def is_secret(field: FieldInfo) -> bool:
    """Whether the value must never be shown, and may be given as a file."""
    return SecretStr in (field.annotation, *get_args(field.annotation))
