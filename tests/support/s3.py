"""Places in the object storage of one run, and lines to it."""

from contextlib import AbstractContextManager
from urllib.parse import urlsplit

from kernel.ids import uuid7
from kernel.storage.s3 import S3Place
from somaagent.services.s3 import BUCKET, KEY_ID, SECRET
from tests.support.faulty_line import Line, line


def place_at(url: str, **changes: str) -> S3Place:
    """One that nobody else writes to."""
    given = {"bucket": BUCKET, "key_id": KEY_ID, "secret": SECRET, "prefix": f"{uuid7()}/"}
    return S3Place(endpoint=url, **{**given, **changes})


def line_to(url: str) -> AbstractContextManager[Line]:
    """A line to it that a test cuts."""
    parts = urlsplit(url)
    return line((parts.hostname or "", parts.port or 0))


def place_behind(line: Line) -> S3Place:
    """One at the other end of the line."""
    return place_at(f"http://127.0.0.1:{line.port}")
