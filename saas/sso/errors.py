"""Failures of single sign-on. All words are ours: nothing that a provider wrote is repeated."""

from kernel.errors import Conflict, Forbidden, NotFound, Unauthenticated, Unavailable


class ProviderUnknown(NotFound):
    """No such provider, or it is switched off."""

    code, title = "sso-provider-unknown", "There is no such way to sign in"


class ProviderNameTaken(Conflict):
    """Another provider of the tenant has this name."""

    code, title = "sso-name-taken", "There is a provider with this name"


class ProviderAway(Unavailable):
    """The provider does not answer. Sessions that are open go on."""

    code = "sso-provider-away"
    title = "The sign-in service of your organisation cannot be reached"


class SsoRefused(Unauthenticated):
    """What came back from the provider does not show who somebody is; `detail` says why."""

    code, title = "sso-refused", "This sign-in could not be confirmed"


class SsoNotForYou(Forbidden):
    """The person was recognised, but this provider does not open this door; `detail` says why."""

    code, title = "sso-not-for-you", "You cannot sign in this way"


class DomainTaken(Conflict):
    """Another provider speaks for this domain."""

    code, title = "sso-domain-taken", "Another provider speaks for this domain"


class DomainUnproven(Conflict):
    """The proof was not found where it belongs."""

    code, title = "sso-domain-unproven", "The domain does not show the proof"
