"""How often the numbers are wrong, measured offline: rates with their intervals, thresholds, DET plots."""
