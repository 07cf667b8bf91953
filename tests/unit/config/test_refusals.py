"""Every wrong setting is refused, all of them at once, in words that say what to do."""

import base64
from pathlib import Path

import pytest

from somaagent.config import ConfigError, load
from somaagent.config.modes import PORTS

KEY = base64.b64encode(b"k" * 32).decode()
OWNER = "postgresql://owner:hush-hush@db/soma"
SAAS = {
    "SA01_DEPLOYMENT_MODE": "saas",
    "SA01_DB_DSN": OWNER,
    "SA01_REDIS_URL": "redis://:hush-hush@cache/0",
    "SA01_SECRET_KEY": "s" * 40,
    "SA01_ENCRYPTION_KEYS": f"k1:{KEY}",
    "SA01_PUBLIC_URL": "https://agents.example.org",
    **{
        f"SA01_{port}_ADAPTER": "embedded"
        for port in ("IDENTITY", "AUTHZ", "BRAIN", "BILLING", "POLICY", "BUS", "STORAGE")
    },
}


def findings(environ: dict[str, str]) -> dict[str, str]:
    """Return {variable: "given | accepted"} of a refused configuration."""
    with pytest.raises(ConfigError) as refused:
        load(environ)
    return {each.variable: f"{each.given} | {each.accepted}" for each in refused.value.findings}


