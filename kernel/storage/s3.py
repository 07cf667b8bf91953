"""Storage in a bucket of any S3-compatible service: `<prefix><tenant>/<key>`.

Owns: the translation to S3 and its failures, deadlines, the breaker `storage`. One part of a large
object is in memory at a time. Whoever is killed while writing leaves parts that nobody can read; a
rule of the bucket (AbortIncompleteMultipartUpload) clears them.
Never: makes a bucket, or names its objects to anybody.
Source: Amazon S3 API reference (2006-03-01); the client is botocore, imported on first use.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO

from kernel.actor import Scope
from kernel.calling import calling
from kernel.clock import monotonic_s
from kernel.errors import SomaError
from kernel.ids import uuid7
from kernel.ports import Probe
from kernel.resilience import BreakerOpen, CircuitBreaker
from kernel.storage.ports import (
    CHUNK_BYTES,
    ObjectMissing,
    StorageAway,
    StorageRefused,
    object_at,
    place_of,
    round_trip,
)

# S3 takes at least 5 MiB (but for the last) and 10,000 of them: up to 78 GiB an object.
PART_BYTES = 8 * 1024 * 1024
TRANSFER_S = 3_600.0
PAGE = 1_000
POOL_SIZE = 32
SERVICE = "storage"
# Refusals that say: come again.
_BUSY = frozenset({"SlowDown", "RequestTimeout", "Throttling"})
_CODE = re.compile(r"[A-Za-z0-9]{1,64}")


@dataclass(frozen=True, slots=True)
class S3Place:
    """Where and how the bucket is reached.

    `endpoint` None: AWS. `key_id` and `secret` None: the machine's own role. `path_style`: the
    bucket is in the path, not in the host's name. `ca_file` None: the system's certificates.
    """

    bucket: str
    endpoint: str | None = None
    region: str = "us-east-1"
    key_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    prefix: str = ""
    path_style: bool = True
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """Of one request, in seconds: to be connected, and the longest silence. `attempts`: in all."""

    connect_s: float
    silence_s: float
    attempts: int


WORKING = Patience(3, 15, 2)
LOOKING = Patience(1, 1, 1)


class S3Storage:
    """The networked adapter. Thread-safe."""

    def __init__(
        self,
        place: S3Place,
        patience: Patience = WORKING,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._place = place
        self._patience = patience
        self._probe_key = f"probe-{uuid7()}"
        self._made: Any = None
        self._looking: _Looking | None = None
        self._lock = threading.Lock()
        self.breaker = breaker or CircuitBreaker(SERVICE)

    def put(self, scope: Scope, key: str, content: BinaryIO) -> int:
        """Small objects in one request, others in parts: S3 shows an object when all is there."""
        name = self._name(scope, key)
        with _part_of(content) as part:
            size_bytes = _size_of(part)
            if size_bytes < PART_BYTES:
                self._ask("put_object", Key=name, Body=part)
                return size_bytes
            return self._put_parts(name, part, content)

    def read(self, scope: Scope, key: str) -> Iterator[bytes]:
        """See the port."""
        return self._chunks(self._ask("get_object", Key=self._name(scope, key))["Body"])

    def delete(self, scope: Scope, key: str) -> bool:
        """Looks first: S3 does not tell whether there was something."""
        name = self._name(scope, key)
        try:
            self._ask("head_object", Key=name)
            self._ask("delete_object", Key=name)
        except ObjectMissing:
            return False
        return True

    def objects(self) -> Iterator[tuple[Scope, str]]:
        """See the port; in pages of at most a thousand."""
        more: dict[str, str] = {}
        while True:
            page = self._ask("list_objects_v2", Prefix=self._place.prefix, MaxKeys=PAGE, **more)
            names = (str(one["Key"]) for one in page.get("Contents", ()))
            yield from filter(
                None, (object_at(name.removeprefix(self._place.prefix)) for name in names)
            )
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def probe(self) -> Probe:
        """Round trip of a small object, past the breaker and with little patience."""
        self._looking = self._looking or _Looking(self._place)
        advice = (
            "See whether the service runs, and whether SA01_S3_… name it, its bucket and a key "
            "that may write, read and delete there."
        )
        return round_trip(self._looking, self._probe_key, advice)

    def _put_parts(self, name: str, part: BytesIO, content: BinaryIO) -> int:
        until_s = monotonic_s() + TRANSFER_S
        begun = self._ask("create_multipart_upload", Key=name)
        upload = {"Key": name, "UploadId": begun["UploadId"]}
        parts: list[dict[str, Any]] = []
        size_bytes = 0
        try:
            while found_bytes := _size_of(part):
                number = len(parts) + 1
                sent = self._ask("upload_part", **upload, PartNumber=number, Body=part)
                parts.append({"PartNumber": number, "ETag": sent["ETag"]})
                size_bytes += found_bytes
                _check_time(until_s)
                part.close()  # Before the next one is read: one is in memory at a time.
                part = _part_of(content)
            self._ask("complete_multipart_upload", **upload, MultipartUpload={"Parts": parts})
        except BaseException:
            with suppress(SomaError):
                self._ask("abort_multipart_upload", **upload)
            raise
        return size_bytes

    def _chunks(self, body: Any) -> Iterator[bytes]:
        until_s = monotonic_s() + TRANSFER_S
        with closing(body):
            while True:
                try:
                    chunk = body.read(CHUNK_BYTES)
                except Exception as exc:
                    self.breaker.failure()
                    raise _away_of(exc) from exc
                if not chunk:
                    return
                yield chunk
                _check_time(until_s)

    def _ask(self, act: str, **parameters: Any) -> Any:
        """One request, under the breaker. Raises: ObjectMissing, StorageAway, StorageRefused."""
        try:
            self.breaker.before_call()
        except BreakerOpen as exc:
            raise StorageAway(retry_after=exc.retry_after, reason="resting") from exc
        try:
            with calling(SERVICE, act):
                answer = self._request(act, **parameters)
        except StorageRefused:
            self.breaker.success()  # Whoever refuses is there.
            raise
        except StorageAway:
            self.breaker.failure()
            raise
        self.breaker.success()
        if answer is None:
            raise ObjectMissing
        return answer

    def _request(self, act: str, **parameters: Any) -> Any | None:
        """What S3 says; None: there is no such object. Raises: StorageAway, StorageRefused."""
        from botocore.exceptions import ClientError

        try:
            return getattr(self._client(), act)(Bucket=self._place.bucket, **parameters)
        except ClientError as exc:
            refusal = _refusal_of(exc.response)
            if refusal is None:
                return None
            raise refusal from exc
        except Exception as exc:
            raise _away_of(exc) from exc

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = _connect(self._place, self._patience)
            return self._made

    def _name(self, scope: Scope, key: str) -> str:
        return f"{self._place.prefix}{place_of(scope, key)}"


class _Looking(S3Storage):
    """For probes: little patience, past the breaker, not counted among the calls."""

    def __init__(self, place: S3Place) -> None:
        super().__init__(place, LOOKING)

    def _ask(self, act: str, **parameters: Any) -> Any:
        answer = self._request(act, **parameters)
        if answer is None:
            raise ObjectMissing
        return answer


def _refusal_of(answer: Any) -> StorageAway | None:
    """What S3's refusal means; None: there is no such object."""
    code = str(answer.get("Error", {}).get("Code", ""))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if status == 404 and code in {"NoSuchKey", "404"}:
        return None
    # An identifier of S3's, never the service's prose.
    reason = code if _CODE.fullmatch(code) else str(status)
    if status >= 500 or status == 429 or code in _BUSY:
        return StorageAway(retry_after=5, reason=reason)
    return StorageRefused(retry_after=30, reason=reason)


