"""The configuration of one process: every setting, and what is derived from them.

Owns: `Config` and its derived addresses, connection strings and keys. The same settings always give
the same addresses, so that a second terminal finds the running services without being told.
Never: reads the environment (see `sources`) or judges values (see `groups`, `contradictions`).
"""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import PrivateAttr

from somaagent.config import groups, local_secrets
from somaagent.config.modes import MODES, Port
from somaagent.config.wording import Described, redacted

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
Role = Literal["owner", "app", "platform"]
ROLE_NAMES: Mapping[Role, str] = {
    "owner": "soma_owner",
    "app": "soma_app",
    "platform": "soma_platform",
}
DATABASE_NAME = "soma"


class Config(
    groups.TraceSettings,
    groups.LogSettings,
    groups.MailSettings,
    groups.SessionSettings,
    groups.ProcessSettings,
    groups.SecretSettings,
    groups.StorageSettings,
    groups.EventSettings,
    groups.AuthzSettings,
    groups.IdentitySettings,
    groups.BrainSettings,
    groups.EmbeddingSettings,
    groups.ServiceSettings,
    groups.PlaceSettings,
    groups.OperatingSettings,
    groups.ModeSettings,
):
    """All settings of one process, frozen, each with the source that it came from."""

    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    def remember_sources(self, sources: Mapping[str, str]) -> None:
        """Keep where each value came from; called once, by `load`."""
        self._sources.update(sources)

    def source_of(self, name: str) -> str:
        """Return where the value of `name` came from, in words."""
        return self._sources.get(name, "default")

    def describe(self) -> list[Described]:
        """Return every effective setting with its source; secrets redacted."""
        return [
            Described(
                groups.variable_of(name),
                redacted(getattr(self, name)),
                self.source_of(name),
                field.description or "",
            )
            for name, field in groups.fields_in_order()
        ]

    @property
    def is_standalone(self) -> bool:
        """Whether missing services and secrets may be made here."""
        return self.deployment_mode == "standalone"

    @property
    def uses_embedded_postgres(self) -> bool:
        """Whether `up` starts PostgreSQL itself."""
        return self.db_dsn is None

    @property
    def uses_embedded_valkey(self) -> bool:
        """Whether `up` starts Valkey itself."""
        return self.redis_url is None

    @property
    def socket_dir(self) -> Path:
        """Directory of the sockets of embedded services; the same for every process."""
        return local_secrets.socket_dir(self.var_dir)

    @property
    def postgres_socket_dir(self) -> Path:
        """Directory of the embedded PostgreSQL's socket (port 5432)."""
        return self.socket_dir / "pg"

    @property
    def valkey_socket(self) -> Path:
        """Socket of the embedded Valkey."""
        return self.socket_dir / "valkey.sock"

    @property
    def ledger_dir(self) -> Path:
        """Directory of the journals of what is not settled yet."""
        return self.var_dir / "ledger"

    @property
    def effective_public_url(self) -> str:
        """Address that users open, without a closing slash."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104
        bracketed = f"[{host}]" if ":" in host else host
        return (self.public_url or f"http://{bracketed}:{self.port}").rstrip("/")

    @property
    def effective_password_grant(self) -> bool:
        """Whether a program may send a password: on a machine of one's own, unless set."""
        return self.is_standalone if self.password_grant is None else self.password_grant

    @property
    def effective_allowed_hosts(self) -> tuple[str, ...]:
        """Host names that requests may carry."""
        if self.allowed_hosts:
            return self.allowed_hosts
        public = urlsplit(self.effective_public_url).hostname or ""
        return tuple(dict.fromkeys((*LOOPBACK_HOSTS, public)))

    def adapter(self, port: Port) -> str:
        """Return the name of the adapter that serves `port`: the override, or the mode's.

        A brain whose address is given is used.
        """
        override: str | None = getattr(self, f"{port}_adapter")
        if port == "brain" and override is None and self.brain_url is not None:
            return "http"
        return override or MODES[self.deployment_mode][port]

    @property
    def brain_is_remote(self) -> bool:
        """Whether memories are kept by a brain elsewhere."""
        return self.adapter("brain") == "http"

    @property
    def events_use_kafka(self) -> bool:
        """Whether events go through Kafka instead of the log in the database."""
        return self.adapter("bus") == "kafka"

    @property
    def accounts_in_keycloak(self) -> bool:
        """Whether Keycloak keeps people's accounts."""
        return self.adapter("identity") == "keycloak"

    @property
    def keycloak_issuer(self) -> str:
        """The realm's issuer; empty where accounts are kept here."""
        if not self.accounts_in_keycloak or self.keycloak_url is None:
            return ""
        return f"{self.keycloak_url.rstrip('/')}/realms/{self.keycloak_realm}"

    @property
    def authz_is_spicedb(self) -> bool:
        """Whether SpiceDB answers permission questions."""
        return self.adapter("authz") == "spicedb"

    @property
    def files_in_s3(self) -> bool:
        """Whether files are kept in S3 instead of a folder."""
        return self.adapter("storage") == "s3"

    @property
    def objects_dir(self) -> Path:
        """Directory of the files where they are kept here."""
        return self.var_dir / "objects"

    def mail_options(self) -> dict[str, Any]:
        """Django's settings of e-mail; empty: nothing is sent."""
        if self.smtp_url is None:
            return {}
        parts = urlsplit(self.smtp_url.get_secret_value())
        is_tls = parts.scheme == "smtps"
        return {
            "EMAIL_HOST": parts.hostname or "",
            "EMAIL_PORT": parts.port or (465 if is_tls else 587),
            "EMAIL_HOST_USER": unquote(parts.username or ""),
            "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
            "EMAIL_USE_SSL": is_tls,
            "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
        }

    def otlp_header_map(self) -> dict[str, str]:
        """Headers for the collector, by name."""
        text = self.otlp_headers.get_secret_value() if self.otlp_headers else ""
        pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
        return {name.strip(): value.strip() for name, _, value in pairs}

    def kafka_options(self) -> dict[str, str]:
        """What the Kafka client (librdkafka) is told about TLS and sign-in."""
        options: dict[str, str] = {"security.protocol": self.kafka_security_protocol}
        if self.kafka_security_protocol.startswith("SASL_"):
            password = self.kafka_sasl_password
            options |= {
                "sasl.mechanism": self.kafka_sasl_mechanism,
                "sasl.username": self.kafka_sasl_username or "",
                "sasl.password": password.get_secret_value() if password else "",
            }
        if self.kafka_ca_file is not None:
            options["ssl.ca.location"] = self.kafka_ca_file
        return options

    def effective_db_dsn(self, role: Role) -> str:
        """Return the connection string for `role`: owner (migrations), app or platform.

        Embedded: derived from var_dir, so that every process finds it without being told.
        External with only `db_dsn`: the same login, switched to the role by a start-up option.
        """
        if self.db_dsn is None:
            host = quote(str(self.postgres_socket_dir), safe="")
            return f"postgresql://{ROLE_NAMES[role]}@/{DATABASE_NAME}?host={host}"
        owner = self.db_dsn.get_secret_value()
        own = {"owner": None, "app": self.db_app_dsn, "platform": self.db_platform_dsn}[role]
        if own is not None:
            return own.get_secret_value()
        return owner if role == "owner" else _switched(owner, ROLE_NAMES[role])

    def effective_redis_url(self) -> str:
        """Return the Valkey address; embedded: the socket below var_dir."""
        if self.redis_url is None:
            return f"unix://{quote(str(self.valkey_socket))}"
        return self.redis_url.get_secret_value()

    def effective_secret_key(self) -> str:
        """Return the signing key, made in var/secrets the first time in standalone mode.

        Raises: ConfigError when it is lost or cannot be kept.
        """
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        return local_secrets.read_or_create(
            self.var_dir, "secret_key", "SA01_SECRET_KEY", local_secrets.new_secret_key
        )

    def effective_encryption_keys(self) -> dict[str, bytes]:
        """Return the key ring {id: 32 bytes}, the sealing key first.

        Raises: ConfigError when it is lost or cannot be kept.
        """
        if self.encryption_keys is not None:
            return parse_key_ring(self.encryption_keys.get_secret_value())
        text = local_secrets.read_or_create(
            self.var_dir,
            "encryption_keys",
            "SA01_ENCRYPTION_KEYS",
            local_secrets.new_encryption_keys,
        )
        return parse_key_ring(text)


def parse_key_ring(text: str) -> dict[str, bytes]:
    """Parse `id:base64,id:base64`, in order.

    Raises: ValueError naming the entry (never its key) that is wrong.
    """
    ring: dict[str, bytes] = {}
    for position, entry in enumerate(text.split(","), 1):
        key_id, _, encoded = entry.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError:
            key = b""
        if not key_id or len(key) != 32:
            msg = f"key {position} is not id:base64 of 32 bytes"
            raise ValueError(msg)
        if key_id in ring:
            msg = f"the id {key_id} is used twice"
            raise ValueError(msg)
        ring[key_id] = key
    return ring


def _switched(dsn: str, role: str) -> str:
    given = conninfo_to_dict(dsn).get("options")
    switch = f"-c role={role}"
    return make_conninfo(dsn, options=f"{given} {switch}" if given else switch)
