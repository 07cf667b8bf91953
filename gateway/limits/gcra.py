"""The generic cell rate algorithm: a limit a minute without windows, in one number. Pure.

State is the theoretical arrival time (TAT) in microseconds: when the bucket would be empty again. A
whole minute's limit may be used at once. Source: ITU-T I.371, annex A ("virtual scheduling").
"""

from dataclasses import dataclass

PERIOD_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """So much a minute under one name ("key:<id>:requests"). `cost`: of the call at hand."""

    name: str
    limit: int
    cost: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a bucket stands after the call (or, refused, without it). Times in seconds."""

    limit: int
    remaining: int
    reset_s: float
    retry_after_s: float | None = None


def judge(bucket: Bucket, tat_us: int, now_us: int) -> tuple[int, Verdict]:
    """The new TAT if the call is let in, and the verdict; refused: the old TAT."""
    begin = max(tat_us, now_us)
    after = begin + bucket.cost * PERIOD_US // bucket.limit
    wait_us = after - PERIOD_US - now_us
    # A call dearer than the whole bucket is let in when the bucket is full, and paid off later.
    if wait_us <= 0 or begin == now_us:
        return after, Verdict(
            bucket.limit, remaining(bucket, after, now_us), (after - now_us) / 1e6
        )
    retry_s = min(wait_us, begin - now_us) / 1e6
    verdict = Verdict(
        bucket.limit, remaining(bucket, begin, now_us), (begin - now_us) / 1e6, retry_s
    )
    return tat_us, verdict


def remaining(bucket: Bucket, tat_us: int, now_us: int) -> int:
    """What may still be used at once."""
    return max(0, (now_us + PERIOD_US - tat_us) * bucket.limit // PERIOD_US)
