"""Names that several rooms must spell alike: of attack detectors, and those that ask for no model in particular."""

MINIFASNET, DEEP_TREE = "minifasnet", "deep-tree"
"""The attack detectors that look at pixels."""

AUTO = "auto"

GIVEN_DEFAULTS = ("facenet", "adaface")
"""What existing client apps send when they have no opinion; GIVEN_MODEL_DEFAULTS=auto lets the active pack answer."""


def leaves_it_open(name: str, given_model_defaults: str) -> bool:
    """Say whether a name leaves the choice to the installation."""
    plain = name.strip().lower()
    return plain in ("", AUTO) or (plain in GIVEN_DEFAULTS and given_model_defaults == AUTO)
