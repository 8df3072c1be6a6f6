"""Hands the exposure on to the camera's driver, without waiting for it."""

from __future__ import annotations

from functools import partial
from typing import Any

from rcl_interfaces.srv import SetParametersAtomically

from workcell_ros.convert import parameter_message
from workcell_ros.remote_values import RemoteValues


class ExposureClient:
    """Keeps a parameter of the camera's node at the exposure that is wanted.

    `in_force_s` is the exposure the camera has, as far as it is known. It is followed, so that a camera that was
    started again is asked again.
    """

    def __init__(self, node: Any, camera_node: str, parameter: str) -> None:
        self._node = node
        self._camera = camera_node
        self._parameter = parameter
        self._client = node.create_client(SetParametersAtomically, f"{camera_node}/set_parameters_atomically")
        self._remote = RemoteValues(node, {camera_node: (parameter,)})
        self._wanted_s: float | None = None
        self._is_asking = False

    @property
    def in_force_s(self) -> float | None:
        """The camera's exposure in [s], or None where it is not known yet."""
        return self._remote.values[self._camera].get(self._parameter)

    def destroy(self) -> None:
        """Frees what talks to the camera."""
        self._remote.destroy()
        self._node.destroy_client(self._client)

    def want(self, exposure_s: float) -> None:
        """Asks the camera for an exposure; `retry` does where the camera is not there or busy."""
        self._wanted_s = exposure_s
        self.retry()

    def retry(self) -> None:
        """Asks again where the camera has another exposure than is wanted."""
        wanted_s = self._wanted_s
        if wanted_s is None or wanted_s == self.in_force_s or self._is_asking or not self._client.service_is_ready():
            return
        self._is_asking = True
        request = SetParametersAtomically.Request(parameters=[parameter_message(self._parameter, wanted_s)])
        self._client.call_async(request).add_done_callback(partial(self._on_answer, wanted_s))

    def _on_answer(self, asked_s: float, future: Any) -> None:
        self._is_asking = False
        result = future.result().result
        if not result.successful:
            self._node.get_logger().warning(f"{self._camera} refused {self._parameter}={asked_s}: {result.reason}")
            self._wanted_s = None if self._wanted_s == asked_s else self._wanted_s
        elif self._wanted_s != asked_s:
            self.retry()