def _away_of(exc: Exception) -> StorageAway:
    """What went wrong on the way there; a defect of ours is raised again."""
    from botocore import exceptions
    from urllib3.exceptions import HTTPError

    reason = type(exc).__name__
    line = (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.IncompleteReadError)
    if isinstance(exc, (*line, HTTPError, OSError)):
        return StorageAway(retry_after=5, reason=reason)
    if isinstance(exc, exceptions.BotoCoreError):
        # No credentials, no such region, …
        return StorageRefused(retry_after=30, reason=reason)
    raise exc


def _connect(place: S3Place, patience: Patience) -> Any:
    """A client that goes by `place` alone, except for the credentials of a machine's role."""
    from botocore.config import Config
    from botocore.session import Session

    return Session().create_client(
        "s3",
        region_name=place.region,
        endpoint_url=place.endpoint,
        aws_access_key_id=place.key_id,
        aws_secret_access_key=place.secret,
        verify=place.ca_file,
        config=Config(
            connect_timeout=patience.connect_s,
            read_timeout=patience.silence_s,
            retries={"mode": "standard", "total_max_attempts": patience.attempts},
            max_pool_connections=POOL_SIZE,
            tcp_keepalive=True,
            ignore_configured_endpoint_urls=True,
            # Many services do not know the newer checksums; the signature covers the body instead.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={
                "addressing_style": "path" if place.path_style else "virtual",
                "payload_signing_enabled": True,
            },
        ),
    )


def _part_of(content: BinaryIO) -> BytesIO:
    """The next part, full unless it is the last: a stream may give less than it was asked for.

    A file, because then a slow line has its deadline for each piece that is sent, not for all.
    """
    part = BytesIO()
    missing = PART_BYTES
    while missing and (piece := content.read(min(missing, CHUNK_BYTES))):
        missing -= part.write(piece)
    part.seek(0)
    return part


def _size_of(part: BytesIO) -> int:
    return len(part.getbuffer())


def _check_time(until_s: float) -> None:
    if monotonic_s() > until_s:
        raise StorageAway(retry_after=5, reason="late")