@pytest.mark.parametrize("mode", ["prod", "Standalone", "SAAS", " saas "])
def test_any_other_mode_is_refused_and_both_modes_are_named(mode: str) -> None:
    found = findings({"SA01_DEPLOYMENT_MODE": mode})["SA01_DEPLOYMENT_MODE"]
    assert mode in found
    assert "standalone or saas" in found


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("SA01_PROT", "SA01_PORT"),
        ("SA01_DEPLOYMENT_MOD", "SA01_DEPLOYMENT_MODE"),
        ("SOMA_REDIS_URL", "SA01_REDIS_URL"),
        ("SA01_DB_DNS_FILE", "SA01_DB_DSN_FILE"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_nearest_name(variable: str, nearest: str) -> None:
    assert f"did you mean {nearest}?" in findings({variable: "1"})[variable]


def test_a_name_far_from_every_setting_points_at_the_reference() -> None:
    assert "docs/reference/settings.md" in findings({"SOMA_XYLOPHONE": "1"})["SOMA_XYLOPHONE"]


@pytest.mark.parametrize(
    ("variable", "given", "accepted"),
    [
        ("SA01_PORT", "99999", "a whole number from 1 to 65535"),
        ("SA01_PORT", "http", "a whole number from 1 to 65535"),
        ("SA01_WEB_WORKERS", "0", "a whole number from 1 to 64"),
        ("SA01_RECALL_DEADLINE_MS", "0.3", "a whole number from 10 to 10000"),
        ("SA01_LOG_LEVEL", "verbose", "debug or info or warning or error"),
        ("SA01_LOG_FORMAT", "yaml", "json or console"),
        ("SA01_PUBLIC_URL", "agents.example.org", "https://agents.example.org"),
        ("SA01_PUBLIC_URL", "https://agents.example.org/app", "https://agents.example.org"),
        ("SA01_ADMIN_EMAIL", "root", "an e-mail address"),
        ("SA01_IDENTITY_ADAPTER", "ldap", "embedded or keycloak"),
        ("SA01_PORT", "   ", "a value; or unset it"),
    ],
)
def test_a_value_that_does_not_fit_is_never_replaced_by_the_default(
    variable: str, given: str, accepted: str
) -> None:
    found = findings({variable: given})
    assert list(found) == [variable]
    assert accepted in found[variable]


def test_every_finding_is_listed_at_once(tmp_path: Path) -> None:
    found = findings(
        {
            "SA01_PORT": "0",
            "SA01_PROT": "1",
            "SA01_SECRET_KEY_FILE": str(tmp_path / "missing"),
            "SA01_LOG_LEVEL": "loud",
            "SA01_DB_APP_DSN": "postgresql://app@db/soma",
            "SA01_POLICY_ADAPTER": "opa",
        }
    )
    assert set(found) == {
        "SA01_PORT",
        "SA01_PROT",
        "SA01_SECRET_KEY_FILE",
        "SA01_LOG_LEVEL",
        "SA01_DB_PLATFORM_DSN",
        "SA01_DB_DSN",
        "SA01_POLICY_ADAPTER",
    }


def test_saas_without_its_services_lists_what_is_missing() -> None:
    found = findings({"SA01_DEPLOYMENT_MODE": "saas"})
    for name in ("DB_DSN", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "PUBLIC_URL"):
        assert "saas mode needs it" in found[f"SA01_{name}"]
    for name in ("KEYCLOAK_URL", "KEYCLOAK_CLIENT_SECRET"):
        assert "needed with Keycloak" in found[f"SA01_{name}"]
    for name in ("SPICEDB_ADDRESS", "KAFKA_BOOTSTRAP_SERVERS", "S3_BUCKET"):
        assert f"SA01_{name}" in found
    assert "SOMA_BRAIN_URL" in found


def test_a_mail_server_with_a_password_is_accepted() -> None:
    config = load({"SA01_SMTP_URL": "smtp+starttls://post:hush-hush@mail.example.org:2525/"})
    options = config.mail_options()
    assert (options["EMAIL_HOST"], options["EMAIL_PORT"]) == ("mail.example.org", 2525)
    assert options["EMAIL_HOST_PASSWORD"] == "hush-hush"


def test_saas_keeps_here_what_this_version_has_no_service_for() -> None:
    services = {
        "SA01_KEYCLOAK_URL": "https://id.example.org",
        "SA01_KEYCLOAK_CLIENT_SECRET": "k" * 16,
        "SA01_SPICEDB_ADDRESS": "spicedb:50051",
        "SA01_SPICEDB_KEY": "k" * 16,
        "SA01_KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
        "SA01_S3_BUCKET": "files",
        "SOMA_BRAIN_URL": "http://brain:30001",
        "SOMA_BRAIN_KEY": "k" * 16,
    }
    own = {name: value for name, value in SAAS.items() if not name.endswith("_ADAPTER")}
    config = load({**own, **services})
    chosen = {port: config.adapter(port) for port in PORTS}
    assert chosen == {
        "identity": "keycloak",
        "authz": "spicedb",
        "brain": "http",
        "bus": "kafka",
        "billing": "embedded",
        "policy": "embedded",
        "storage": "s3",
    }
    assert config.keycloak_issuer == "https://id.example.org/realms/somaagent"
    # Whoever names a service that this version does not know is told.
    assert (
        "lago is not part"
        in findings({**SAAS, "SA01_BILLING_ADAPTER": "lago"})["SA01_BILLING_ADAPTER"]
    )
    assert "SA01_KEYCLOAK_URL" in findings({"SA01_KEYCLOAK_URL": "https://id.example.org"})


def test_saas_with_its_services_and_embedded_adapters_is_accepted() -> None:
    config = load(SAAS)
    assert not config.is_standalone
    assert config.adapter("identity") == "embedded"


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"SA01_ALLOWED_HOSTS": "localhost,127.0.0.1"}, "SA01_ALLOWED_HOSTS"),
        ({"SA01_ALLOWED_HOSTS": "other.example.org"}, "SA01_ALLOWED_HOSTS"),
        ({"SA01_SECRET_KEY": KEY}, "SA01_ENCRYPTION_KEYS"),
        ({"SA01_ENCRYPTION_KEYS": f"a:{KEY},a:{KEY}"}, "SA01_ENCRYPTION_KEYS"),
        ({"SA01_ENCRYPTION_KEYS": "a:c2hvcnQ="}, "SA01_ENCRYPTION_KEYS"),
        ({"SA01_DB_DSN": "not a connection"}, "SA01_DB_DSN"),
        ({"SA01_REDIS_URL": "http://cache"}, "SA01_REDIS_URL"),
        ({"SA01_SMTP_URL": "http://mail.example.org"}, "SA01_SMTP_URL"),
        ({"SA01_SMTP_URL": "smtp:///mail"}, "SA01_SMTP_URL"),
        ({"SA01_IDENTITY_ADAPTER": "keycloak", "SA01_REGISTRATION": "true"}, "SA01_REGISTRATION"),
        (
            {"SA01_IDENTITY_ADAPTER": "keycloak", "SA01_PASSWORD_GRANT": "true"},
            "SA01_PASSWORD_GRANT",
        ),
        ({"SA01_DB_APP_DSN": "postgresql://app@db/soma"}, "SA01_DB_PLATFORM_DSN"),
        (
            {"SA01_DB_APP_DSN": OWNER, "SA01_DB_PLATFORM_DSN": "postgresql://p@db/soma"},
            "SA01_DB_APP_DSN",
        ),
        (
            {"SA01_SESSION_IDLE_MINUTES": "600", "SA01_SESSION_ABSOLUTE_HOURS": "1"},
            "SA01_SESSION_IDLE_MINUTES",
        ),
    ],
)
def test_a_contradiction_is_refused_by_the_variable_to_change(
    change: dict[str, str], variable: str
) -> None:
    assert variable in findings({**SAAS, **change})


