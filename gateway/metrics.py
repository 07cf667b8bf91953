"""Numbers about model traffic, for Prometheus."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter(
    "soma_model_requests_total",
    "Streams asked of models; outcome: ok, cancelled or the code of the problem",
    ["provider_kind", "outcome"],
)
FIRST_TOKEN = Histogram(
    "soma_model_first_token_seconds",
    "From asking a model to its first event",
    ["provider_kind"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
TOKENS = Counter("soma_model_tokens_total", "Tokens of models", ["direction"])
