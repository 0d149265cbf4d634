"""`make attack`: start an instance, carry out every attack on it, print a line for each; 1 if any of them succeeded.

python -m bench.intrusion.run [NAME ...]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.instance import own_instance
from bench.intrusion import (
    alone,
    at_rest,
    audit,
    canaries,
    confirmation,
    erased,
    fishing,
    guessing,
    heads,
    items,
    scores,
    second_factor,
    turned,
    unending,
    webhook_names,
)
from bench.intrusion.target import Attack, Finding, Target

ATTACKS: Mapping[str, Attack] = {
    "alone": alone.attack,
    "at_rest": at_rest.attack,
    "audit": audit.attack,
    "canaries": canaries.attack,
    "confirmation": confirmation.attack,
    "erased": erased.attack,
    "fishing": fishing.attack,
    "guessing": guessing.attack,
    "heads": heads.attack,
    "items": items.attack,
    "scores": scores.attack,
    "second_factor": second_factor.attack,
    "turned": turned.attack,
    "unending": unending.attack,
    "webhook_names": webhook_names.attack,
}
"""By name, as docs/threat-model.md calls it."""
SHIPPED = {"FACE_FAILURES_PER_CALLER": "5", "FACE_FAILURES_PER_PERSON": "10", "FACE_SUSPENDED_AFTER": "50"}
"""Limits that benches lift for themselves, as an installation has them."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make attack", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(ATTACKS) or 'none yet'}")
    names = parser.parse_args().names or list(ATTACKS)
    print("Starting an Heirloom for the attacks alone, in a temporary folder ...", flush=True)
    with own_instance(**SHIPPED) as instance, tempfile.TemporaryDirectory(prefix="heirloom-attack-") as folder:
        target = Target(instance, Path(folder))
        target.make_logins()
        held = [_carried_out(name, ATTACKS[name], target) for name in names]
    print(f"{sum(held)} of {len(held)} attacks were withstood.")
    return 0 if all(held) else 1


def _carried_out(name: str, attack: Attack, target: Target) -> bool:
    began, held = time.monotonic(), True
    for finding in _findings(attack, target):
        held = held and finding.held
        print(f"  {'held ' if finding.held else 'BROKE'}  {name}: {finding.figure}", flush=True)
    print(f"         {time.monotonic() - began:.1f} s", flush=True)
    target.empty()
    return held


def _findings(attack: Attack, target: Target) -> Iterator[Finding]:
    """What an attack finds; one that cannot be carried out has shown nothing, so it is told as a hole."""
    try:
        found = False
        for finding in attack(target):
            found = True
            yield finding
        if not found:
            yield Finding(held=False, figure="nothing was tried")
    except Exception as error:  # noqa: BLE001 - whatever stopped it, the other attacks are still to be carried out
        yield Finding(held=False, figure=f"stopped by {type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main())
