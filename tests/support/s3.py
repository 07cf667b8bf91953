"""Places in the object storage of one run."""

from kernel.ids import uuid7
from kernel.storage.s3 import S3Place
from somaagent.services.s3 import BUCKET, KEY_ID, SECRET


def place_at(url: str, **changes: str) -> S3Place:
    """One that nobody else writes to."""
    given = {"bucket": BUCKET, "key_id": KEY_ID, "secret": SECRET, "prefix": f"{uuid7()}/"}
    return S3Place(endpoint=url, **{**given, **changes})
