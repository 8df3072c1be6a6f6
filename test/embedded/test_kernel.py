"""The event kernel: order of events, time lines, waits, processes, threads and isolation."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_sim.embedded._kernel import DeadlockError, Kernel, KernelError, Waiter, current_process
from workcell_sim.embedded._kernel.agenda import LATE, NORMAL, URGENT

pytestmark = pytest.mark.embedded("drives the kernel itself")


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([URGENT, NORMAL, LATE])), max_size=30))
def test_events_run_by_time_priority_and_sequence(entries: list[tuple[int, int]]) -> None:
    kernel = Kernel("virtual", start_ns=0)
    ran: list[tuple[int, int, int]] = []
    for sequence, (time_ns, priority) in enumerate(entries):
        key = (time_ns, priority, sequence)
        kernel.call_at(time_ns, lambda key=key: ran.append(key), priority)
    kernel.run_until(10)
    assert ran == sorted(ran)
    assert len(ran) == len(entries)
    assert kernel.now_ns() == 10
    kernel.close()


def test_what_is_posted_now_comes_after_what_was_due() -> None:
    kernel = Kernel("virtual", start_ns=0)
    ran: list[str] = []
    kernel.call_at(5, lambda: (ran.append("first"), kernel.call_soon(lambda: ran.append("posted"))))
    kernel.call_at(5, lambda: ran.append("second"))
    kernel.call_at(5, lambda: ran.append("late"), LATE)
    kernel.run_until(5)
    assert ran == ["first", "second", "posted", "late"]
    kernel.close()


def test_cancelled_events_do_not_move_time() -> None:
    kernel = Kernel("virtual", start_ns=0)
    kernel.call_at(50, lambda: pytest.fail("was cancelled")).cancel()
    kernel.call_at(60, lambda: None)
    seen: list[int] = []
    kernel.call_at(60, lambda: seen.append(kernel.now_ns()))
    kernel.run_until(lambda: bool(seen))
    assert seen == [60]
    kernel.close()


def test_run_until_a_predicate() -> None:
    kernel = Kernel("virtual", start_ns=0)
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(kernel.now_ns())
        kernel.call_later(10, tick)

    tick()
    assert kernel.run_until(lambda: len(ticks) == 4)
    assert kernel.now_ns() == 30
    assert not kernel.run_until(lambda: False, limit_ns=100)
    assert kernel.now_ns() == 130
    kernel.close()


def test_nothing_left_to_happen_is_an_error_in_virtual_time() -> None:
    with Kernel("virtual") as kernel, pytest.raises(DeadlockError, match="nothing is left to happen"):
        kernel.wait(Waiter(kernel))


@pytest.mark.parametrize(("clock", "rate"), [("sundial", 1.0), ("paced", 0.0), ("virtual", 2.0)])
def test_bad_clocks(clock: str, rate: float) -> None:
    with pytest.raises(KernelError):
        Kernel(clock, rate=rate)


def test_paced_time_runs_at_its_rate() -> None:
    with Kernel("paced", rate=100.0, start_ns=0) as kernel:
        started = time.monotonic()
        kernel.run_for(2_000_000_000)
        assert 0.015 <= time.monotonic() - started < 2.0
        assert kernel.now_ns() >= 2_000_000_000


def test_processes_interleave_in_order_of_time() -> None:
    with Kernel("virtual", start_ns=0) as kernel:
        log: list[tuple[int, str]] = []

        def program(name: str, period_ns: int) -> Any:
            def main() -> None:
                for _ in range(3):
                    kernel.sleep(period_ns)
                    log.append((kernel.now_ns(), name))

            return main

        first = kernel.spawn(program("a", 10), name="a")
        second = kernel.spawn(program("b", 15), name="b")
        ended: list[str] = []
        first.on_exit(lambda process: ended.append(process.name))
        kernel.run_for(100)
        assert log == [(10, "a"), (15, "b"), (20, "a"), (30, "b"), (30, "a"), (45, "b")]
        assert (first.exit_code, second.exit_code, ended) == (0, 0, ["a"])
        assert kernel.processes == []


@pytest.mark.parametrize(
    ("end", "code"), [(SystemExit(3), 3), (SystemExit(), 0), (SystemExit("bad"), 1), (ValueError("x"), 1)]
)
def test_exit_codes(end: BaseException, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with Kernel("virtual") as kernel:

        def main() -> None:
            raise end

        process = kernel.spawn(main)
        kernel.run_for(1)
        assert process.exit_code == code


def test_argv_and_environment_belong_to_the_process() -> None:
    with Kernel("virtual") as kernel:
        seen: list[Any] = []
        argv_before = list(sys.argv)

        def main() -> None:
            kernel.sleep(5)
            process = current_process()
            seen.append((list(sys.argv), os.environ.get("WORKCELL_TEST_VARIABLE"), process and process.name))

        kernel.spawn(main, ["one", "--x"], name="first", env={"WORKCELL_TEST_VARIABLE": "1"})
        kernel.spawn(main, ["two"], name="second")
        kernel.run_for(10)
        assert seen == [(["one", "--x"], "1", "first"), (["two"], None, "second")]
        assert sys.argv == argv_before
        assert "WORKCELL_TEST_VARIABLE" not in os.environ


def test_interrupt_and_kill() -> None:
    with Kernel("virtual") as kernel:
        log: list[str] = []

        def main() -> None:
            try:
                kernel.sleep(10**12)
            except KeyboardInterrupt:
                log.append("interrupted")

        polite, killed = kernel.spawn(main), kernel.spawn(main)
        kernel.run_for(5)
        polite.signal(2)
        killed.kill()
        assert killed.exit_code == -9
        kernel.run_for(5)
        assert log == ["interrupted"]
        assert polite.exit_code == 0


def test_time_sleep_is_kernel_time_in_processes() -> None:
    with Kernel("virtual", start_ns=0) as kernel:
        woke: list[int] = []

        def main() -> None:
            time.sleep(3600.0)
            woke.append(kernel.now_ns())

        kernel.spawn(main)
        started = time.monotonic()
        kernel.run_for(4000 * 10**9)
        assert woke == [3600 * 10**9]
        assert time.monotonic() - started < 60.0


def test_events_must_not_block() -> None:
    with Kernel("virtual") as kernel:
        kernel.call_soon(lambda: kernel.sleep(5))
        with pytest.raises(KernelError, match="must not block"):
            kernel.run_for(10)


def test_run_is_refused_inside_a_process(capsys: pytest.CaptureFixture[str]) -> None:
    with Kernel("virtual") as kernel:
        process = kernel.spawn(lambda: kernel.run_for(5))
        kernel.run_for(5)
        assert process.exit_code == 1
        assert "cannot be called from inside a process" in capsys.readouterr().err


def test_a_kernel_within_a_process_of_another() -> None:
    with Kernel("virtual", start_ns=0) as outer:
        log: list[tuple[str, int]] = []

        def main() -> None:
            outer.sleep(10)
            with Kernel("virtual", start_ns=0) as inner:
                assert Kernel.current() is inner
                inner.spawn(lambda: (inner.sleep(1000), log.append(("inner", inner.now_ns()))))
                inner.run_for(5000)
            assert Kernel.current() is outer
            log.append(("outer", outer.now_ns()))

        outer.spawn(main)
        outer.run_for(100)
        assert log == [("inner", 1000), ("outer", 10)]


def test_threads_wait_and_wake_on_the_wall_clock() -> None:
    with Kernel("wall") as kernel:
        woken: list[int] = []

        def wait(number: int) -> None:
            waiter = Waiter(kernel)
            kernel.call_later(20_000_000, waiter.wake)
            assert kernel.wait(waiter, kernel.now_ns() + 20 * 10**9)
            woken.append(number)

        threads = [threading.Thread(target=wait, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30.0)
        assert sorted(woken) == list(range(6))


def test_a_thread_finds_the_kernel_it_was_started_from() -> None:
    with Kernel("wall") as kernel:
        found: list[Kernel] = []
        thread = threading.Thread(target=lambda: found.append(Kernel.current()))
        thread.start()
        thread.join()
        assert found == [kernel]


def test_threads_cannot_wait_in_virtual_time() -> None:
    with Kernel("virtual") as kernel:
        errors: list[BaseException] = []

        def wait() -> None:
            try:
                kernel.wait(Waiter(kernel))
            except KernelError as error:
                errors.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
        assert "only the thread that owns the kernel" in str(errors[0])


def test_a_closed_kernel_is_forgotten() -> None:
    kernel = Kernel("virtual")

    def main() -> None:
        Kernel.current().sleep(10**15)

    kernel.spawn(main)
    kernel.run_for(10)
    kernel.close()
    gone = weakref.ref(kernel)
    del kernel
    gc.collect()
    assert gone() is None


def test_a_process_that_waits_lets_time_pass_no_further_than_the_kernel_runs() -> None:
    kernel = Kernel("virtual", start_ns=0)
    ran: list[int] = []
    waiter = Waiter(kernel)

    def main() -> None:
        while True:
            kernel.wait(waiter)
            ran.append(kernel.now_ns())

    for time_ns in (10, 20, 30):
        kernel.call_at(time_ns, waiter.wake)
    kernel.call_at(15, lambda: ran.append(15), LATE)
    kernel.spawn(main)
    kernel.run_until(25)
    assert ran == [10, 15, 20]
    assert kernel.now_ns() == 25
    kernel.run_until(30)
    assert ran == [10, 15, 20, 30]
    kernel.close()


def test_processes_run_in_the_order_they_were_woken_in() -> None:
    kernel = Kernel("virtual", start_ns=0)
    ran: list[str] = []
    waiters = {name: Waiter(kernel) for name in "abc"}

    def main(name: str) -> None:
        for _ in range(2):
            kernel.wait(waiters[name])
            ran.append(name)

    for name in waiters:
        kernel.spawn(lambda name=name: main(name), name=name)
    for time_ns, order in ((1, "cab"), (2, "bca")):
        for name in order:
            kernel.call_at(time_ns, waiters[name].wake)
    kernel.run_until(2)
    assert "".join(ran) == "cabbca"
    kernel.close()


def test_a_process_killed_while_it_lets_time_pass_ends_there() -> None:
    kernel = Kernel("virtual", start_ns=0)
    waiter = Waiter(kernel)

    def main() -> None:
        kernel.wait(waiter)
        pytest.fail("was killed while it waited")

    process = kernel.spawn(main)
    kernel.call_at(5, process.kill)
    kernel.run_until(10)
    assert not process.alive
    assert kernel.now_ns() == 10
    kernel.close()
