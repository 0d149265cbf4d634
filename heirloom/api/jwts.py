"""What is true of every token that is sent, whoever made it."""

import jwt

# Ours have some 400 characters, those of other issuers a few thousand at most.
LONGEST = 8192


class TokenRefusedError(Exception):
    """A token that was sent opens nothing. Whoever sent it learns no more than that."""


def issuer_claimed(raw: bytes) -> str:
    """Return who a token says made it, proven by nothing: for choosing who is to verify it, and for no more.

    Raises TokenRefusedError for what is no token.
    """
    if len(raw) > LONGEST:
        raise TokenRefusedError
    try:
        claims = jwt.decode(raw, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise TokenRefusedError from error
    return str(claims.get("iss"))
