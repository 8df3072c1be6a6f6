"""Keeps the image good: exposure against light drift, settling time against blur."""

from __future__ import annotations

from workcell_control.policy.policy import Cycle, Observation, Proposal

LEVEL_TOLERANCE = 0.06
"""Deviation of the light level from what was taught that is left alone."""
EXPOSURE_MIN_S, EXPOSURE_MAX_S = 0.0005, 0.02
EXPOSURE_GAIN = 0.9
"""Share of the deviation corrected in one step; below 1 so that noise does not make it swing."""
LEVEL_MIN = 0.02

SETTLE_STEP_S = 0.04
SETTLE_MIN_S, SETTLE_MAX_S = 0.12, 0.6
"""The part is weighed in that time as well (see `payload`)."""
BLUR_HIGH_PX, BLUR_LOW_PX = 2.0, 1.7
"""Above, the arm waits longer; below, shorter. The inspection trusts no image beyond 5 (config/verdict.yaml)."""
SHARP_CYCLES = 2
"""Cycles in a row below the lower limit before the wait is shortened."""
BLUR_KEPT_CYCLES = 60
"""For so many cycles a wait that turned out too short is not tried again."""
GRIP_DWELL_STEP_S = 0.02
GRIP_DWELL_MIN_S, GRIP_DWELL_MAX_S = 0.1, 0.4
GRIP_FULL_RATIO = 0.87
"""Lowest vacuum of a hold over its set point above which the lift may begin earlier."""


class ExposureRule:
    """Brings the board back to the brightness it was taught at."""

    def __init__(self) -> None:
        self._has_news = False

    def learn(self, cycle: Cycle) -> None:
        """A cycle brings a new image to judge by."""
        self._has_news = True

    def propose(self, observation: Observation) -> list[Proposal]:
        """Returns the exposure that would have given the taught level."""
        exposure_s = observation.parameters.get("inspection", {}).get("exposure_s")
        image = observation.image
        if exposure_s is None or image is None or not self._has_news:
            return []
        self._has_news = False
        if abs(image.light_level - 1.0) <= LEVEL_TOLERANCE or image.exposure_s != exposure_s:
            return []
        correction = max(image.light_level, LEVEL_MIN) ** -EXPOSURE_GAIN
        wanted_s = round(min(max(exposure_s * correction, EXPOSURE_MIN_S), EXPOSURE_MAX_S), 6)
        if wanted_s == exposure_s:
            return []
        reason = f"the board looks {image.light_level:.0%} as bright as taught"
        readings = {"light_level": image.light_level, "exposure_s": exposure_s}
        return [Proposal("inspection", {"exposure_s": wanted_s}, "exposure", reason, readings=readings)]


class DwellRule:
    """Waits before the look only as long as blur demands, and before lifting only as long as grips need."""

    def __init__(self) -> None:
        self._last: Cycle | None = None
        self._sharp_cycles = 0
        self._too_short_s = 0.0
        self._too_short_cycles = 0

    def learn(self, cycle: Cycle) -> None:
        """Keeps the newest cycle."""
        self._last = cycle

    def propose(self, observation: Observation) -> list[Proposal]:
        """Returns at most one step of each dwell per cycle."""
        cycle, self._last = self._last, None
        own = observation.parameters.get("cell", {})
        if cycle is None or not {"settle_s", "grip_dwell_s", "grip_vacuum_pa"} <= own.keys():
            return []
        changes = self._settle_step(own["settle_s"], observation, cycle)
        changes |= _grip_dwell_step(own["grip_dwell_s"], own["grip_vacuum_pa"], cycle)
        if not changes:
            return []
        blur_px = observation.image.blur_px if observation.image is not None else 0.0
        reason = f"blur {blur_px:.1f} px, {cycle.pick_attempts} pick attempt(s)"
        return [Proposal("cell", changes, "dwell", reason, readings={"blur_px": blur_px})]

    def _settle_step(self, settle_s: float, observation: Observation, cycle: Cycle) -> dict[str, float]:
        if observation.image is None or cycle.verdict == "none":
            return {}
        blur_px = observation.image.blur_px
        self._too_short_cycles = max(self._too_short_cycles - 1, 0)
        if blur_px > BLUR_HIGH_PX:
            self._sharp_cycles = 0
            self._too_short_s, self._too_short_cycles = settle_s, BLUR_KEPT_CYCLES
            wanted_s = min(settle_s + SETTLE_STEP_S, SETTLE_MAX_S)
        else:
            self._sharp_cycles = self._sharp_cycles + 1 if blur_px < BLUR_LOW_PX else 0
            if self._sharp_cycles < SHARP_CYCLES:
                return {}
            wanted_s = max(settle_s - SETTLE_STEP_S, SETTLE_MIN_S)
            if self._too_short_cycles and wanted_s <= self._too_short_s:
                return {}
            self._sharp_cycles = 0
        return {} if wanted_s == settle_s else {"settle_s": round(wanted_s, 3)}


def _grip_dwell_step(dwell_s: float, grip_pa: float, cycle: Cycle) -> dict[str, float]:
    """The vacuum still builds up when the part is lifted: an early lift is the weakest moment of the hold."""
    if cycle.is_dropped or cycle.pick_attempts > 1:
        wanted_s = min(dwell_s + GRIP_DWELL_STEP_S, GRIP_DWELL_MAX_S)
    elif cycle.vacuum_min_pa > GRIP_FULL_RATIO * grip_pa:
        wanted_s = max(dwell_s - GRIP_DWELL_STEP_S, GRIP_DWELL_MIN_S)
    else:
        return {}
    return {} if wanted_s == dwell_s else {"grip_dwell_s": round(wanted_s, 3)}
