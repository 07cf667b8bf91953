"""`/v1`: OpenAI's API for programs, outside Django's handler.

`server` the ASGI application · `asking` what is asked (pure) · `calls` one call from reservation to
settling · `events` bytes of a stream, cut and metered (pure) · `shape` errors in OpenAI's form.
"""
