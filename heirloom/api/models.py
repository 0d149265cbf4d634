"""The rows of the API's own plumbing."""

from heirloom.api.api_keys import ApiKey
from heirloom.api.keyed_requests import KeyedRequest
from heirloom.api.token_families import TokenFamily

__all__ = ["ApiKey", "KeyedRequest", "TokenFamily"]
