"""The base of events about a process that was started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...event import Event

if TYPE_CHECKING:
    from ...actions.execute_local import ExecuteLocal


class RunningProcessEvent(Event):
    """Something about the process of `action`, which runs or ran."""

    name = "launch.events.process.RunningProcessEvent"

    def __init__(
        self,
        *,
        action: ExecuteLocal,
        name: str,
        cmd: list[str],
        cwd: str | None,
        env: dict[str, str] | None,
        pid: int,
    ) -> None:
        self.__action = action
        self.__name = name
        self.__cmd = cmd
        self.__cwd = cwd
        self.__env = env
        self.__pid = pid

    @property
    def action(self) -> ExecuteLocal:
        """The action that started the process."""
        return self.__action

    @property
    def execute_process_action(self) -> ExecuteLocal:
        """The action that started the process, under its older name."""
        return self.__action

    @property
    def process_name(self) -> str:
        """The process's name in the launched system, such as ``talker-1``."""
        return self.__name

    @property
    def cmd(self) -> list[str]:
        """The command line."""
        return self.__cmd

    @property
    def cwd(self) -> str | None:
        """The working directory; None means that of the launch service."""
        return self.__cwd

    @property
    def env(self) -> dict[str, str] | None:
        """The environment variables; None means those of the launch service."""
        return self.__env

    @property
    def pid(self) -> int:
        """The process's number."""
        return self.__pid
