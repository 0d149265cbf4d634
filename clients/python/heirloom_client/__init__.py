"""A client of Heirloom's API. `Client` is for threads, `AsyncClient` for asyncio; both have the same methods."""

from heirloom_client.answers import (
    Accepted,
    Challenge,
    Comparison,
    Detection,
    Enrollment,
    Person,
    Recognition,
    Registration,
    Upload,
    Verification,
)
from heirloom_client.client import AsyncClient, Client
from heirloom_client.core import Retries
from heirloom_client.errors import (
    ApiError,
    ConflictError,
    HeirloomError,
    InvalidRequestError,
    NotAllowedError,
    NotConnectedError,
    NotFoundError,
    NotSignedInError,
    TookTooLongError,
    TooManyRequestsError,
    UnavailableError,
    UnexpectedAnswerError,
    UnusableError,
    UploadBrokenError,
)
from heirloom_client.operations import ConsentGiven
from heirloom_client.webhooks import Event, WebhookRefusedError, read_event

__all__ = [
    "Accepted",
    "ApiError",
    "AsyncClient",
    "Challenge",
    "Client",
    "Comparison",
    "ConflictError",
    "ConsentGiven",
    "Detection",
    "Enrollment",
    "Event",
    "HeirloomError",
    "InvalidRequestError",
    "NotAllowedError",
    "NotConnectedError",
    "NotFoundError",
    "NotSignedInError",
    "Person",
    "Recognition",
    "Registration",
    "Retries",
    "TooManyRequestsError",
    "TookTooLongError",
    "UnavailableError",
    "UnexpectedAnswerError",
    "UnusableError",
    "Upload",
    "UploadBrokenError",
    "Verification",
    "WebhookRefusedError",
    "read_event",
]
