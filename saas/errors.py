"""Failures of signing in, of tenants and of permissions."""

from kernel.errors import (
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    SomaError,
    TooManyRequests,
    Unauthenticated,
)


class InvalidCredentials(Unauthenticated):
    """Unknown account, wrong password or inactive account: deliberately one answer."""

    code, title = "invalid-credentials", "E-mail or password is wrong"


class LockedOut(TooManyRequests):
    """Too many failures; says nothing about whether the account exists."""

    code, title = "locked-out", "Too many failed tries: please wait"


class PasswordChangeRequired(Forbidden):
    """The one-time password must be replaced first."""

    code, title = "password-change-required", "Please choose your own password first"


class SecondFactorRequired(Forbidden):
    """The organisation asks for a second factor, and this person has none yet."""

    code, title = "second-factor-required", "Please set up a second factor first"


class StepUpRequired(Forbidden):
    """What this does needs a sign-in of the last five minutes."""

    code, title = "step-up-required", "Please confirm that it is you"


class InvalidCode(Unauthenticated):
    """Wrong, used or out of time: deliberately one answer."""

    code, title = "invalid-code", "This code is wrong or was used already"


class LinkInvalid(Gone):
    """Unknown, used or out of time: deliberately one answer."""

    code, title = "link-invalid", "This link is no longer valid"


class KeptElsewhere(Conflict):
    """Accounts are kept by another service: passwords and factors are changed there."""

    code, title = "kept-elsewhere", "This is not kept here"


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


class BoundToTenant(Forbidden):
    """The person let the program into one tenant, not into this one."""

    code, title = "bound-to-tenant", "This program was let into one organisation only"


class SlugTaken(Conflict):
    """Another tenant has this address."""

    code, title = "slug-taken", "This address is taken"


class AddressFixed(Conflict):
    """Another service knows the tenant by its address and cannot be told of a new one."""

    code, title = "address-fixed", "This address cannot be changed here"


class EmailTaken(Conflict):
    """Another person has this e-mail address."""

    code, title = "email-taken", "There is an account with this e-mail address"


class OwnRights(Forbidden):
    """Nobody changes their own roles or standing."""

    code, title = "own-rights", "Nobody changes their own rights: ask a colleague"


class LastSysadmin(Conflict):
    """The tenant would be left without a sysadmin."""

    code, title = "last-sysadmin", "An organisation keeps at least one sysadmin"


class PersonUnknown(NotFound):
    """Not a member of this tenant."""

    code, title = "person-unknown", "There is no such person in this organisation"


class RoleUnknown(NotFound):
    """No such role of this tenant."""

    code, title = "role-unknown", "There is no such role"


class RoleTaken(Conflict):
    """Another role of this tenant has this name."""

    code, title = "role-taken", "There is a role with this name"


class RoleInUse(Conflict):
    """People have this role."""

    code, title = "role-in-use", "People have this role: take it from them first"


class GrantUnknown(NotFound):
    """No such grant."""

    code, title = "grant-unknown", "There is no such grant"


class TenantUnknown(NotFound):
    """No such tenant."""

    code, title = "tenant-unknown", "There is no such organisation"


class ImpersonationEnded(Unauthenticated):
    """The session in which somebody acted as another person is over; their own may go on."""

    code, title = "impersonation-ended", "You no longer act as somebody else"


class RefusedWhileActing(Forbidden):
    """What only the person may do: their factors, sessions, keys and secrets."""

    code, title = "refused-while-acting", "Not while you act as somebody else"


class ImpersonationRefused(Forbidden):
    """Nobody acts as this person."""

    code, title = "impersonation-refused", "You cannot act as this person"


class ImpersonationUnknown(NotFound):
    """No such request."""

    code, title = "impersonation-unknown", "There is no such request"


class ImpersonationOver(Conflict):
    """It waits, ran out of time, or is over."""

    code, title = "impersonation-over", "This request is not open for that"
