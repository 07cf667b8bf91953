"""The guard of `kernel.egress`, failing as calls of models fail."""

from gateway.errors import AddressRefused
from kernel import egress
from kernel.egress import RefusedAddressError, open_socket

__all__ = ["RefusedAddressError", "check_base_url", "open_socket"]


def check_base_url(url: str, *, allow_private: bool, resolve: bool = True) -> None:
    """As `kernel.egress.check_base_url`. Raises: AddressRefused."""
    try:
        egress.check_base_url(url, allow_private=allow_private, resolve=resolve)
    except egress.EgressRefused as exc:
        raise AddressRefused(exc.detail) from exc
