"""Whom a policy fails, in words for whoever runs or reviews with it."""

from heirloom.decision.policy import Caveat, Policy
from heirloom.decision.policy_cells import GroupRate, GroupRates

CAVEATS: dict[str, str] = {
    Caveat.GROUPS_NOT_MEASURED: "no group of people was measured, so nobody knows whom it fails",
    Caveat.GROUPS_UNEQUAL: (
        "in some group strangers are taken for each other far more often than in all; a match is held to that group"
    ),
    Caveat.GROUP_NOT_SHOWN: "the group that a match is held to is too small to show that it reaches the target",
}
"""By the codes that records hold."""


def whom_it_fails(policy: Policy | None, fmr: float) -> str:
    """Return in one line which group a policy fails most at `fmr`, by how much, and what holding to it costs."""
    if policy is None:
        return "unknown: no policy was measured, and nothing is a match by itself"
    worst = policy.worst(fmr)
    if worst is None:
        return f"unknown: {CAVEATS[Caveat.GROUPS_NOT_MEASURED]}"
    return "; ".join(filter(None, (_worst(*worst), _cost(policy, fmr), _unshown(policy, worst[0], fmr))))


def _worst(group: GroupRates, rate: GroupRate) -> str:
    times = f"{rate.seen / rate.fmr:.2g}" if rate.seen < 10 * rate.fmr else f"{rate.seen / rate.fmr:.0f}"
    return (
        f"most {group.label}, {group.people} people: strangers taken for each other {times} times as often as "
        f"{rate.fmr:g}, the target over everybody"
    )


def _cost(policy: Policy, fmr: float) -> str:
    cost = policy.cost(1, 1, fmr)
    return f"held to that group, a match misses {cost.value:.0%} of single photos" if cost else ""


def _unshown(policy: Policy, group: GroupRates, fmr: float) -> str:
    if Caveat.GROUP_NOT_SHOWN not in policy.caveats(fmr):
        return ""
    return f"so few people show no rate under {group.shown_to:.1g}"
