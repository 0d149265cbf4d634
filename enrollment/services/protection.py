"""The kinds of search vectors of a model: which one is made now, and which ones rows may still carry."""

from enrollment.services.policies import centers_of
from heirloom.crypto.rotation import Rotation, rotations


def in_force(model: str) -> Rotation:
    """Return how vectors of this model are protected now."""
    return known(model)[0]


def known(model: str) -> tuple[Rotation, ...]:
    """Return the kinds whose vectors a probe can be compared with, the one in force first; costs one query."""
    return rotations(model, centers_of(model))
