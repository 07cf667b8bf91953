"""Every way in which a model can fail, as coded problems.

Tree::

    SomaError
    ├── BudgetExhausted [402]
    ├── KeyRefused [401]
    └── ModelError [502]
        ├── NoModelConfigured [503]    ├── ModelTimeout [504]        (retryable)
        ├── ModelAuthFailed            ├── ModelUnreachable [503]    (retryable)
        ├── ModelCreditExhausted       ├── ModelServerError          (retryable)
        ├── ModelNotFound              ├── ModelRateLimited [503]    (retryable)
        ├── ModelRejectedRequest       ├── ModelStreamCut
        ├── ContextTooLong [422]       ├── ModelBadResponse
        ├── ContentRefused [422]       └── ModelResting [503]
        └── AddressRefused [422]

No message of a provider is ever put into these: what it says may hold keys, prompts or addresses.
"""

from typing import ClassVar

from kernel.errors import SomaError, Unauthenticated


class KeyRefused(Unauthenticated):
    """The key is unknown, revoked, expired, or not meant for this address."""

    code, title = "key-refused", "This key is not accepted"


class BudgetExhausted(SomaError):
    """A budget has not enough left; nothing was asked of a model.

    Data: `metric`; `current` (spent and reserved), `limit` in its micro-units; `upgrade_url`.
    """

    code, status, title = "budget-exhausted", 402, "The budget is used up"


class ModelError(SomaError):
    """A model did not do what was asked.

    `retryable`: another attempt may succeed, if nothing was shown yet.
    `counts_against_model`: a sign of ill health, which the circuit breaker counts; errors of
    configuration or of the question are not.
    """

    code: ClassVar[str] = "model-error"
    status: ClassVar[int] = 502
    title: ClassVar[str] = "The model could not answer"
    retryable: ClassVar[bool] = False
    counts_against_model: ClassVar[bool] = False


class NoModelConfigured(ModelError):
    """No enabled model exists."""

    code, status = "no-model-configured", 503
    title = "No language model is configured"


class ModelAuthFailed(ModelError):
    """The provider does not accept the key."""

    code, title = "model-auth-failed", "The provider did not accept the key"


class ModelCreditExhausted(ModelError):
    """The provider's account cannot pay."""

    code, title = "model-credit-exhausted", "The account at the provider has no credit left"


class ModelNotFound(ModelError):
    """The provider knows neither the model nor, perhaps, the address."""

    code = "model-not-found"
    title = "The provider does not know this model at this address"


class ModelRejectedRequest(ModelError):
    """The provider refused the form of the request (400, 422)."""

    code, title = "model-rejected-request", "The provider refused the request"


class ModelRateLimited(ModelError):
    """Too many requests; `retry_after` when the provider says it."""

    code, status, title = "model-rate-limited", 503, "The provider asks us to slow down"
    retryable = True


class ModelTimeout(ModelError):
    """Nothing came in time."""

    code, status, title = "model-timeout", 504, "The model took too long"
    retryable = True
    counts_against_model = True


class ModelUnreachable(ModelError):
    """No connection: name, route, port or certificate."""

    code, status, title = "model-unreachable", 503, "The provider cannot be reached"
    retryable = True
    counts_against_model = True


class ModelServerError(ModelError):
    """The provider failed (5xx, or it closed the connection before any token)."""

    code, title = "model-server-error", "The provider had a failure"
    retryable = True
    counts_against_model = True


class ModelStreamCut(ModelError):
    """The answer broke off; what came so far is valid and was already yielded."""

    code, title = "model-stream-cut", "The answer broke off"
    counts_against_model = True


class ModelBadResponse(ModelError):
    """What came is not an answer in the expected form."""

    code, title = "model-bad-response", "The provider's answer could not be understood"
    counts_against_model = True


class ContextTooLong(ModelError):
    """The prompt exceeds the model's window."""

    code, status = "context-too-long", 422
    title = "The conversation is longer than the model can read"


class ContentRefused(ModelError):
    """The provider's filter refused the prompt."""

    code, status, title = "content-refused", 422, "The provider refused this content"


class AddressRefused(ModelError):
    """The provider's address is one that this server must not call (see `kernel.egress`)."""

    code, status, title = "address-refused", 422, "This address may not be called"


class ModelResting(ModelError):
    """The circuit is open after repeated failures; `retry_after` says when it is tried again."""

    code, status, title = "model-resting", 503, "The model failed repeatedly and is left alone"
