"""The measured policy of a recogniser: the operator's own where there is one, else the one that is packaged."""

from django.conf import settings

from heirloom.decision.policy import Policy
from heirloom.decision.policy_files import load


def policy_of(model: str) -> Policy | None:
    return load(model, settings.POLICY_DIR)
