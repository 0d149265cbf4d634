"""How soon a moved rate is found, and how often an alarm is false: `python -m bench.drift` prints the table of
docs/trust.md.

Installations are simulated: each takes its own baseline, then a year of attempts as if nothing changed, or attempts of
a rate that moved.
"""

import argparse

import numpy as np

from heirloom.evaluation import drift

RATES = (0.005, 0.02, 0.05, 0.1, 0.2, 0.3)
A_DAY, YEAR = 1_000, 365
MOVED_EVENTS = 120_000
AT_ONCE = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.drift", description=__doc__)
    parser.add_argument("--installations", type=int, default=200)
    many = parser.parse_args().installations
    print("| rate | false alarms a year | found within, half of them | 95 % of them | not within 120,000 |")
    print("| --- | --- | --- | --- | --- |")
    for rate in RATES:
        false = sum(_alarmed(rate, rate, A_DAY * YEAR, seed) is not None for seed in range(many))
        found = [_alarmed(rate, rate + drift.SHIFT, MOVED_EVENTS, seed) for seed in range(many)]
        after = np.array([np.inf if one is None else one for one in found])
        half, most = (_events(float(np.sort(after)[int(share * (many - 1))])) for share in (0.5, 0.95))
        missed = f"{100 * np.mean(np.isinf(after)):.1f} %"
        print(f"| {100 * rate:g} % | {false / many:.3f} | {half} | {most} | {missed} |", flush=True)


def _alarmed(rate: float, later: float, events: int, seed: int) -> int | None:
    """Return after how many events one installation was alarmed, whose rate is `later` once the baseline is taken."""
    random = np.random.default_rng([seed, int(rate * 1e6), int(later * 1e6)])
    watched = drift.begin(random.random(drift.BASELINE_EVENTS) < rate)
    for _ in range(0, events, AT_ONCE):
        watched = drift.follow(watched, random.random(AT_ONCE) < later)
        if watched.alarmed_after is not None:
            break
    return watched.alarmed_after if watched.alarmed_after is None or watched.alarmed_after <= events else None


def _events(after: float) -> str:
    return f"{after:,.0f}" if np.isfinite(after) else "not found"


if __name__ == "__main__":
    main()