def test_a_public_address_to_bind_needs_a_public_name() -> None:
    assert "0.0.0.0" in findings({"SA01_HOST": "0.0.0.0"})["SA01_ALLOWED_HOSTS"]


def test_no_refusal_shows_a_secret() -> None:
    with pytest.raises(ConfigError) as refused:
        load(
            {
                "SA01_SECRET_KEY": "hush-hush",
                "SA01_ENCRYPTION_KEYS": "hush-hush",
                "SA01_DB_DSN": "hush-hush",
                "SA01_DB_APP_DSN": "hush-hush",
                "SA01_REDIS_URL": "hush-hush",
                "SA01_PORT": "0",
            }
        )
    assert len(refused.value.findings) >= 5
    assert "hush" not in str(refused.value)
    assert refused.value.exit_code == 2


def test_secrets_are_redacted_where_settings_are_described() -> None:
    shown = " ".join(" ".join(each) for each in load(SAAS).describe())
    assert "hush" not in shown
    assert KEY not in shown


def test_kafka_needs_its_address_and_a_sign_in_where_it_asks_for_one() -> None:
    found = findings(
        {"SA01_BUS_ADAPTER": "kafka", "SA01_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"},
    )
    assert "the brokers' addresses" in found["SA01_KAFKA_BOOTSTRAP_SERVERS"]
    assert "SASL_SSL" in found["SA01_KAFKA_SASL_USERNAME"]
    assert "SASL_SSL" in found["SA01_KAFKA_SASL_PASSWORD"]
    unused = findings({"SA01_KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"})
    assert "SA01_BUS_ADAPTER=kafka" in unused["SA01_KAFKA_BOOTSTRAP_SERVERS"]


def test_a_complete_kafka_is_taken() -> None:
    config = load({"SA01_BUS_ADAPTER": "kafka", "SA01_KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"})
    assert config.events_use_kafka
    assert config.kafka_options() == {"security.protocol": "PLAINTEXT"}


def test_a_bucket_needs_a_whole_key_or_a_role_of_aws() -> None:
    s3 = {"SA01_STORAGE_ADAPTER": "s3", "SA01_S3_BUCKET": "files"}
    elsewhere = {**s3, "SA01_S3_ENDPOINT": "https://s3.example.org"}
    key = {"SA01_S3_KEY_ID": "id", "SA01_S3_SECRET": "hush-hush"}
    assert "a bucket" in findings({"SA01_STORAGE_ADAPTER": "s3"})["SA01_S3_BUCKET"]
    assert "or neither" in findings({**s3, "SA01_S3_KEY_ID": "id"})["SA01_S3_SECRET"]
    assert "roles are of AWS" in findings(elsewhere)["SA01_S3_KEY_ID"]
    assert "STORAGE_ADAPTER=s3" in findings({"SA01_S3_BUCKET": "files"})["SA01_S3_BUCKET"]
    for prefix in ("/", "a//", "../", "no-slash"):
        assert "ends with a slash" in findings({**s3, "SA01_S3_PREFIX": prefix})["SA01_S3_PREFIX"]
    assert load(s3).files_in_s3
    config = load({**elsewhere, **key, "SA01_S3_PREFIX": "soma/files/"})
    assert config.s3_path_style
    assert "hush" not in " ".join(" ".join(one) for one in config.describe())


def test_an_embedding_endpoint_needs_its_address_and_its_model() -> None:
    address = "http://models:8000/v1"
    assert "the address" in findings({"SA01_EMBEDDING_MODEL": "m"})["SA01_EMBEDDING_URL"]
    assert "a model" in findings({"SA01_EMBEDDING_URL": address})["SA01_EMBEDDING_MODEL"]
    found = findings({"SA01_EMBEDDING_URL": "models:8000", "SA01_EMBEDDING_MODEL": "m"})
    assert "http://127.0.0.1:8000/v1" in found["SA01_EMBEDDING_URL"]
    config = load({"SA01_EMBEDDING_URL": address, "SA01_EMBEDDING_MODEL": "m"})
    assert (config.embedding_url, config.embedding_model) == (address, "m")
