"""One inspection from image to verdict: straighten, locate, measure, trust, compare, judge."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from workcell_perception.calibration import Calibration
from workcell_perception.defects import FoundDefect
from workcell_perception.errors import GoldenError, ImageError, RegistrationError
from workcell_perception.health import ImageHealth, measure
from workcell_perception.images import check_image
from workcell_perception.inspector import Findings, Inspector
from workcell_perception.registration import Locator, Registrar, Registration
from workcell_perception.verdict import Verdict, VerdictRules, judge, unsure

ImageU8 = npt.NDArray[np.uint8]

NOTHING_FOUND = Findings((), 0.0)


@dataclass(frozen=True)
class Inspection:
    """What one image says about one part. Without a board in it `registration` and `rectified` are None."""

    verdict: Verdict
    defects: tuple[FoundDefect, ...] = ()
    registration: Registration | None = None
    health: ImageHealth | None = None
    rectified: ImageU8 | None = field(default=None, repr=False)
    heat_map: npt.NDArray[np.float32] | None = field(default=None, repr=False)


class InspectionStation:
    """Inspects images of one camera. No image makes it raise: what cannot be judged is `unsure`, with the reason."""

    def __init__(
        self, calibration: Calibration, inspector: Inspector, rules: VerdictRules, locator: Locator | None = None
    ) -> None:
        self._calibration = calibration
        self._inspector = inspector
        self._rules = rules
        self._locator = locator or Registrar(residual_max_px=rules.image.residual_px_max)

    def inspect(self, image: npt.NDArray[np.generic], exposure_s: float) -> Inspection:
        """Inspects an image as the camera took it, taken with `exposure_s` in [s]."""
        try:
            checked = check_image(image, self._calibration.width_px, self._calibration.height_px)
        except ImageError as error:
            return Inspection(unsure(str(error)))
        straight = self._calibration.straighten(checked)
        try:
            registration = self._locator.locate(straight)
        except RegistrationError as error:
            return Inspection(unsure(str(error)), health=measure(straight, (), exposure_s, self._rules.light))
        return self._inspect_board(straight, registration, exposure_s)

    def _inspect_board(self, image: ImageU8, registration: Registration, exposure_s: float) -> Inspection:
        health = measure(image, registration.markers.values(), exposure_s, self._rules.light)
        rectified = self._locator.rectify(image, registration)
        findings = NOTHING_FOUND
        problem = self._rules.image.problem(health, registration.residual_px)
        if problem is None:
            try:
                findings = self._inspector.inspect(rectified, registration.variant)
            except GoldenError as error:
                problem = str(error)
        verdict = unsure(problem) if problem is not None else judge(findings.defects, self._rules)
        return Inspection(verdict, findings.defects, registration, health, rectified, findings.heat_map)
