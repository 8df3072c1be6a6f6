"""A proposal's stamp is its identity: those of the policy are even, those of the monitor odd, none is given twice."""

from __future__ import annotations


def policy_stamp_ns(now_ns: int, last_ns: int) -> int:
    """Returns the stamp of a proposal of the policy's, after the last one."""
    return (max(now_ns, last_ns + 1) + 1) & ~1


def monitor_stamp_ns(now_ns: int, last_ns: int) -> int:
    """Returns the stamp of a proposal of the monitor's, after the last one."""
    return max(now_ns, last_ns + 1) | 1


def is_of_policy(stamp_ns: int) -> bool:
    """Returns whether a stamp is one of the policy's."""
    return stamp_ns % 2 == 0
