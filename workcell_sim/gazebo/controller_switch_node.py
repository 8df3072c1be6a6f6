"""Stops and starts the arm's trajectory controller, as the protective stop of a robot does."""

from __future__ import annotations

from typing import Any

from controller_manager_msgs.srv import SwitchController

CONTROLLER = "joint_trajectory_controller"
_SERVICE = "controller_manager/switch_controller"


class ControllerSwitch:
    """Asks the controller manager; a goal under way is aborted when its controller stops, and the joints are held."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._client = node.create_client(SwitchController, _SERVICE)

    def stop(self) -> None:
        """Stops the controller."""
        self._call(deactivate_controllers=[CONTROLLER])

    def start(self) -> None:
        """Starts the controller."""
        self._call(activate_controllers=[CONTROLLER])

    def destroy(self) -> None:
        """Takes the client off the graph."""
        self._node.destroy_client(self._client)

    def _call(self, **which: list[str]) -> None:
        if not self._client.service_is_ready():
            self._node.get_logger().error(f"{_SERVICE} is not there: {which} was not done")
            return
        request = SwitchController.Request(strictness=SwitchController.Request.BEST_EFFORT, **which)
        self._client.call_async(request).add_done_callback(lambda future: self._on_answer(future, which))

    def _on_answer(self, future: Any, which: dict[str, list[str]]) -> None:
        answer = future.result()
        if answer is None or not answer.ok:
            self._node.get_logger().error(f"{_SERVICE} refused {which}")
