"""Settings that are each fine and wrong together.

Owns: every rule between two settings, and what a mode needs. Pure; returns findings, all of them.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit

from psycopg import Error as PsycopgError
from psycopg.conninfo import conninfo_to_dict

from somaagent.config.findings import Finding
from somaagent.config.groups import variable_of
from somaagent.config.modes import AVAILABLE, PORTS
from somaagent.config.schema import LOOPBACK_HOSTS, Config, parse_key_ring
from somaagent.config.wording import HIDDEN, UNSET, redacted

MAIL_SCHEMES = frozenset({"smtp", "smtp+starttls", "smtps"})
SAAS_NEEDS = ("db_dsn", "redis_url", "secret_key", "encryption_keys", "public_url")


def contradictions(config: Config) -> list[Finding]:
    """Return everything that does not fit together, in the order of the settings."""
    rules = (
        _adapters,
        _saas_needs,
        _hosts,
        _databases,
        _redis,
        _mail,
        _brain,
        _embedding,
        _events,
        _identity,
        _authz,
        _storage,
        _traces,
        _secrets,
        _sessions,
    )
    return [finding for rule in rules for finding in rule(config)]


def _adapters(config: Config) -> Iterator[Finding]:
    for port in PORTS:
        name = config.adapter(port)
        if name in AVAILABLE[port]:
            continue
        accepted = f"{' or '.join(sorted(AVAILABLE[port]))}; {name} is not part of this version"
        yield Finding(variable_of(f"{port}_adapter"), name, accepted)


def _saas_needs(config: Config) -> Iterator[Finding]:
    if config.is_standalone:
        return
    for name in SAAS_NEEDS:
        if getattr(config, name) is None:
            yield Finding(variable_of(name), UNSET, "saas mode needs it; there is no default")


def _hosts(config: Config) -> Iterator[Finding]:
    hosts = config.effective_allowed_hosts
    only_loopback = set(hosts) <= set(LOOPBACK_HOSTS)
    variable, given = variable_of("allowed_hosts"), redacted(config.allowed_hosts)
    if not config.is_standalone and config.allowed_hosts and only_loopback:
        yield Finding(variable, given, "a name under which others reach it; this is saas mode")
    if not _is_loopback(config.host) and only_loopback:
        accepted = f"a name under which others reach it; {variable_of('host')} is {config.host}"
        yield Finding(variable, given, accepted)
    public = urlsplit(config.effective_public_url).hostname or ""
    if config.allowed_hosts and not _matches(public, config.allowed_hosts):
        yield Finding(
            variable, given, f"a list that holds {public}, the host of the public address"
        )


def _databases(config: Config) -> Iterator[Finding]:
    users: dict[str, str] = {}
    for name in ("db_dsn", "db_app_dsn", "db_platform_dsn"):
        secret = getattr(config, name)
        if secret is None:
            continue
        try:
            parts = conninfo_to_dict(secret.get_secret_value())
        except PsycopgError:
            accepted = "postgresql://user:password@host:5432/database"
            yield Finding(variable_of(name), f"{HIDDEN} that does not parse", accepted)
            continue
        user = str(parts.get("user") or "")
        if user and user in users:
            accepted = f"another user than that of {users[user]}: row-level security needs it"
            yield Finding(variable_of(name), f"the user {user}", accepted)
        users[user] = variable_of(name)
    app, platform = config.db_app_dsn is not None, config.db_platform_dsn is not None
    if app != platform:
        missing, given = ("platform", "app") if app else ("app", "platform")
        variable = variable_of(f"db_{missing}_dsn")
        yield Finding(variable, UNSET, f"both or neither; db_{given}_dsn is set")
    if (app or platform) and config.db_dsn is None:
        accepted = "the owner's connection; the app's and the platform's alone cannot migrate"
        yield Finding(variable_of("db_dsn"), UNSET, accepted)


def _redis(config: Config) -> Iterator[Finding]:
    if config.redis_url is None:
        return
    if urlsplit(config.redis_url.get_secret_value()).scheme not in {"redis", "rediss", "unix"}:
        accepted = "an address that starts with redis://, rediss:// or unix://"
        yield Finding(variable_of("redis_url"), f"{HIDDEN} with another scheme", accepted)


def _mail(config: Config) -> Iterator[Finding]:
    # A pattern of the setting itself would need the secret in clear.
    text = config.smtp_url.get_secret_value() if config.smtp_url else ""
    parts = urlsplit(text)
    if text and (parts.scheme not in MAIL_SCHEMES or not parts.hostname or parts.path.strip("/")):
        accepted = "smtp://, smtp+starttls:// or smtps://user:password@host:port"
        yield Finding(variable_of("smtp_url"), f"{HIDDEN} of another shape", accepted)


def _without_its_adapter(config: Config, name: str, chosen_by: str) -> Iterator[Finding]:
    """A setting that nothing reads, because the adapter that would is not chosen."""
    value = getattr(config, name)
    if value is not None:
        yield Finding(variable_of(name), value, f"{chosen_by}; or unset it")


def _brain(config: Config) -> Iterator[Finding]:
    variable = variable_of("brain_url")
    if not config.brain_is_remote:
        chosen_by = f"{variable_of('brain_adapter')}=http"
        yield from _without_its_adapter(config, "brain_url", chosen_by)
        return
    if config.brain_url is None:
        accepted = f"the address of the brain; or {variable_of('brain_adapter')}=embedded"
        yield Finding(variable, UNSET, accepted)
        return
    if config.brain_key is None:
        accepted = "the key that `manage.py brain issue-key --platform` shows"
        yield Finding(variable_of("brain_key"), UNSET, accepted)
    if config.memory_url is not None and config.memory_url.rstrip("/") == config.brain_url.rstrip(
        "/"
    ):
        accepted = f"another address than {variable}: it stands in when the brain is down"
        yield Finding(variable_of("memory_url"), config.memory_url, accepted)


def _embedding(config: Config) -> Iterator[Finding]:
    url, model = variable_of("embedding_url"), variable_of("embedding_model")
    if config.embedding_url is None and config.embedding_model is not None:
        yield Finding(url, UNSET, f"the address of the endpoint; or unset {model}")
    if config.embedding_url is not None and config.embedding_model is None:
        yield Finding(model, UNSET, "the name of a model that embeds there")


def _events(config: Config) -> Iterator[Finding]:
    variable = variable_of("kafka_bootstrap_servers")
    if not config.events_use_kafka:
        chosen_by = f"{variable_of('bus_adapter')}=kafka"
        yield from _without_its_adapter(config, "kafka_bootstrap_servers", chosen_by)
        return
    if config.kafka_bootstrap_servers is None:
        accepted = f"the brokers' addresses; or {variable_of('bus_adapter')}=embedded"
        yield Finding(variable, UNSET, accepted)
    if find_spec("confluent_kafka") is None:
        accepted = "its client: .venv/bin/python -m pip install -r requirements/kafka.txt"
        yield Finding(variable_of("bus_adapter"), "kafka, without its client", accepted)
    if config.kafka_security_protocol.startswith("SASL_"):
        for name in ("kafka_sasl_username", "kafka_sasl_password"):
            if getattr(config, name) is None:
                accepted = f"needed with {config.kafka_security_protocol}"
                yield Finding(variable_of(name), UNSET, accepted)


def _identity(config: Config) -> Iterator[Finding]:
    adapter = variable_of("identity_adapter")
    if not config.accounts_in_keycloak:
        yield from _without_its_adapter(config, "keycloak_url", f"{adapter}=keycloak")
        return
    for name in ("keycloak_url", "keycloak_client_secret"):
        if getattr(config, name) is None:
            accepted = f"needed with Keycloak; or {adapter}=embedded"
            yield Finding(variable_of(name), UNSET, accepted)
    if config.registration:
        accepted = "false; with Keycloak the realm says whether people register"
        yield Finding(variable_of("registration"), "true", accepted)
    if config.password_grant:
        accepted = "false; with Keycloak no password is known here"
        yield Finding(variable_of("password_grant"), "true", accepted)


def _authz(config: Config) -> Iterator[Finding]:
    names = ("spicedb_address", "spicedb_key")
    adapter = variable_of("authz_adapter")
    if not config.authz_is_spicedb:
        yield from _without_its_adapter(config, "spicedb_address", f"{adapter}=spicedb")
        return
    for name in names:
        if getattr(config, name) is None:
            yield Finding(variable_of(name), UNSET, f"needed with {adapter}=spicedb")
    if find_spec("authzed") is None:
        accepted = "its client: .venv/bin/python -m pip install -r requirements/spicedb.txt"
        yield Finding(adapter, "spicedb, without its client", accepted)


def _storage(config: Config) -> Iterator[Finding]:
    adapter = variable_of("storage_adapter")
    if not config.files_in_s3:
        yield from _without_its_adapter(config, "s3_bucket", f"{adapter}=s3")
        return
    if config.s3_bucket is None:
        accepted = f"the name of a bucket; or {adapter}=embedded"
        yield Finding(variable_of("s3_bucket"), UNSET, accepted)
    if (config.s3_key_id is None) != (config.s3_secret is None):
        missing = "s3_key_id" if config.s3_key_id is None else "s3_secret"
        yield Finding(variable_of(missing), UNSET, "key id and secret, or neither")
    if config.s3_endpoint is not None and config.s3_key_id is None:
        accepted = f"needed with {variable_of('s3_endpoint')}: roles are of AWS"
        yield Finding(variable_of("s3_key_id"), UNSET, accepted)


def _traces(config: Config) -> Iterator[Finding]:
    if config.otlp_headers is not None and not all(config.otlp_header_map().values()):
        yield Finding(variable_of("otlp_headers"), HIDDEN, "name=value, more after a comma")
    if config.otlp_endpoint is not None and find_spec("opentelemetry.exporter") is None:
        accepted = "its client: .venv/bin/python -m pip install -r requirements/telemetry.txt"
        yield Finding(variable_of("otlp_endpoint"), f"{config.otlp_endpoint}, without it", accepted)


def _secrets(config: Config) -> Iterator[Finding]:
    if config.encryption_keys is None:
        return
    text = config.encryption_keys.get_secret_value()
    variable = variable_of("encryption_keys")
    try:
        parse_key_ring(text)
    except ValueError as exc:
        yield Finding(variable, f"{HIDDEN}: {exc}", "id:base64 of 32 bytes, more after a comma")
        return
    encoded = {entry.strip().partition(":")[2] for entry in text.split(",")}
    if config.secret_key is not None and config.secret_key.get_secret_value() in encoded:
        accepted = f"another secret than {variable_of('secret_key')}"
        yield Finding(variable, f"{HIDDEN}, the same", accepted)


def _sessions(config: Config) -> Iterator[Finding]:
    if config.session_idle_minutes > config.session_absolute_hours * 60:
        accepted = f"at most {config.session_absolute_hours * 60}, the end of a session in any case"
        given = str(config.session_idle_minutes)
        yield Finding(variable_of("session_idle_minutes"), given, accepted)


def _is_loopback(host: str) -> bool:
    return host.startswith("127.") or host in {"localhost", "::1"}


def _matches(host: str, allowed: tuple[str, ...]) -> bool:
    return any(
        pattern in {"*", host, f"[{host}]"} or (pattern.startswith(".") and host.endswith(pattern))
        for pattern in allowed
    )
