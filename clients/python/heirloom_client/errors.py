"""What can go wrong, typed by what a program can do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx


class HeirloomError(Exception):
    """Anything that this package raises by itself."""


class NotConnectedError(HeirloomError):
    """No answer came, as often as it was tried."""


class UnexpectedAnswerError(HeirloomError):
    """The answer is not one of Heirloom's: another program answers at this address, or a proxy before it."""


class TookTooLongError(HeirloomError):
    """Work was waited for and is not done yet; it goes on, and may be waited for again."""


class UploadBrokenError(HeirloomError):
    """An upload broke off too often in a row; `upload(..., resume=upload_id)` goes on, in another run too."""

    def __init__(self, upload_id: str, why: HeirloomError) -> None:
        self.upload_id = upload_id
        super().__init__(f"Upload {upload_id} broke off: {why}")


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of an error's body. attr: the field at fault."""

    code: str
    detail: str
    attr: str | None


class ApiError(HeirloomError):
    """An answer of 400 or more. `code`, `detail` and `attr` are of the first of its `faults`; `code` is stable."""

    def __init__(self, status: int, faults: tuple[Fault, ...], retry_after_s: float | None = None) -> None:
        self.status, self.faults, self.retry_after_s = status, faults, retry_after_s
        self.code, self.detail, self.attr = faults[0].code, faults[0].detail, faults[0].attr
        super().__init__(f"{status} {self.code}: {self.detail}" + (f" ({self.attr})" if self.attr else ""))


class InvalidRequestError(ApiError):
    """400, 413, 415: what was sent cannot be read."""


class NotSignedInError(ApiError):
    """401"""


class NotAllowedError(ApiError):
    """403"""


class NotFoundError(ApiError):
    """404: it is not there, or not for this caller."""


class ConflictError(ApiError):
    """409"""


class UnusableError(ApiError):
    """422: understood, but of no use: no face, several faces, low quality, no consent."""


class TooManyRequestsError(ApiError):
    """429"""


class UnavailableError(ApiError):
    """5xx"""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: InvalidRequestError,
    401: NotSignedInError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidRequestError,
    415: InvalidRequestError,
    422: UnusableError,
    429: TooManyRequestsError,
}


def error_of(response: httpx.Response) -> HeirloomError:
    """Return what an answer of 400 or more stands for."""
    kind = _BY_STATUS.get(response.status_code, UnavailableError if response.status_code >= 500 else ApiError)
    return kind(response.status_code, _faults(response), _seconds(response.headers.get("Retry-After")))


def _faults(response: httpx.Response) -> tuple[Fault, ...]:
    """Read the body; an error of a proxy has none of ours and is told by its status alone."""
    try:
        body: Any = response.json()
        return tuple(Fault(str(one["code"]), str(one["detail"]), one.get("attr")) for one in body["errors"]) or _none()
    except (ValueError, KeyError, TypeError):
        return _none(response.reason_phrase)


def _none(words: str = "") -> tuple[Fault, ...]:
    return (Fault("unknown", words or "No reason was given.", None),)


def _seconds(header: str | None) -> float | None:
    try:
        return None if header is None else max(0.0, float(header))
    except ValueError:
        return None
