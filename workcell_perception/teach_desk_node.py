"""The service `inspection/teach`: the next good parts that are shown become a product's reference."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from std_srvs.srv import Trigger

from workcell_perception.calibration import Calibration
from workcell_perception.errors import ImageError
from workcell_perception.golden import GoldenStore
from workcell_perception.images import ImageU8, decode_raw
from workcell_perception.teach_session import TeachSession
from workcell_ros import convert
from workcell_ros.convert import NS_PER_S, stamp_to_ns


class TeachDesk:
    """Serves `inspection/teach` for a node and tells its progress as the status `teaching`."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._means: tuple[GoldenStore, Calibration] | None = None
        self._session: TeachSession | None = None
        node.create_service(Trigger, "inspection/teach", self._on_teach)

    def use(self, goldens: GoldenStore, calibration: Calibration) -> None:
        """Says where references are kept and how the camera is calibrated."""
        self._means = (goldens, calibration)

    def takes(self, message: Any, exposure_s: float) -> bool:
        """Offers an image to the lesson, if there is one; returns whether a lesson ended with it."""
        session = self._session
        if session is None or session.is_done:
            return False
        before = session.progress
        try:
            session.offer(stamp_to_ns(message.header.stamp), pixels_of(message), exposure_s)
        except ImageError as error:
            session.progress = f"image not taken: {error}"
        if session.progress != before:
            self._node.publish_status(*self.statuses())
        return session.is_done

    def statuses(self) -> Iterable[Any]:
        """The lesson's progress, where there was one."""
        if self._session is None:
            return []
        return [self._node.status("teaching", convert.OK, self._session.progress)]

    def _on_teach(self, _: Any, response: Any) -> Any:
        if not self._node.is_active or self._means is None:
            response.success, response.message = False, "inspection is not active, or knows no calibration yet"
            return response
        values = self._node.values
        period_ns = round(values.teach_period_s * NS_PER_S)
        self._session = TeachSession(*self._means, values.teach_images, period_ns)
        response.success, response.message = True, f"show {values.teach_images} good parts of one product"
        return response


def pixels_of(message: Any) -> ImageU8:
    """A sensor_msgs/Image as grey image (height, width). Raises ImageError where it cannot be used."""
    data, encoding = memoryview(message.data), message.encoding
    return decode_raw(data, height=message.height, width=message.width, step=message.step, encoding=encoding)
