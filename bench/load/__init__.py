"""The load generator: a process of its own, lean, so that it measures others and not itself.

One uvloop, raw `asyncio.Protocol`s, no HTTP or WebSocket library. Reads one job as JSON from
standard input and answers with samples as JSON (see `bench.load.jobs`). Knows nothing of Django.
"""
