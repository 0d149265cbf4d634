"""Where events may be sent: to public addresses over HTTPS, never into the network that Heirloom itself stands in."""

import logging
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import httpx
from django.conf import settings

from heirloom.errors import Refusal

LONGEST_URL = 2000
# One answer for a name without an address and for one that leads inside: else names of the network could be found out.
_NOT_PUBLIC = "The address is not a public one, or its host is not known."
logger = logging.getLogger(__name__)
# Addresses that `is_global` lets pass on some Python of 3.11: protocol assignments, 6to4 relays, and the host of Azure.
_OWN_USE = tuple(ip_network(net) for net in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32"))
# All global unicast there is (RFC 4291, 2.4): leaves out mapped, NAT64, local, link-local and multicast addresses.
_UNICAST = IPv6Network("2000::/3")
_PORTS = {"http": 80, "https": 443}


def checked(url: str) -> httpx.URL:
    """Return an address that may be called as far as its text tells.

    Raises Refusal "webhook_target_refused".
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise _refused("The address cannot be read.") from None
    if parsed.scheme != "https" and not (settings.WEBHOOK_LOOPBACK_TARGETS and parsed.scheme == "http"):
        raise _refused("The address must begin with https://.")
    if not parsed.host or parsed.userinfo or parsed.fragment or len(url) > LONGEST_URL:
        raise _refused("The address must be a host and a path, without a login and without #.")
    if not _is_open_port(parsed) and not settings.WEBHOOK_LOOPBACK_TARGETS:
        raise _refused_port()
    return parsed


def resolve(url: httpx.URL) -> tuple[str, ...]:
    """Return the addresses that a name has now, all of them checked: connect to these, and ask no name server again.

    One address that may not be called refuses them all. Raises Refusal "webhook_target_refused".
    """
    try:
        found = socket.getaddrinfo(url.raw_host.decode(), _port(url), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        logger.info("the host of a webhook was not found: %s", type(error).__name__)
        raise _refused(_NOT_PUBLIC) from None
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses or not all(_may_be_called(address) for address in addresses):
        raise _refused(_NOT_PUBLIC)
    if not _is_open_port(url) and not all(ip_address(address).is_loopback for address in addresses):
        raise _refused_port()
    return addresses


def _port(url: httpx.URL) -> int:
    return url.port or _PORTS[url.scheme]


def _is_open_port(url: httpx.URL) -> bool:
    """Whether this installation sends to the port: on another may listen what a POST was never meant for."""
    return str(_port(url)) in settings.WEBHOOK_PORTS


def _may_be_called(text: str) -> bool:
    address = ip_address(text)
    if address.is_loopback:
        return bool(settings.WEBHOOK_LOOPBACK_TARGETS)
    return address.is_global and not address.is_multicast and _is_for_anybody(address)


def _is_for_anybody(address: IPv4Address | IPv6Address) -> bool:
    """Leave out what carries another address inside (6to4, Teredo), and public addresses with a private use."""
    if isinstance(address, IPv6Address):
        return address in _UNICAST and address.sixtofour is None and address.teredo is None
    return not any(address in net for net in _OWN_USE)


def _refused_port() -> Refusal:
    return _refused(f"Events are sent to these ports alone: {', '.join(settings.WEBHOOK_PORTS)}.")


def _refused(detail: str) -> Refusal:
    return Refusal("webhook_target_refused", detail, attr="url")
