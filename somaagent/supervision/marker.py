"""The marker that data exists, and the refusal of any other database under it.

Owns: `var/data-exists.json`, written after the first successful migration. An empty or different
database under a marker means a wrong connection string or a lost disk: filling it with a fresh
installation would hide the loss.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from somaagent.config.local_secrets import MARKER_NAME
from somaagent.supervision.refusal import DATA_MISMATCH, StartRefused


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one database from another. `migrations`: rows applied, 0 = empty."""

    cluster: str
    database: str
    migrations: int


def identity(owner_dsn: str) -> Identity:
    """Return the identity of the database behind `owner_dsn`."""
    with psycopg.connect(owner_dsn, connect_timeout=5) as connection:
        row = connection.execute(
            "select system_identifier::text, current_database() || '/' || oid, "
            "to_regclass('django_migrations') is not null "
            "from pg_control_system(), pg_database where datname = current_database()"
        ).fetchone()
        if row is None:
            raise StartRefused("The database does not tell its identity.")
        cluster, database, has_tables = row
        count = 0
        if has_tables:
            counted = connection.execute("select count(*) from django_migrations").fetchone()
            count = counted[0] if counted else 0
    return Identity(cluster, database, count)


def write(var_dir: Path, found: Identity) -> None:
    """Remember the database. Atomic: a crash leaves the old marker or the new one."""
    path = var_dir / MARKER_NAME
    draft = path.with_suffix(".new")
    with draft.open("w") as file:
        json.dump(asdict(found), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read(var_dir: Path) -> Identity | None:
    """Return the remembered database, or None when no data was ever written.

    Raises: StartRefused when the marker cannot be understood.
    """
    path = var_dir / MARKER_NAME
    try:
        return Identity(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as exc:
        message = f"{path} cannot be understood. Restore it from a backup.\n{_adoption(path)}"
        raise StartRefused(message, DATA_MISMATCH) from exc


def refuse_missing_cluster(var_dir: Path, data_dir: Path) -> None:
    """Refuse to make a new cluster where data existed."""
    if read(var_dir) is not None:
        _refuse(var_dir, f"The database files in {data_dir} are gone.")


def refuse_other_database(var_dir: Path, found: Identity) -> None:
    """Refuse a database that is empty or not the remembered one."""
    known = read(var_dir)
    if known is None:
        return
    if found.migrations == 0:
        _refuse(var_dir, f"The database {found.database} is empty.")
    if (found.cluster, found.database) != (known.cluster, known.database):
        was = f"{known.database} on cluster {known.cluster}"
        now = f"{found.database} on cluster {found.cluster}"
        _refuse(var_dir, f"This is another database than before.\nbefore: {was}\nnow:    {now}")


def _refuse(var_dir: Path, what: str) -> None:
    path = var_dir / MARKER_NAME
    known = read(var_dir)
    hint = f" ({known.migrations} migrations were applied to it)" if known else ""
    message = (
        f"{what}\nData was written here before{hint}, so this start is refused.\n"
        "Check SA01_DB_DSN and SA01_VAR_DIR, or restore the data from a backup.\n"
        f"{_adoption(path)}"
    )
    raise StartRefused(message, DATA_MISMATCH)


def _adoption(path: Path) -> str:
    return f"If this database is meant (a restored backup, a fresh start), remove {path}"
