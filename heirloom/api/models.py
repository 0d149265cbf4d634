"""The rows of the API's own plumbing."""

from heirloom.api.keyed_requests import KeyedRequest

__all__ = ["KeyedRequest"]
