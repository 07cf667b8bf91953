"""Whether what is sent to a model stays on machines of one's own.

What an administrator says of a provider counts; where nothing is said, its kind.
"""

from django.db.models import Q

from gateway.models import Provider
from gateway.ports import Endpoint

# Servers that people run themselves. A compatible server may be anybody's, and a local one may pass
# everything on: unless somebody says otherwise, it counts as outside.
OWN_KINDS = frozenset({"ollama", "vllm", "lmstudio"})
# The same for models of a query.
ON_OWN_MACHINES = Q(provider__self_hosted=True) | Q(
    provider__self_hosted=None, provider__kind__in=OWN_KINDS
)


def is_own(row: Provider) -> bool:
    """Whether the provider runs on machines of one's own."""
    return row.kind in OWN_KINDS if row.self_hosted is None else row.self_hosted


def is_self_hosted(endpoint: Endpoint) -> bool:
    """Whether the model does."""
    return endpoint.self_hosted
