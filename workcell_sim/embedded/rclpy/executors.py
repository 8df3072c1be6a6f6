"""Executors: who runs callbacks, and when."""

from rclpy.impl.executor_base import (
    ConditionReachedException,
    Executor,
    ExternalShutdownException,
    ShutdownException,
    TimeoutException,
    TimeoutObject,
    await_or_execute,
)
from rclpy.impl.executor_kinds import MultiThreadedExecutor, SingleThreadedExecutor

__all__ = [
    "ConditionReachedException",
    "Executor",
    "ExternalShutdownException",
    "MultiThreadedExecutor",
    "ShutdownException",
    "SingleThreadedExecutor",
    "TimeoutException",
    "TimeoutObject",
    "await_or_execute",
]
