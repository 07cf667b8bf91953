"""Prometheus metrics of the memory app; labels never hold content or ids."""

from prometheus_client import Counter, Gauge, Histogram

RECALL_SECONDS = Histogram(
    "soma_memory_recall_seconds",
    "Time that a turn waited for memory",
    ["outcome"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0),
)
PARTIAL_RECALLS = Counter(
    "soma_memory_partial_recalls_total",
    "Recalls by words alone, because the question had no embedding in time",
)
PENDING = Gauge("soma_memory_pending", "Memories that wait for their embedding")
INDEXED = Counter("soma_memory_indexed_total", "Memories that got their embedding")
INDEX_FAILURES = Counter("soma_memory_index_failures_total", "Memories that could not be embedded")
