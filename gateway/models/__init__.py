"""Tables of the gateway: providers and models (platform-wide), keys and the ledger (per tenant)."""

from gateway.models.apikeys import ApiKey
from gateway.models.ledger import Account, Budget, Hold, Usage, UsageTotal
from gateway.models.policy import Policy
from gateway.models.providers import Model, Price, Provider
from gateway.models.responses import StoredResponse

__all__ = [
    "Account",
    "ApiKey",
    "Budget",
    "Hold",
    "Model",
    "Policy",
    "Price",
    "Provider",
    "StoredResponse",
    "Usage",
    "UsageTotal",
]
