"""Services through which others read and set logger levels."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import LoggerLevel, SetLoggerLevelsResult
from rcl_interfaces.srv import GetLoggerLevels, SetLoggerLevels
from rclpy.logging import get_logger_level, set_logger_level
from rclpy.qos import qos_profile_services_default


class LoggingService:
    """The two logging services of a node."""

    def __init__(self, node: Any) -> None:
        name = node.get_name()
        for srv_type, suffix, callback in (
            (GetLoggerLevels, "get_logger_levels", self._get_logger_levels),
            (SetLoggerLevels, "set_logger_levels", self._set_logger_levels),
        ):
            node.create_service(srv_type, f"{name}/{suffix}", callback, qos_profile=qos_profile_services_default)

    def _get_logger_levels(self, request: Any, response: Any) -> Any:
        response.levels = [LoggerLevel(name=name, level=int(get_logger_level(name))) for name in request.names]
        return response

    def _set_logger_levels(self, request: Any, response: Any) -> Any:
        for level in request.levels:
            result = SetLoggerLevelsResult(successful=True)
            try:
                set_logger_level(level.name, level.level, detailed_error=True)
            except ValueError:
                result = SetLoggerLevelsResult(successful=False, reason="Failed reason: Invalid logger level.")
            response.results.append(result)
        return response
