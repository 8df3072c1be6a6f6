"""The services by which a person answers: one pair per pending proposal, and the way back that is always there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from std_srvs.srv import Trigger


class PendingServices:
    """`governor/pending/p<stamp>/approve` and `.../reject` for each proposal that waits.

    Args:
        node: the governor.
        on_answer: called with stamp and whether it was approved; returns whether the answer took effect.
    """

    def __init__(self, node: Any, on_answer: Callable[[int, bool], bool]) -> None:
        self._node = node
        self._on_answer = on_answer
        self._services: dict[int, tuple[Any, Any]] = {}

    @property
    def stamps(self) -> tuple[int, ...]:
        """Stamps of the proposals that wait."""
        return tuple(self._services)

    def open(self, stamp_ns: int) -> None:
        """Gives a person the means to answer."""
        base = f"governor/pending/p{stamp_ns}"
        self._services[stamp_ns] = (
            self._node.create_service(Trigger, f"{base}/approve", partial(self._answered, stamp_ns, True)),
            self._node.create_service(Trigger, f"{base}/reject", partial(self._answered, stamp_ns, False)),
        )

    def close(self, stamp_ns: int) -> None:
        """Takes the means to answer away."""
        for service in self._services.pop(stamp_ns, ()):
            # Destroyed outside the service's own callback, whose response must still go out.
            self._node.executor.create_task(self._node.destroy_service, service)

    def _answered(self, stamp_ns: int, approved: bool, _request: Any, response: Any) -> Any:
        response.success = self._on_answer(stamp_ns, approved)
        response.message = "done" if response.success else "this proposal no longer waits"
        return response
