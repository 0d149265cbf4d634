"""Timestamps of a third party on anchors (RFC 3161): that the log was so at a time, by somebody who cannot be asked to
say otherwise.
"""

import base64
import binascii
from pathlib import Path

from cryptography import x509
from rfc3161_client import TimestampRequestBuilder, Verifier, VerifierBuilder, decode_timestamp_response
from rfc3161_client.errors import VerificationError

from heirloom.audit.anchors.anchor import Anchor, AnchorFailedError, Fault
from heirloom.audit.anchors.places import post

PLACE = "timestamp"
MOST_ANSWER_BYTES = 64 * 1024


def stamp(anchor: Anchor, *, url: str, certificates: str) -> str:
    """Return an authority's token over what the anchor states, verified, in base64.

    certificates: the PEM file of the authorities that are trusted. Raises AnchorFailedError.
    """
    request = TimestampRequestBuilder().data(anchor.statement).nonce(nonce=True).cert_request(cert_request=True).build()
    roots = _roots(certificates)
    answer = post(url, request.as_bytes(), {"Content-Type": "application/timestamp-query"}, MOST_ANSWER_BYTES)
    try:
        response = decode_timestamp_response(answer)
        _verifier(VerifierBuilder.from_request(request), roots).verify_message(response, anchor.statement)
    except (ValueError, VerificationError):
        raise AnchorFailedError(Fault.NOT_UNDERSTOOD) from None
    return base64.b64encode(answer).decode()


def is_stamped(anchor: Anchor, certificates: str) -> bool:
    """Say whether the anchor's token is one of an authority that is trusted, over what the anchor states.

    Raises AnchorFailedError where the file of authorities cannot be read.
    """
    roots = _roots(certificates)
    try:
        response = decode_timestamp_response(base64.b64decode(anchor.timestamp, validate=True))
        return bool(_verifier(VerifierBuilder(), roots).verify_message(response, anchor.statement))
    except (ValueError, binascii.Error, VerificationError):
        return False


def _verifier(builder: VerifierBuilder, roots: list[x509.Certificate]) -> Verifier:
    for root in roots:
        builder = builder.add_root_certificate(root)
    return builder.build()


def _roots(certificates: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(Path(certificates).read_bytes())
    except (OSError, ValueError):
        raise AnchorFailedError(Fault.NOT_CONFIGURED) from None
