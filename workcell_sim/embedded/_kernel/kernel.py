"""The deterministic event loop: one ROS graph, one time line, any number of processes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextvars import Token
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from greenlet import getcurrent

from . import current as _current
from .agenda import LATE, NORMAL, Agenda, Event
from .errors import KernelError, ProcessKilledError
from .hooks import install_hooks
from .leadership import Leadership
from .passage import Passage
from .process import Fiber, Process
from .timeline import WALL, Timeline
from .waiter import Waiter

if TYPE_CHECKING:
    from .graph import Graph

# In virtual time an empty poll (a wait of zero) costs this much, so that a polling loop makes progress.
POLL_COST_NS = 20_000


class Kernel(Leadership, Passage):
    """One ROS "machine": a time line, an agenda of events, processes, and a graph per domain id.

    Exactly one line of execution processes events at a time: the process fibers share the thread that spawned them; on
    the wall clock further OS threads may block in the kernel too, and whoever blocks first drives the events ("leads")
    for the others. Events never block; user callbacks run in executors, outside the loop.

    Args:
        clock: ``"wall"``, ``"paced"`` (``rate`` times real time) or ``"virtual"`` (as fast as possible).
        rate: simulated seconds per real second of the paced clock.
        start_ns: time at creation, ns since the epoch; now for wall and paced clocks, 2024-01-01 for virtual ones.

    Attributes:
        shares_messages: whether all subscriptions of a topic are given one and the same copy of a message, for programs
            known to leave what they receive as it is. Faster, but unlike ROS for those that do not.
    """

    def __init__(self, clock: str = WALL, rate: float = 1.0, start_ns: int | None = None) -> None:
        self.timeline = Timeline(clock, rate, start_ns)
        self.now_ns = self.timeline.now_ns
        self.is_virtual = self.timeline.is_virtual
        self.agenda = Agenda()
        self.soon = self.agenda.soon
        self.post = self.agenda.soon.append
        self.globals: dict[str, Any] = {}
        self.lock = threading.RLock()
        self.runnable: deque[Waiter] = deque()
        self.bell = threading.Event()
        self.sleeping = False
        self.closed = False
        self.clock_period_ns = 10_000_000
        self.callbacks_run = 0
        self.shares_messages = False
        self._graphs: dict[int, Graph] = {}
        self._processes: dict[int, Process] = {}
        self._pids = count(1)
        self._init_leadership()
        self._hub: Any = None
        self._limit_ns: int | None = None
        self._may_pass_time = False
        self._tokens: list[Token[Kernel | None]] = []
        install_hooks()

    # -- which kernel -------------------------------------------------------------------------------------------------

    @staticmethod
    def current() -> Kernel:
        """The kernel that ROS calls made here use."""
        return _current.current_kernel()

    def __enter__(self) -> Self:
        self._tokens.append(_current._entered.set(self))
        return self

    def __exit__(self, *exc_info: object) -> None:
        _current._entered.reset(self._tokens.pop())
        self.close()

    def use(self) -> _current.Use:
        """Like ``with kernel:`` but leaves the kernel open at the end."""
        return _current.Use(self)

    def close(self) -> None:
        """Kill all processes and forget all events and graphs. A closed kernel can not run again."""
        if self.closed:
            return
        for process in list(self._processes.values()):
            process.kill()
        self._run_killed_fibers()
        self.closed = True
        for graph in self._graphs.values():
            graph.close()
        self._graphs.clear()
        self.agenda.clear()
        self.runnable.clear()
        self.globals.clear()

    # -- time and events ----------------------------------------------------------------------------------------------

    @property
    def kernel_is_clock(self) -> bool:
        """Whether the kernel itself plays ``/clock`` (paced and virtual time)."""
        return self.timeline.kind != WALL

    def call_at(self, time_ns: int, action: Callable[[], object], priority: int = NORMAL) -> Event:
        """Call ``action()`` when the kernel's time reaches ``time_ns``; the result can be cancelled."""
        event = self.agenda.add(time_ns, action, priority)
        if self.sleeping:
            self.bell.set()
        return event

    def call_later(self, delay_ns: int, action: Callable[[], object], priority: int = NORMAL) -> Event:
        return self.call_at(self.now_ns() + delay_ns, action, priority)

    def call_soon(self, action: Callable[[], object]) -> None:
        """Call ``action()`` as the next event of this instant. Safe from any thread."""
        self.soon.append((_call, action))
        if self.sleeping:
            self.bell.set()

    call_soon_threadsafe = call_soon

    # -- graph --------------------------------------------------------------------------------------------------------

    def graph(self, domain_id: int = 0) -> Graph:
        """The ROS graph of a domain; made on first use."""
        with self.lock:
            graph = self._graphs.get(domain_id)
            if graph is None:
                from .graph import Graph

                graph = self._graphs[domain_id] = Graph(self, domain_id)
            return graph

    def graphs(self) -> list[Graph]:
        return list(self._graphs.values())

    def stall(self, node_fqn: str, duration_ns: int) -> None:
        """Hold back all callbacks of the nodes of that name for a time (fault injection).

        Raises:
            KernelError: no node of that name exists; the message lists those that do.
        """
        nodes = [
            node for graph in self._graphs.values() for node in graph.nodes if node.fully_qualified_name == node_fqn
        ]
        if not nodes:
            names = sorted(node.fully_qualified_name for graph in self._graphs.values() for node in graph.nodes)
            raise KernelError(f"cannot stall {node_fqn!r}: no such node; there are {', '.join(names) or 'none'}")
        for node in nodes:
            node.stall(duration_ns)

    # -- processes ----------------------------------------------------------------------------------------------------

    def spawn(
        self,
        main: Callable[[], object],
        argv: Sequence[str] = (),
        *,
        name: str = "",
        env: Mapping[str, str] | None = None,
    ) -> Process:
        """Start a program: ``main()`` runs in its own fiber once the kernel runs.

        Args:
            main: called without arguments; returns or raises ``SystemExit`` to end the process.
            argv: what the program sees as ``sys.argv``.
            name: for messages.
            env: environment variables that differ from those of the kernel's own program.

        Raises:
            KernelError: called from a thread other than the one that owns the kernel's processes.
        """
        if self.closed:
            raise KernelError("cannot spawn a process: the kernel is closed")
        if self._processes and threading.get_ident() != self._owner_thread:
            raise KernelError("processes of one kernel must all be spawned from the same thread")
        self._owner_thread = threading.get_ident()
        pid = next(self._pids)
        process = Process(self, pid, main, argv, name or f"process-{pid}", env or {})
        self._processes[pid] = process
        return process

    def spawn_idle(self, name: str) -> Process:
        """A process whose main does nothing and never ends; it lends fibers to code that runs at the root."""
        process: Process

        def idle() -> None:
            waiter = Waiter(self)
            while True:
                self.wait(waiter)

        process = self.spawn(idle, name=name)
        return process

    @property
    def processes(self) -> list[Process]:
        """Processes that have not ended."""
        return list(self._processes.values())

    def process_ended(self, process: Process) -> None:
        self._processes.pop(process.pid, None)

    # -- running ------------------------------------------------------------------------------------------------------

    def run_for(self, duration_ns: int) -> None:
        """Run everything that happens in the next ``duration_ns`` of kernel time."""
        self.run_until(self.now_ns() + duration_ns)

    def run_until(self, end: int | Callable[[], bool], limit_ns: int | None = None) -> bool:
        """Run until a time (ns since the epoch) or until a predicate holds.

        Args:
            end: time, or a predicate looked at after every event.
            limit_ns: gives up on a predicate after this much kernel time.

        Returns:
            Whether the predicate held (always true for a time).

        Raises:
            DeadlockError: virtual time, and nothing is left that could make the predicate true.
        """
        self._refuse_inside_fiber()
        waiter = Waiter(self)
        if not callable(end):
            self._loop(waiter, end, None)
            return True
        limit = None if limit_ns is None else self.now_ns() + limit_ns
        return self._loop(waiter, limit, end)

    def _refuse_inside_fiber(self) -> None:
        fiber = getcurrent()
        if isinstance(fiber, Fiber) and fiber.kernel is self:
            raise KernelError(
                "run_for/run_until cannot be called from inside a process of the same kernel; sleep instead"
            )

    def sleep(self, duration_ns: int) -> None:
        """Block the caller for a time on the kernel's clock; other processes run meanwhile."""
        waiter = Waiter(self)
        end = self.now_ns() + duration_ns
        while self.now_ns() < end:
            waiter.signaled = False
            self.wait(waiter, end)

    def poll(self) -> None:
        """Process what is due at this instant without blocking."""
        if self._lead.acquire(blocking=False):
            self._leader = threading.get_ident()
            try:
                self._drain()
            finally:
                self._leader = None
                self._lead.release()
            if self._followers:
                self._hand_over()

    def wait(self, waiter: Waiter, deadline_ns: int | None = None) -> bool:
        """Block until ``waiter`` is woken or the deadline; returns whether it was woken and clears that mark.

        Every kind of caller may use it: a process fiber switches to the kernel, the root runs the loop, other threads
        lead or follow (wall clock only).

        Raises:
            DeadlockError: virtual time, no deadline, and nothing left that could wake the waiter.
            KernelError: called from an event, or from a foreign thread in virtual time.
        """
        if deadline_ns is not None and self.kernel_is_clock:
            # Else a program that polls without end would keep time itself from moving on.
            now = self.now_ns()
            if deadline_ns <= now:
                deadline_ns = now + POLL_COST_NS
        fiber = getcurrent()
        if isinstance(fiber, Fiber) and fiber.kernel is self:
            return self._wait_in_fiber(fiber, waiter, deadline_ns)
        woken = self._loop(waiter, deadline_ns, None)
        waiter.signaled = False
        return woken

    def _wait_in_fiber(self, fiber: Fiber, waiter: Waiter, deadline_ns: int | None) -> bool:
        self._raise_pending(fiber)
        if not self.runnable:
            # Events never block, so this fiber may process them itself instead of switching away and back.
            self.poll()
            if not self.runnable and waiter.signaled:
                waiter.signaled = False
                return True
        event = None if deadline_ns is None else self.agenda.add(deadline_ns, waiter.wake)
        waiter.fiber = fiber
        fiber.waiter = waiter
        if waiter.signaled:
            self.runnable.append(waiter)
        else:
            waiter.parked = True
            if self._may_pass_time and not self.runnable:
                self._pass_time()
        if len(self.runnable) == 1 and self.runnable[0] is waiter:
            self.runnable.popleft()
        else:
            self._hub.switch()
        waiter.parked = False
        if event is not None:
            event.cancel()
        woken = waiter.signaled
        waiter.signaled = False
        self._raise_pending(fiber)
        return woken and (deadline_ns is None or self.now_ns() < deadline_ns)

    @staticmethod
    def _raise_pending(fiber: Fiber) -> None:
        if not fiber.process.alive:
            raise ProcessKilledError
        error = fiber.pending_exception
        if error is not None:
            fiber.pending_exception = None
            raise error

    def _loop(self, waiter: Waiter, limit_ns: int | None, predicate: Callable[[], bool] | None) -> bool:
        """Lead (or follow) until the waiter is woken, the limit is reached or the predicate holds."""
        me = threading.get_ident()
        self._check_may_wait(me)
        if not self._become_leader(waiter, me, limit_ns):
            return waiter.signaled
        hub_before = self._hub, self._limit_ns, self._may_pass_time
        self._hub, self._limit_ns = getcurrent(), limit_ns
        # A predicate is to be looked at after every event, which only the hub does.
        self._may_pass_time = self.is_virtual and predicate is None
        waiter.passed = False
        waiter.fiber = None
        try:
            return self._lead_until(waiter, limit_ns, predicate)
        finally:
            waiter.parked = False
            self._hub, self._limit_ns, self._may_pass_time = hub_before
            self._leader = None
            self._lead.release()
            if self._followers:
                self._hand_over()

    def may_wait(self) -> bool:
        """Whether the calling thread may block in the kernel."""
        me = threading.get_ident()
        return not self.closed and self._leader != me and (not self.is_virtual or me == self._owner_thread)

    def _check_may_wait(self, me: int) -> None:
        if self.closed:
            raise KernelError("the kernel is closed")
        if self._leader == me:
            raise KernelError("an event of the kernel must not block; use call_at or a process instead")
        if self.is_virtual and me != self._owner_thread:
            raise KernelError(
                "in virtual time only the thread that owns the kernel can wait: there are no other threads"
            )

    def _lead_until(self, waiter: Waiter, limit_ns: int | None, predicate: Callable[[], bool] | None) -> bool:
        runnable = self.runnable
        queued = False
        while True:
            self._drain(predicate)
            if predicate is not None and predicate():
                return True
            if waiter.passed:
                return True
            waiter.parked = not waiter.signaled
            if waiter.signaled and not queued:
                if not runnable:
                    return True
                # Processes that were woken earlier go first.
                runnable.append(waiter)
                queued = True
            if runnable:
                resumed = runnable.popleft()
                if resumed is waiter:
                    return True
                self._resume(resumed)
                continue
            late = self.agenda.pop_due(self.now_ns(), LATE)
            if late is not None:
                late.action()
                continue
            if self._owner_waiting and threading.get_ident() != self._owner_thread:
                return False
            if not self._advance(waiter, limit_ns):
                return False

    def _drain(self, predicate: Callable[[], bool] | None = None) -> None:
        """Process every event of normal or urgent priority that is due now."""
        soon = self.soon
        agenda = self.agenda
        while True:
            event = agenda.pop_due(self.now_ns(), NORMAL)
            if event is not None:
                event.action()
            elif soon:
                # At one instant the heap cannot gain due events unless an event adds them: look again after a batch.
                for _ in range(len(soon)):
                    function, argument = soon.popleft()
                    function(argument)
                    if predicate is not None and predicate():
                        return
            else:
                return
            if predicate is not None and predicate():
                return

    def _resume(self, waiter: Waiter) -> None:
        """Give a woken fiber its turn."""
        fiber = waiter.fiber
        if fiber is None:
            waiter.passed = True
            return
        process: Process = fiber.process
        if fiber.dead or (not process.alive and not fiber):
            return
        fiber.parent = self._hub
        me = self._leader
        self._leader = None
        self._lead.release()
        if self._followers:
            self._hand_over()
        process.enter()
        try:
            fiber.switch()
        finally:
            process.leave()
            self._regain_lead()
            self._leader = me

    def _run_killed_fibers(self) -> None:
        """Unwind fibers of killed processes; only possible from the thread they live in."""
        if (
            threading.get_ident() != self._owner_thread
            or isinstance(getcurrent(), Fiber)
            and getcurrent().kernel is self
        ):
            return
        hub_before, self._hub = self._hub, getcurrent()
        try:
            while self.runnable:
                waiter = self.runnable.popleft()
                if waiter.fiber is not None and not waiter.fiber.dead and waiter.fiber:
                    with self._lead:
                        self._resume_killed(waiter)
        finally:
            self._hub = hub_before

    def _resume_killed(self, waiter: Waiter) -> None:
        waiter.fiber.parent = self._hub
        waiter.fiber.switch()


def _call(action: Callable[[], object]) -> None:
    action()
