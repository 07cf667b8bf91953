"""Tables: providers and models (platform-wide); keys, ledger and routing (per tenant)."""

from gateway.models.apikeys import ApiKey
from gateway.models.ledger import Account, Budget, Hold, Usage, UsageTotal
from gateway.models.policy import Policy
from gateway.models.providers import Model, Price, Provider
from gateway.models.responses import StoredResponse
from gateway.models.routing import Decision, RoutingPolicy

__all__ = [
    "Account",
    "ApiKey",
    "Budget",
    "Decision",
    "Hold",
    "Model",
    "Policy",
    "Price",
    "Provider",
    "RoutingPolicy",
    "StoredResponse",
    "Usage",
    "UsageTotal",
]
