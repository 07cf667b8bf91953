"""Rate limits over all processes in Valkey, in one round trip; in this process when it is away.

All buckets of a call are judged together: refused by one, it is counted in none.
"""

import time
from collections.abc import Sequence

import structlog
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from gateway.limits.gcra import PERIOD_US, Bucket, Verdict, judge
from kernel.condition import report
from kernel.valkey import async_client

PREFIX = "soma:rate:"
KEPT = 10_000
# A bucket outlives its emptiness by as long as a call may take, whose true use is told at its end.
HELD_MS = 600_000

# The twin of `gcra.judge`; the server's clock, so that all processes agree. Answers
# {refused index or 0, tat...}: of each bucket, its new TAT, or its old one when refused; and now.
_JUDGE = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local period = tonumber(ARGV[1])
local tats, refused = {}, 0
for i, key in ipairs(KEYS) do
  local limit, cost = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local tat = tonumber(redis.call('GET', key) or '0')
  local begin = math.max(tat, now)
  local after = begin + math.floor(cost * period / limit)
  if after - period - now > 0 and begin ~= now then
    if refused == 0 then refused = i end
    tats[i] = begin
  else
    tats[i] = after
  end
end
local told = {refused, string.format('%d', now)}
for i, key in ipairs(KEYS) do
  if refused == 0 then
    redis.call('SET', key, string.format('%d', tats[i]), 'PX',
      math.ceil((tats[i] - now) / 1000) + HELD_MS)
  end
  told[#told + 1] = string.format('%d', tats[i])
end
return told
"""
# After a call: what it really used, less what was counted for it.
_CORRECT = """
local tat = tonumber(redis.call('GET', KEYS[1]) or '0')
if tat == 0 then return 0 end
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local by = math.floor(tonumber(ARGV[2]) * tonumber(ARGV[1]) / tonumber(ARGV[3]))
redis.call('SET', KEYS[1], string.format('%d', tat + by), 'PX',
  math.max(0, math.ceil((tat + by - now) / 1000)) + HELD_MS)
return 1
"""

log = structlog.get_logger(__name__)


class Limiter:
    """One a process; on its event loop."""

    def __init__(self) -> None:
        self._own: dict[str, int] = {}
        self._client: Redis | None = None
        self._scripts: tuple[AsyncScript, AsyncScript]

    async def admit(self, buckets: Sequence[Bucket]) -> list[Verdict]:
        """The verdict on each bucket; one with `retry_after_s` means that the call is refused."""
        if not buckets:
            return []
        try:
            judged, _ = self._both()
            arguments: list[int] = [PERIOD_US]
            for bucket in buckets:
                arguments += [bucket.limit, bucket.cost]
            told = await judged(keys=[PREFIX + one.name for one in buckets], args=arguments)
        except (RedisError, OSError):
            report("redis")
            return self._admit_alone(buckets)
        refused, now_us, tats = int(told[0]), int(told[1]), [int(one) for one in told[2:]]
        return [
            _verdict(bucket, tat, now_us, is_refused=refused == place)
            for place, (bucket, tat) in enumerate(zip(buckets, tats, strict=True), start=1)
        ]

    async def correct(self, bucket: Bucket, used: int) -> None:
        """A call used `used` instead of `bucket.cost`."""
        if used == bucket.cost:
            return
        by = used - bucket.cost
        if bucket.name in self._own:
            self._own[bucket.name] += by * PERIOD_US // bucket.limit
        try:
            _, corrected = self._both()
            await corrected(keys=[PREFIX + bucket.name], args=[PERIOD_US, by, bucket.limit])
        except (RedisError, OSError):
            report("redis")

    def _both(self) -> tuple[AsyncScript, AsyncScript]:
        client = async_client()
        if client is not self._client:
            # The first call of this loop.
            self._client = client
            self._scripts = _script(client, _JUDGE), _script(client, _CORRECT)
        return self._scripts

    def _admit_alone(self, buckets: Sequence[Bucket]) -> list[Verdict]:
        now_us = time.time_ns() // 1000
        judged = [(one, *judge(one, self._own.get(one.name, 0), now_us)) for one in buckets]
        if all(verdict.retry_after_s is None for _, _, verdict in judged):
            if len(self._own) > KEPT:
                self._own = {name: tat for name, tat in self._own.items() if tat > now_us}
            self._own.update({bucket.name: tat for bucket, tat, _ in judged})
        return [verdict for _, _, verdict in judged]


def _script(client: Redis, text: str) -> AsyncScript:
    return client.register_script(text.replace("HELD_MS", str(HELD_MS)))


def _verdict(bucket: Bucket, tat_us: int, now_us: int, *, is_refused: bool) -> Verdict:
    if is_refused:
        # `tat_us` is where the call would have begun: judged again by the rule, it is refused.
        return judge(bucket, tat_us, now_us)[1]
    left = max(0, (now_us + PERIOD_US - tat_us) * bucket.limit // PERIOD_US)
    return Verdict(bucket.limit, left, max(0.0, (tat_us - now_us) / 1e6))


LIMITER = Limiter()
