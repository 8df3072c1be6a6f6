"""Puts what inspection was unsure about to a person: one pair of services per question, as for proposals."""

from __future__ import annotations

from functools import partial
from typing import Any

from std_srvs.srv import Trigger

from workcell_perception.questions import Answer, Question, QuestionStore
from workcell_perception.station import Inspection
from workcell_perception.verdict import Outcome


class QuestionDesk:
    """Opens `inspection/questions/q<stamp>/good` and `.../bad` for each question, and files the answer."""

    def __init__(self, node: Any, store: QuestionStore) -> None:
        self._node = node
        self._store = store
        self._services: dict[int, tuple[Any, ...]] = {}
        for question in store.pending():
            self._open(question.stamp_ns)

    @property
    def waiting(self) -> int:
        """How many questions wait."""
        return len(self._services)

    def note(self, inspection: Inspection, stamp_ns: int) -> None:
        """Asks about a part whose verdict is unsure, where its image shows it."""
        registration, rectified = inspection.registration, inspection.rectified
        if inspection.verdict.outcome is not Outcome.UNSURE or registration is None or rectified is None:
            return
        question = Question(stamp_ns, registration.variant, inspection.verdict.reason, inspection.defects)
        for dropped_ns in self._store.ask(question, rectified):
            self._close(dropped_ns)
        self._open(stamp_ns)

    def close(self) -> None:
        """Closes all services; the questions stay."""
        for services in self._services.values():
            for service in services:
                self._node.destroy_service(service)
        self._services.clear()

    def _open(self, stamp_ns: int) -> None:
        base = f"inspection/questions/q{stamp_ns}"
        self._services[stamp_ns] = tuple(
            self._node.create_service(Trigger, f"{base}/{answer}", partial(self._on_answer, stamp_ns, answer))
            for answer in Answer
        )

    def _on_answer(self, stamp_ns: int, answer: Answer, _request: Any, response: Any) -> Any:
        response.success = self._store.answer(stamp_ns, answer)
        response.message = f"kept as {answer}" if response.success else "this question no longer waits"
        self._close(stamp_ns)
        return response

    def _close(self, stamp_ns: int) -> None:
        for service in self._services.pop(stamp_ns, ()):
            # Destroyed outside the service's own callback, whose response must still go out.
            self._node.executor.create_task(self._node.destroy_service, service)
