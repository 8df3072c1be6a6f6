"""The buffer of transforms that a node listens into."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import tf2_py
from geometry_msgs.msg import TransformStamped
from rclpy.clock import Clock, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.task import Future
from rclpy.time import Time
from tf2_msgs.srv import FrameGraph

from workcell_sim.embedded._kernel import current_kernel

from .buffer_interface import BufferInterface

POLL_PERIOD_NS = 20_000_000
BACKWARD_JUMP = Duration(seconds=3.0)
"""A clock that jumps back further (a bag that starts over) ends a wait."""


class Buffer(tf2_py.BufferCore, BufferInterface):
    """A buffer that can wait for transforms, and offers the service ``tf2_frames`` where a node is given.

    Args:
        cache_time: How long moving frames are kept, 10 s where not given.
        node: Node that offers the service and whose clock, jumping back, clears the buffer.
    """

    def __init__(self, cache_time: Duration | None = None, node: Node | None = None) -> None:
        tf2_py.BufferCore.__init__(self, cache_time)
        BufferInterface.__init__(self)
        self._new_data_callbacks: list[Callable[[], None]] = []
        self._callbacks_lock = threading.RLock()
        self.clock = Clock()
        if node is not None:
            self.srv = node.create_service(FrameGraph, "tf2_frames", self._get_frames)
            self.clock = node.get_clock()
        threshold = JumpThreshold(min_forward=None, min_backward=Duration(seconds=-1), on_clock_change=True)
        self.jump_handle = self.clock.create_jump_callback(threshold, post_callback=self.time_jump_callback)

    def _get_frames(self, request: FrameGraph.Request, response: FrameGraph.Response) -> FrameGraph.Response:
        response.frame_yaml = self.all_frames_as_yaml()
        return response

    def time_jump_callback(self, time_jump: TimeJump) -> None:
        """Forget what moves: after a jump back in time it lies in the future."""
        get_logger("tf2_buffer").warning("Detected jump back in time. Clearing tf buffer.")
        self.clear()

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Take in a moving frame's place and tell those who wait."""
        super().set_transform(transform, authority)
        self._call_new_data_callbacks()

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Take in a fixed frame's place and tell those who wait."""
        super().set_transform_static(transform, authority)
        self._call_new_data_callbacks()

    def _call_new_data_callbacks(self) -> None:
        if self._new_data_callbacks:
            with self._callbacks_lock:
                for callback in tuple(self._new_data_callbacks):
                    callback()

    def _remove_callback(self, callback: Callable[[], None]) -> None:
        with self._callbacks_lock:
            if callback in self._new_data_callbacks:
                self._new_data_callbacks.remove(callback)

    def lookup_transform(
        self, target_frame: str, source_frame: str, time: Time, timeout: Duration = Duration()
    ) -> TransformStamped:
        """Return where the source frame lies in the target frame.

        Args:
            target_frame: Frame to express it in.
            source_frame: Frame whose place is asked for.
            time: When; 0 is the newest common time.
            timeout: How long to wait for it to become known.

        Raises:
            TransformException: It is not known.
        """
        self.can_transform(target_frame, source_frame, time, timeout)
        return self.lookup_transform_core(target_frame, source_frame, time)

    async def lookup_transform_async(self, target_frame: str, source_frame: str, time: Time) -> TransformStamped:
        """Return where the source frame lies in the target frame, once it is known."""
        await self.wait_for_transform_async(target_frame, source_frame, time)
        return self.lookup_transform_core(target_frame, source_frame, time)

    def lookup_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = Duration(),
    ) -> TransformStamped:
        """Return where the source frame was at one time in the target frame at another, the fixed frame at rest.

        Raises:
            TransformException: It is not known.
        """
        self.can_transform_full(target_frame, target_time, source_frame, source_time, fixed_frame, timeout)
        return self.lookup_transform_full_core(target_frame, target_time, source_frame, source_time, fixed_frame)

    async def lookup_transform_full_async(
        self, target_frame: str, target_time: Time, source_frame: str, source_time: Time, fixed_frame: str
    ) -> TransformStamped:
        """Return what `lookup_transform_full` does, once it is known."""
        await self.wait_for_transform_full_async(target_frame, target_time, source_frame, source_time, fixed_frame)
        return self.lookup_transform_full_core(target_frame, target_time, source_frame, source_time, fixed_frame)

    def can_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Time,
        timeout: Duration = Duration(),
        return_debug_tuple: bool = False,
    ) -> Any:
        """Return whether `lookup_transform` would give an answer, with the reason where that is asked for."""
        result = self._wait(lambda: self.can_transform_core(target_frame, source_frame, time), timeout)
        return result if return_debug_tuple else result[0]

    def can_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = Duration(),
        return_debug_tuple: bool = False,
    ) -> Any:
        """Return whether `lookup_transform_full` would give an answer; otherwise as `can_transform`."""
        result = self._wait(
            lambda: self.can_transform_full_core(target_frame, target_time, source_frame, source_time, fixed_frame),
            timeout,
        )
        return result if return_debug_tuple else result[0]

    def _wait(self, ask: Callable[[], tuple[bool, str]], timeout: Duration) -> tuple[bool, str]:
        """Ask again and again, as tf2_ros does, while the kernel lets the rest of the program run."""
        answer = ask()
        clock = Clock()
        start = clock.now()
        end = start + timeout
        while not answer[0] and start <= clock.now() + BACKWARD_JUMP and clock.now() < end:
            current_kernel().sleep(POLL_PERIOD_NS)
            answer = ask()
        return answer

    def wait_for_transform_async(self, target_frame: str, source_frame: str, time: Time) -> Future:
        """Return the future of a transform; its result is the transform."""
        return self._future(
            lambda: self.can_transform_core(target_frame, source_frame, time)[0],
            lambda: self.lookup_transform_core(target_frame, source_frame, time),
        )

    def wait_for_transform_full_async(
        self, target_frame: str, target_time: Time, source_frame: str, source_time: Time, fixed_frame: str
    ) -> Future:
        """Return the future of a transform over two times; its result is the transform."""
        arguments = (target_frame, target_time, source_frame, source_time, fixed_frame)
        return self._future(
            lambda: self.can_transform_full_core(*arguments)[0],
            lambda: self.lookup_transform_full_core(*arguments),
        )

    def _future(self, is_known: Callable[[], bool], look_up: Callable[[], TransformStamped]) -> Future:
        future = Future()
        if is_known():
            future.set_result(look_up())
            return future

        def on_new_data() -> None:
            if future.done():
                return
            try:
                if is_known():
                    future.set_result(look_up())
            except tf2_py.TransformException as error:
                future.set_exception(error)

        self._new_data_callbacks.append(on_new_data)
        future.add_done_callback(lambda _: self._remove_callback(on_new_data))
        return future
