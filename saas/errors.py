"""Failures of signing in, of tenants and of permissions."""

from kernel.errors import Conflict, Forbidden, SomaError, TooManyRequests, Unauthenticated


class InvalidCredentials(Unauthenticated):
    """Unknown account, wrong password or inactive account: deliberately one answer."""

    code, title = "invalid-credentials", "E-mail or password is wrong"


class LockedOut(TooManyRequests):
    """Too many failures; says nothing about whether the account exists."""

    code, title = "locked-out", "Too many failed tries: please wait"


class PasswordChangeRequired(Forbidden):
    """The one-time password must be replaced first."""

    code, title = "password-change-required", "Please choose your own password first"


class WeakPassword(SomaError):
    """Too short, too common, or the same as before."""

    code, status, title = "weak-password", 422, "Please choose a stronger password"


class CsrfFailed(Forbidden):
    """The request did not come from our own page."""

    code, title = "csrf-failed", "This request did not come from our own page"


class TenantSuspended(Forbidden):
    """The tenant is suspended."""

    code, title = "tenant-suspended", "This organisation is suspended"


class NotAMember(Forbidden):
    """The person does not belong to that tenant."""

    code, title = "not-a-member", "You do not belong to that organisation"


class SlugTaken(Conflict):
    """Another tenant has this address."""

    code, title = "slug-taken", "This address is taken"


class EmailTaken(Conflict):
    """Another person has this e-mail address."""

    code, title = "email-taken", "There is an account with this e-mail address"
