"""Weighs the held part by the shoulder torque while the arm stands still at the camera."""

from __future__ import annotations

import math
from collections.abc import Mapping

GRAVITY_M_S2 = 9.80665
STILL = ("settle", "inspect")
SAMPLES_MIN = 3
"""A weighing takes so many samples, over as many cycles as they need: friction makes single ones scatter."""
GRACE_WEIGHINGS = 6
"""Weighings over which the torque of a nominal part is learned before anything is estimated."""
LOT_SHARE_MIN = 0.05
"""Share of a new weighing in the mass of a lot, whose parts weigh the same: 1 / n of n weighings, but not less."""
SLACK_SHARE = 0.25
"""Of the nominal mass: a weighing that far off says nothing against the lot's mass."""
SURPRISE_SHARE_MAX = 0.75
"""Of the nominal mass: more than that no single weighing counts, so that one alone is noise."""
JUMP_SHARE = 0.9
"""Of the nominal mass: where surprises on the same side, less the slack of each, add up to more, it is another lot."""
REBASE_SHARE = 0.5
"""Of the nominal mass: up to that far off, a part is taken for a nominal one and the torque of it follows."""
REBASING_MIN = 0.05
"""Share of a weighing in the torque of a nominal part, at least: gears warm up and wear."""
TORQUE_TAG = "arm/joint_2/torque"
SPEED_TAGS = tuple(f"arm/joint_{number}/speed" for number in (1, 2, 3, 4))
HEAVY_SHARE = 0.5
"""Of the nominal mass: up to that much above, a part is carried as a nominal one; no scale of an arm is finer."""
MASS_RATIO_MAX = 10.0
"""Largest mass believed, over the nominal one."""
SPEED_STILL_RAD_S = 0.05
"""Mean joint speed over a reading below which its torque is taken for a static one: a short look hardly leaves time
for a reading that is altogether of the standing arm."""


class PayloadEstimate:
    """The part's mass from the change of torque since the first, nominal parts.

    The arm shows every part at the same pose, so that the torque there changes with the part's mass alone:
    dm = d(torque) / (g * lever). Heat, wear and friction drift slowly; while parts weigh about what they should,
    the reference follows.

    >>> estimate = PayloadEstimate(nominal_kg=0.12, lever_m=0.5)
    >>> for torque_nm in [-30.0] * 6 * SAMPLES_MIN + [-31.0] * 60:
    ...     estimate.see("inspect", {"arm/joint_2/torque": torque_nm}); estimate.end_cycle()
    >>> round(estimate.mass_kg, 2)
    0.32
    """

    def __init__(self, nominal_kg: float, lever_m: float) -> None:
        self._nominal_kg = nominal_kg
        self._lever_m = lever_m
        self._sum = 0.0
        self._count = 0
        self._counted_ns: int | None = None
        self._weighings = 0
        self._reference_nm = 0.0
        self._smooth_kg = nominal_kg
        self._lot_weighings = round(1.0 / LOT_SHARE_MIN)
        self._evidence_kg = 0.0
        self._run_sum_kg = 0.0
        self._run_count = 0

    @property
    def mass_kg(self) -> float:
        """The part's mass; the nominal one where what is weighed lies within noise of it, or below."""
        is_heavy = self._smooth_kg > (1.0 + HEAVY_SHARE) * self._nominal_kg
        return self._smooth_kg if is_heavy else self._nominal_kg

    def see(self, activity: str, readings: Mapping[str, float], taken_ns: int | None = None) -> None:
        """Takes in readings; the torque counts only while the arm stands still with the part, and each reading once.

        Args:
            activity: of the cell.
            readings: the newest by tag.
            taken_ns: when the torque was read; None where it is new each time.
        """
        torque_nm = readings.get(TORQUE_TAG)
        if torque_nm is None or activity not in STILL or (taken_ns is not None and taken_ns == self._counted_ns):
            return
        if all(abs(readings.get(tag, 0.0)) <= SPEED_STILL_RAD_S for tag in SPEED_TAGS):
            self._counted_ns = taken_ns
            self._sum += abs(torque_nm)
            self._count += 1

    def end_cycle(self) -> None:
        """Updates the estimate once enough was seen, in this cycle and those before."""
        if self._count < SAMPLES_MIN:
            return
        mean_nm = self._sum / self._count
        self._sum, self._count = 0.0, 0
        self._weighings += 1
        if self._weighings <= GRACE_WEIGHINGS:
            self._reference_nm += (mean_nm - self._reference_nm) / self._weighings
            return
        mass_kg = self._nominal_kg + (mean_nm - self._reference_nm) / (GRAVITY_M_S2 * self._lever_m)
        self._follow(min(max(mass_kg, 0.0), MASS_RATIO_MAX * self._nominal_kg))
        is_usual = abs(mass_kg - self._nominal_kg) < SURPRISE_SHARE_MAX * self._nominal_kg
        if is_usual and abs(self._smooth_kg - self._nominal_kg) < REBASE_SHARE * self._nominal_kg:
            self._reference_nm += max(1.0 / self._weighings, REBASING_MIN) * (mean_nm - self._reference_nm)

    def _follow(self, mass_kg: float) -> None:
        """Averages the weighings of a lot; a cumulative sum of surprises tells when another one has begun.

        The sum is that of Page ("Continuous inspection schemes", 1954), of either side; the new lot's mass is the mean
        since it left zero.
        """
        surprise_kg = mass_kg - self._smooth_kg
        if surprise_kg * self._evidence_kg <= 0.0:
            self._evidence_kg, self._run_sum_kg, self._run_count = 0.0, 0.0, 0
        size_kg = min(abs(surprise_kg), SURPRISE_SHARE_MAX * self._nominal_kg) - SLACK_SHARE * self._nominal_kg
        self._evidence_kg = math.copysign(max(abs(self._evidence_kg) + size_kg, 0.0), surprise_kg)
        self._run_sum_kg += mass_kg
        self._run_count += 1
        if abs(self._evidence_kg) > JUMP_SHARE * self._nominal_kg:
            self._smooth_kg, self._lot_weighings = self._run_sum_kg / self._run_count, self._run_count
            self._evidence_kg = 0.0
            return
        self._lot_weighings += 1
        self._smooth_kg += max(1.0 / self._lot_weighings, LOT_SHARE_MIN) * surprise_kg
