"""The rows of the API's own plumbing."""

from heirloom.api.api_keys import ApiKey
from heirloom.api.keyed_requests import KeyedRequest

__all__ = ["ApiKey", "KeyedRequest"]
