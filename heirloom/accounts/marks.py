"""Under which mark a name or an address is counted: keyed, so that the table of counts tells neither."""

import unicodedata
from ipaddress import IPv6Address, ip_address

from django.utils.crypto import salted_hmac

IPV6_NETWORK_BITS = 64
"""What one customer of a network is given at least (RFC 6177); each of its addresses is theirs to choose."""


def mark(kind: str, *parts: str) -> str:
    """Return the HMAC-SHA256 (hex) of what is counted."""
    return salted_hmac(f"heirloom.accounts.marks {kind}", "\n".join(parts), algorithm="sha256").hexdigest()


def plain_name(username: str) -> str:
    """Return a name as the sign-in form reads it, so that no spelling of it is counted apart."""
    return unicodedata.normalize("NFKC", username).strip()


def network(address: str) -> str:
    """Return an address as it is counted: IPv4 as it is, of IPv6 the first 64 bits."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(int(parsed) >> (128 - IPV6_NETWORK_BITS))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
