"""Whether what is sent to a model stays on machines of one's own."""

from gateway.ports import Endpoint

# Servers that people run themselves. A compatible server may be anybody's, and a local one may pass
# everything on: it counts as outside.
OWN_KINDS = frozenset({"ollama", "vllm", "lmstudio"})


def is_self_hosted(endpoint: Endpoint) -> bool:
    """Whether the provider is self-hosted, by its kind."""
    return endpoint.kind in OWN_KINDS
