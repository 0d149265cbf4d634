"""The pictures of the tests are those of the demo and the bench."""

from bench.pictures import b64, clip, jpeg, landscape, retaken, side_by_side

__all__ = ["b64", "clip", "jpeg", "landscape", "retaken", "side_by_side"]
