"""Django settings: assignments from `Config` only, no decisions and no environment look-ups."""

import sys
from datetime import timedelta
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from kernel import logs
from somaagent import config as configuration
from somaagent.config.groups import ROOT
from somaagent.config.schema import Role

try:
    SOMA = configuration.load()
except configuration.ConfigError as refused:
    # A misconfigured process says so in one screen; a traceback would hide the message.
    print(refused, file=sys.stderr)  # noqa: T201
    sys.exit(refused.exit_code)

BASE_DIR = ROOT
SECRET_KEY = SOMA.effective_secret_key()
SOMA_ENCRYPTION_KEYS = SOMA.effective_encryption_keys()
SOMA_REDIS_URL = SOMA.effective_redis_url()
DEBUG = False
ALLOWED_HOSTS = list(SOMA.effective_allowed_hosts)
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
ROOT_URLCONF = "somaagent.urls"
ASGI_APPLICATION = "somaagent.asgi.application"
WSGI_APPLICATION = "somaagent.asgi.wsgi_application"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024

INSTALLED_APPS = [
    "django.contrib.staticfiles",
    # The API documentation page with its own scripts, instead of a foreign host's.
    "ninja",
    "kernel",
    "saas",
    "gateway",
    "memory",
    "memory.brain_server",
    "chat",
    "health",
    "webui",
    "somaagent",
]

MIDDLEWARE = [
    "somaagent.middleware.RequestContext",
    "whitenoise.middleware.WhiteNoiseMiddleware",
]


# Runs of a statement on one connection after which it is kept prepared. One: each run before that
# is planned anew, and recall's takes longer to plan than to run, in a dozen shapes on each of the
# unit pool's connections. Not at once: what is run a single time (a migration) is not prepared.
PREPARE_AFTER = 1


def _database(role: Role) -> dict[str, Any]:
    parts = conninfo_to_dict(SOMA.effective_db_dsn(role))
    known = {
        "dbname": "NAME",
        "user": "USER",
        "password": "PASSWORD",
        "host": "HOST",
        "port": "PORT",
    }
    options = {key: value for key, value in parts.items() if key not in known}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **{name: str(parts[key]) for key, name in known.items() if key in parts},
        # Connections live as long as their thread; a broken one is replaced before its next unit.
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": {
            "connect_timeout": 5,
            # Parsed and planned once a connection instead of at each turn.
            "server_side_binding": True,
            "prepare_threshold": PREPARE_AFTER if SOMA.db_prepared else None,
            **options,
        },
        "TEST": {"MIRROR": None},
    }


DATABASES = {
    "default": _database("app"),
    "platform": _database("platform"),
    "owner": _database("owner"),
}
DATABASE_ROUTERS = ["somaagent.routers.OwnerMigrates"]

TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
]

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "webui" / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 0
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/webui/assets/.+"

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

SESSION_IDLE = timedelta(minutes=SOMA.session_idle_minutes)
SESSION_ABSOLUTE = timedelta(hours=SOMA.session_absolute_hours)
SESSION_COOKIE_SECURE = SOMA.effective_public_url.startswith("https://")

# Without a server mails stay in their table (saas.identity.mails).
MAIL_IS_SENT = SOMA.smtp_url is not None
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = SOMA.mail_from
globals().update(SOMA.mail_options())

LOGGING_CONFIG = None
logs.configure(SOMA.log_level.upper(), SOMA.log_format)
