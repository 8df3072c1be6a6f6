"""Watches image health from part to part and says what should be done about it, once per cause and not per image."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from workcell_perception.dirt import DirtSpot
from workcell_perception.health import ImageHealth

WINDOW = 5
LEVEL_TOLERANCE = 0.06
EXPOSURE_GAIN = 0.9
EXPOSURE_MIN_S, EXPOSURE_MAX_S = 0.0002, 0.03
ILLUMINATION_LOSS_MAX = 0.3
FOCUS_MIN = 0.62
MOTION_BLUR_MAX_PX = 3.0
UNTRUSTED_MAX = 3
# A cause that was raised is over once it is better than its limit by this share of the limit.
_RELIEF = 0.15


class Concern(StrEnum):
    """What can be wrong with images."""

    EXPOSURE = "exposure"
    LIGHT = "light"
    FOCUS = "focus"
    MOTION = "motion"
    LENS = "lens"
    HOLD = "hold"


@dataclass(frozen=True)
class ImageAdvice:
    """What should be done: the cause, a sentence for a person, and for EXPOSURE the exposure in [s] to set."""

    concern: Concern
    text: str
    exposure_s: float | None = None


class ImageWatch:
    """Takes in each part's image health; holds what is advised now.

    `active` are the standing concerns by cause. `learn` returns those that are new with this image. An exposure is
    proposed by the median of several images, and the images taken before it came into force do not count again.
    """

    def __init__(self) -> None:
        self._recent: deque[ImageHealth] = deque(maxlen=WINDOW)
        self._untrusted = 0
        self.active: dict[Concern, ImageAdvice] = {}

    def learn(self, health: ImageHealth, *, is_trusted: bool, spot: DirtSpot | None = None) -> tuple[ImageAdvice, ...]:
        """Takes in an image that shows a part; `spot` is dirt seen at one place of all images."""
        before = set(self.active)
        self._untrusted = 0 if is_trusted else self._untrusted + 1
        self._set(Concern.HOLD, self._untrusted >= UNTRUSTED_MAX, self._hold)
        self._set(Concern.LENS, spot is not None, lambda: _lens(spot))
        if self._recent and health.exposure_s != self._recent[-1].exposure_s:
            self._recent.clear()
        self._recent.append(health)
        new = [self.active[concern] for concern in self.active if concern not in before]
        if len(self._recent) < WINDOW:
            return tuple(new)
        new += [advice for advice in self._judge(_median_of(self._recent)) if advice.concern not in before]
        return tuple(new)

    def _judge(self, typical: ImageHealth) -> list[ImageAdvice]:
        loss = 1.0 - typical.illumination
        self._limit(
            Concern.LIGHT, loss, ILLUMINATION_LOSS_MAX, f"the lamps give {loss:.0%} less light than at teaching"
        )
        blur = 1.0 / max(typical.focus, 1e-3)
        focus = (
            f"out of focus along both axes (sharpness {typical.focus:.2f}, needs {FOCUS_MIN}): focus or clean the lens"
        )
        self._limit(Concern.FOCUS, blur, 1.0 / FOCUS_MIN, focus)
        motion = typical.blur_px if Concern.FOCUS not in self.active else 0.0
        self._limit(Concern.MOTION, motion, MOTION_BLUR_MAX_PX, f"smeared by {motion:.1f} px: settle longer")
        self._propose_exposure(typical)
        return list(self.active.values())

    def _propose_exposure(self, typical: ImageHealth) -> None:
        deviates = abs(typical.light_level - 1.0) > LEVEL_TOLERANCE
        wanted_s = typical.exposure_s * max(typical.light_level, 0.02) ** -EXPOSURE_GAIN
        wanted_s = round(min(max(wanted_s, EXPOSURE_MIN_S), EXPOSURE_MAX_S), 6)
        text = f"parts look {typical.light_level:.0%} as bright as taught: expose for {wanted_s * 1e3:.2f} ms"
        useful = deviates and wanted_s != typical.exposure_s
        self._set(Concern.EXPOSURE, useful, lambda: ImageAdvice(Concern.EXPOSURE, text, wanted_s))

    def _limit(self, concern: Concern, value: float, limit: float, text: str) -> None:
        """Raises a concern above its limit and clears it once clearly below."""
        threshold = limit * (1.0 - _RELIEF) if concern in self.active else limit
        self._set(concern, value > threshold, lambda: ImageAdvice(concern, text))

    def _set(self, concern: Concern, stands: bool, advice: Callable[[], ImageAdvice]) -> None:
        if stands:
            self.active[concern] = advice()
        else:
            self.active.pop(concern, None)

    def _hold(self) -> ImageAdvice:
        return ImageAdvice(Concern.HOLD, f"{self._untrusted} images in a row cannot be trusted: verdicts are held")


def _lens(spot: DirtSpot | None) -> ImageAdvice:
    where = f"at {spot.x:.0%}, {spot.y:.0%} of the image, {spot.loss:.0%} darker" if spot else ""
    return ImageAdvice(Concern.LENS, f"dirt on lens or window {where}: clean it")


def _median_of(recent: deque[ImageHealth]) -> ImageHealth:
    names = ("light_level", "illumination", "focus", "blur_px")
    medians = {name: float(np.nanmedian([getattr(item, name) for item in recent])) for name in names}
    return replace(recent[-1], **medians)
