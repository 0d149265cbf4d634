"""The portraits of the tests are those of the demo and the bench."""

from bench.portraits import Portrait

__all__ = ["Portrait"]
