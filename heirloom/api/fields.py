"""Fields that several endpoints take."""

import math
from typing import Any

from rest_framework import serializers


class FiniteField(serializers.FloatField):
    """A number; "nan" is within no bounds and would pass all of them."""

    def to_internal_value(self, data: Any) -> float:
        try:
            number = super().to_internal_value(data)
        except OverflowError:
            self.fail("invalid")
        if not math.isfinite(number):
            self.fail("invalid")
        return number
