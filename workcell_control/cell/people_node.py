"""What people ask of the cell and are asked by it: start, stop, reset, and first motions when commissioning."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from std_srvs.srv import Trigger

from workcell_control.cell.commissioning import Commissioning
from workcell_control.cell.steps import Event, Move, ResetAsked, StartAsked, StopAsked
from workcell_ros import convert

FULL_SPEED = 1.0


class PeopleLink:
    """Offers the services, `cell/commissioning/KIND/approve` and `.../reject` among them while a motion waits.

    Args:
        node: Owns the services; its parameters say whether the cell is being commissioned, and how fast it is then.
        feed: Takes the events that people cause.
        state_text: What an answer tells.
    """

    def __init__(self, node: Any, feed: Callable[[Event], None], state_text: Callable[[], str]) -> None:
        self._node = node
        self._feed = feed
        self._state_text = state_text
        self._commissioning = Commissioning()
        events: dict[str, Event] = {"start": StartAsked(), "stop": StopAsked("a person asked"), "reset": ResetAsked()}
        self._offered = [
            node.create_service(Trigger, f"cell/{name}", partial(self._on_request, event))
            for name, event in events.items()
        ]
        self._asking: list[Any] = []
        self._asked = ""

    @property
    def speed_override(self) -> float:
        """The largest share of planned speed that people allow now."""
        values = self._node.values
        limit = values.commissioning_speed if values.commissioning else FULL_SPEED
        return float(min(values.speed_override, limit))

    def shaped(self, move: Move) -> Move:
        """The motion as it is to be carried out."""
        return self._commissioning.stepwise(move) if self._node.values.commissioning else move

    def allows(self, move: Move) -> bool:
        """Whether a motion may begin; asks where a person must look first."""
        if not self._node.values.commissioning or self._commissioning.allows(move):
            return True
        self._ask()
        return False

    def statuses(self) -> list[Any]:
        """What waits for a person, for `diagnostics`; nothing where the cell is not being commissioned."""
        if not self._node.values.commissioning:
            return []
        question = self._commissioning.open
        done = ", ".join(self._commissioning.approved) or "nothing yet"
        level, text = (convert.WARN, f"asks: {question.text}") if question else (convert.OK, "asks nothing")
        service = f"cell/commissioning/{question.kind}" if question else ""
        return [self._node.status("commissioning", level, text, service=service, approved=done)]

    def destroy(self) -> None:
        """Takes the services off the graph."""
        for service in (*self._offered, *self._asking):
            self._node.destroy_service(service)

    def _on_request(self, event: Event, _request: Any, response: Any) -> Any:
        self._feed(event)
        response.success = True
        response.message = self._state_text()
        return response

    def _ask(self) -> None:
        question = self._commissioning.open
        if question is None or question.kind == self._asked:
            return
        self._withdraw()
        self._asked = question.kind
        name = f"cell/commissioning/{question.kind}"
        self._asking = [
            self._node.create_service(Trigger, f"{name}/{answer}", partial(self._on_answer, question.kind, is_yes))
            for answer, is_yes in (("approve", True), ("reject", False))
        ]
        self._node.get_logger().warning(f"commissioning: {question.text}? Call {name}/approve or {name}/reject")
        self._node.publish_status(*self.statuses())

    def _withdraw(self) -> None:
        for service in self._asking:
            self._node.destroy_service(service)
        self._asking, self._asked = [], ""

    def _on_answer(self, kind: str, is_approved: bool, _request: Any, response: Any) -> Any:
        response.success = self._commissioning.answer(kind, is_approved)
        response.message = kind if response.success else f"{kind} is not asked any more"
        if response.success:
            # The services go once the answer is on its way: a service cannot be freed while it answers.
            self._asked = ""
            self._node.publish_status(*self.statuses())
            if not is_approved:
                self._feed(StopAsked(f"a person rejected {kind}"))
        return response
