"""Which addresses this server may call for others: the guard against request forgery.

Two checks, because a name can change its address in between (DNS rebinding): `check_base_url` when
an address is saved or used, and `open_socket` for every connection, where the address is final.
Owns no connection and follows no redirect (adapters switch that off).
Source: OWASP Server Side Request Forgery Prevention; RFC 6890 (special-purpose addresses).
"""

import errno
import socket
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import Any
from urllib.parse import urlsplit

from kernel.errors import Unprocessable

IPAddress = IPv4Address | IPv6Address

URL_LIMIT = 500
# Addresses of cloud metadata services that are not link-local and must stay out of reach even
# where private ranges are allowed: AWS over IPv6, Alibaba, Oracle, Azure's wire server.
METADATA = frozenset(
    map(ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"))
)
NAT64 = IPv6Network("64:ff9b::/96")
RESERVED_V4 = (IPv4Network("0.0.0.0/8"), IPv4Network("240.0.0.0/4"))


class EgressRefused(Unprocessable):
    """An address that this server must not call."""

    code, title = "egress-refused", "This address may not be called"


class RefusedAddressError(OSError):
    """Raised where a socket would be opened, so that the connector reports it as a failure."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "address not allowed")


def check_base_url(url: str, *, allow_private: bool, resolve: bool = True) -> None:
    """Refuse `url` unless it is plain http(s) to an address that may be called.

    With `resolve` the name is looked up too; a name that does not resolve now is accepted, since
    every connection is checked again. Raises: EgressRefused.
    """
    host, port = _host_and_port(url)
    literal = _literal(host)
    if literal is not None:
        check_address(literal, allow_private=allow_private)
        return
    if not resolve:
        return
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return
    for *_, sockaddr in found:
        check_address(ip_address(str(sockaddr[0]).partition("%")[0]), allow_private=allow_private)


def check_address(address: IPAddress, *, allow_private: bool) -> None:
    """Refuse `address` unless it may be called. Raises: EgressRefused."""
    if not is_allowed(address, allow_private=allow_private):
        raise EgressRefused(
            "This address is private, link-local or reserved and may not be called."
        )


def is_allowed(address: IPAddress, *, allow_private: bool) -> bool:
    """Whether a connection to `address` is acceptable."""
    for inner in _with_embedded(address):
        if inner in METADATA or inner.is_link_local or inner.is_unspecified or inner.is_multicast:
            return False
        if isinstance(inner, IPv4Address) and any(inner in network for network in RESERVED_V4):
            return False
        if not allow_private and not inner.is_global:
            return False
    return True


def open_socket(addr_info: tuple[Any, ...], *, allow_private: bool) -> socket.socket:
    """A socket for `addr_info` (as of getaddrinfo), for use as a connector's socket factory.

    Raises: RefusedAddressError.
    """
    family, kind, proto, _, sockaddr = addr_info
    address = ip_address(str(sockaddr[0]).partition("%")[0])
    if not is_allowed(address, allow_private=allow_private):
        raise RefusedAddressError
    return socket.socket(family, kind, proto)


def _host_and_port(url: str) -> tuple[str, int]:
    if len(url) > URL_LIMIT or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        raise EgressRefused("The address is too long or contains spaces or control characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise EgressRefused("The address cannot be read.") from exc
    if parts.scheme not in {"http", "https"}:
        raise EgressRefused("The address must start with http:// or https://.")
    if "@" in parts.netloc:
        raise EgressRefused("The address must not contain a user name or password.")
    if parts.query or parts.fragment or "\\" in url:
        raise EgressRefused("The address must not contain '?', '#' or a backslash.")
    if not parts.hostname:
        raise EgressRefused("The address names no host.")
    return parts.hostname, port or (443 if parts.scheme == "https" else 80)


def _literal(host: str) -> IPAddress | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _with_embedded(address: IPAddress) -> tuple[IPAddress, ...]:
    """`address` and the IPv4 address that it carries, if it is a mapped or translated one."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        # The mapped form is itself "reserved": what counts is the address that is reached.
        return (address.ipv4_mapped,)
    if address in NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    if address.sixtofour is not None:
        return (address, address.sixtofour)
    if address.teredo is not None:
        return (address, *address.teredo)
    return (address,)
