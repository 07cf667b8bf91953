"""A moment as outsiders write it: with a zone, and within the calendar once it is in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def in_utc(value: datetime) -> datetime:
    """Return the same moment in UTC.  Raises: ValueError when that lies outside the calendar."""
    try:
        return value.astimezone(UTC)
    except OverflowError as exc:
        msg = "lies outside the calendar"
        raise ValueError(msg) from exc


Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]
