"""What a request costs its caller, in points of THROTTLE_COST: one place for all of them.

A view names its price by the action or method that has one: `costs = {"create": "verification"}`. The rest is reading,
or a change.
"""

from typing import Any

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

POINTS = {
    "reading": 1,
    "change": 2,
    "photo": 10,
    "pair": 20,
    "verification": 20,
    "capture": 20,
    "import": 100,
}


def cost_of(request: Request, view: Any) -> int:
    """Return the points of a request as far as its address tells; `charge` adds what its body turns out to hold."""
    prices: dict[str, str] = getattr(view, "costs", {})
    done = getattr(view, "action", None) or str(request.method).lower()
    usual = "reading" if request.method in SAFE_METHODS else "change"
    return POINTS[usual if request.method in SAFE_METHODS else prices.get(done, usual)]
