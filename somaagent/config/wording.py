"""Settings in words: what is accepted, what may be shown, the rows of the reference.

Owns: every sentence about a setting that is not its own description. Never shows a secret.
"""

from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from somaagent.config import groups

UNSET = "(unset)"
HIDDEN = "(hidden)"


class Described(NamedTuple):
    """One effective setting as `doctor` prints it; secrets redacted."""

    name: str
    value: str
    source: str
    doc: str


class SettingDoc(NamedTuple):
    """One setting as the reference lists it, without any value of this installation."""

    group: str
    variable: str
    accepted: str
    default: str
    is_secret: bool
    doc: str


def accepted(field: FieldInfo) -> str:
    """Say which values a field takes."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "accepted" in extra:
        return str(extra["accepted"])
    choices = [
        value for kind in _kinds(field) if get_origin(kind) is Literal for value in get_args(kind)
    ]
    if choices:
        return " or ".join(choices)
    if int in _kinds(field):
        limits = {type(rule).__name__: rule for rule in field.metadata}
        return f"a whole number from {limits['Ge'].ge} to {limits['Le'].le}"
    return "a path" if Path in _kinds(field) else "a text that is not empty"


def redacted(value: object) -> str:
    """Show a value; of a secret only that it is there, of a list its parts."""
    if value is None or value == ():
        return UNSET
    if isinstance(value, SecretStr):
        return HIDDEN
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def reference() -> list[SettingDoc]:
    """Return one row a setting, for the generated reference."""
    return [
        SettingDoc(
            (group.__doc__ or "").strip(),
            groups.variable_of(name),
            accepted(field),
            _default(name, field),
            groups.is_secret(field),
            field.description or "",
        )
        for group in groups.GROUPS
        for name, field in group.model_fields.items()
    ]


def _kinds(field: FieldInfo) -> tuple[Any, ...]:
    return (field.annotation, *get_args(field.annotation))


def _default(name: str, field: FieldInfo) -> str:
    if name == "var_dir":
        return "var"  # the absolute path of one installation has no place in the reference
    return redacted(field.default)
