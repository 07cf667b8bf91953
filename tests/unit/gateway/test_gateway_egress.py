"""Which addresses are called, whatever they are written as."""

import socket
from ipaddress import ip_address

import pytest

from gateway.egress import RefusedAddressError, check_base_url, open_socket
from gateway.errors import AddressRefused
from kernel.egress import is_allowed

NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "240.0.0.1",
    "0.1.2.3",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
]
PRIVATE = ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "fd12::1", "100.64.0.1",
           "::ffff:10.0.0.1"]  # fmt: skip
PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", NEVER)
def test_never(address: str) -> None:
    assert not is_allowed(ip_address(address), allow_private=True)
    assert not is_allowed(ip_address(address), allow_private=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_only_where_allowed(address: str) -> None:
    assert is_allowed(ip_address(address), allow_private=True)
    assert not is_allowed(ip_address(address), allow_private=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_allowed(ip_address(address), allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/v1",
        "ftp://example.org",
        "file:///etc/passwd",
        "gopher://example.org",
        "http://",
        "http:///v1",
        "http://user@example.org",
        "http://user:pass@example.org/v1",
        "http://example.org/v1?x=1",
        "http://example.org/v1#x",
        "http://example.org\\@evil/v1",
        "http://exa mple.org",
        "http://example.org/\r\nHost: evil",
        "http://example.org:99999",
        "http://[::1",
        "http://" + "a" * 600,
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:a9fe:a9fe]/",
        "http://0.0.0.0:11434/v1",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_base_url(url, allow_private=True, resolve=False)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "http://127.0.0.1:11434/v1",
        "http://[::1]:8000",
        "http://vllm:80",
    ],
)
def test_urls_that_are_accepted(url: str) -> None:
    check_base_url(url, allow_private=True, resolve=False)


@pytest.mark.parametrize("host", ["localhost", "0x7f.1", "2130706433", "127.1"])
def test_other_spellings_of_loopback_are_found_by_resolving(host: str) -> None:
    with pytest.raises(AddressRefused):
        check_base_url(f"http://{host}/v1", allow_private=False)


def test_a_name_that_changed_its_address_is_stopped_at_the_socket() -> None:
    """DNS rebinding: the name was checked with one address and is connected with another."""
    bad = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))
    with pytest.raises(RefusedAddressError):
        open_socket(bad, allow_private=True)
    scoped = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1%eth0", 80, 0, 2))
    with pytest.raises(RefusedAddressError):
        open_socket(scoped, allow_private=True)
    fine = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))
    with open_socket(fine, allow_private=True) as plug:
        assert plug.family == socket.AF_INET
