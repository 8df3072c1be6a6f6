"""Launch descriptions do the same on the embedded runtime and on ROS 2's launch: everything but processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from launch import LaunchContext, LaunchDescription, LaunchService
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    GroupAction,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueCoroutine,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
    SetLaunchConfiguration,
    Shutdown,
    TimerAction,
    UnregisterEventHandler,
    UnsetLaunchConfiguration,
)
from launch.conditions import IfCondition, UnlessCondition
from launch.event import Event
from launch.event_handler import EventHandler
from launch.event_handlers import OnExecutionComplete, OnShutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import (
    AndSubstitution,
    Command,
    EnvironmentVariable,
    EqualsSubstitution,
    FileContent,
    FindExecutable,
    IfElseSubstitution,
    LaunchConfiguration,
    LocalSubstitution,
    NotSubstitution,
    OrSubstitution,
    PathJoinSubstitution,
    PythonExpression,
    SubstitutionFailure,
    ThisLaunchFile,
    ThisLaunchFileDir,
)

pytestmark = pytest.mark.usefixtures("kernel")


class Told:
    """What a launch description did, in order."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def say(self, *words: Any, **kwargs: Any) -> OpaqueFunction:
        """An action that notes words and substitutions when executed."""

        def note(context: LaunchContext) -> None:
            self.words.append("".join(w if isinstance(w, str) else w.perform(context) for w in words))

        return OpaqueFunction(function=note, **kwargs)


@pytest.fixture
def told() -> Told:
    return Told()


def run(*entities: Any) -> int:
    service = LaunchService(noninteractive=True)
    service.include_launch_description(LaunchDescription(list(entities)))
    return int(service.run())


def test_an_empty_description_ends_at_once() -> None:
    assert run() == 0


def test_entities_are_visited_in_order_depth_first(told: Told) -> None:
    inner = LaunchDescription([told.say("b"), told.say("c")])
    assert run(told.say("a"), inner, told.say("d")) == 0
    assert told.words == ["a", "b", "c", "d"]


def test_timers_fire_by_their_periods_not_by_their_order(told: Told) -> None:
    periods_s = [0.15, 0.05, 0.10]
    timers = [TimerAction(period=period_s, actions=[told.say(str(period_s))]) for period_s in periods_s]
    assert run(*timers, told.say("at once")) == 0
    assert told.words == ["at once", "0.05", "0.1", "0.15"]


def test_a_timer_keeps_the_locals_of_its_beginning(told: Told) -> None:
    class Named(Event):
        name = "test.named"

        def __init__(self, word: str) -> None:
            self.word = word

    timer = TimerAction(period=0.05, actions=[told.say(LocalSubstitution("event.word"))])
    handler = EventHandler(matcher=lambda event: isinstance(event, Named), entities=[timer], handle_once=True)
    assert run(RegisterEventHandler(handler), EmitEvent(event=Named("first"))) == 0
    assert told.words == ["first"]


def test_shutdown_cancels_timers_and_reaches_its_handlers(told: Told) -> None:
    late = TimerAction(period=3600.0, actions=[told.say("late")])
    ending = TimerAction(period=0.05, actions=[Shutdown(reason="enough")])
    handler = OnShutdown(on_shutdown=[told.say("because ", LocalSubstitution("event.reason"))])
    assert run(RegisterEventHandler(handler), late, ending) == 0
    assert told.words == ["because enough"]


def test_a_timer_may_hold_up_the_shutdown(told: Told) -> None:
    timer = TimerAction(period=0.1, actions=[told.say("after all")], cancel_on_shutdown=False)
    assert run(timer, Shutdown(reason="enough")) == 0
    assert told.words == ["after all"]


def test_an_exception_in_an_action_shuts_down_with_code_1(told: Told) -> None:
    def fail(context: LaunchContext) -> None:
        raise LookupError("no luck")

    handler = RegisterEventHandler(OnShutdown(on_shutdown=[told.say("shutdown")]))
    assert run(handler, OpaqueFunction(function=fail), told.say("not reached")) == 1
    assert told.words == ["shutdown"]


@pytest.mark.parametrize(("given", "expected"), [({}, "fast"), ({"mode": "slow"}, "slow")], ids=["default", "given"])
def test_arguments_take_the_given_value_else_the_default(told: Told, given: dict[str, str], expected: str) -> None:
    settings = [SetLaunchConfiguration(name, value) for name, value in given.items()]
    argument = DeclareLaunchArgument("mode", default_value="fast", choices=["fast", "slow"])
    assert run(*settings, argument, told.say(LaunchConfiguration("mode"))) == 0
    assert told.words == [expected]


@pytest.mark.parametrize(
    "entities",
    [
        [DeclareLaunchArgument("needed")],
        [SetLaunchConfiguration("mode", "wild"), DeclareLaunchArgument("mode", choices=["fast"])],
    ],
    ids=["missing", "not a choice"],
)
def test_a_missing_or_invalid_argument_ends_the_launch(entities: list[Any]) -> None:
    assert run(*entities) == 1


def test_conditions_choose_actions(told: Told) -> None:
    flag = LaunchConfiguration("flag")
    entities = [
        SetLaunchConfiguration("flag", "True"),
        told.say("if", condition=IfCondition(flag)),
        told.say("unless", condition=UnlessCondition(flag)),
        SetLaunchConfiguration("flag", "0"),
        told.say("if later", condition=IfCondition(flag)),
        told.say("unless later", condition=UnlessCondition(flag)),
    ]
    assert run(*entities) == 0
    assert told.words == ["if", "unless later"]


def test_a_condition_that_is_neither_true_nor_false_is_an_error() -> None:
    assert run(LogInfo(msg="x", condition=IfCondition("perhaps"))) == 1


def test_groups_scope_configurations_and_environment(told: Told) -> None:
    value = LaunchConfiguration("value", default="unset")
    variable = EnvironmentVariable("WORKCELL_TEST_SCOPE", default_value="unset")
    inside = [SetLaunchConfiguration("value", "inner"), SetEnvironmentVariable("WORKCELL_TEST_SCOPE", "inner")]
    entities = [
        SetLaunchConfiguration("value", "outer"),
        GroupAction([told.say(value), *inside, told.say(value, " ", variable)]),
        told.say(value, " ", variable),
        GroupAction([SetLaunchConfiguration("value", "leaked")], scoped=False),
        told.say(value),
        GroupAction([told.say(value)], forwarding=False, launch_configurations={"other": "x"}),
        UnsetLaunchConfiguration("value"),
        told.say(value),
    ]
    assert run(*entities) == 0
    assert told.words == ["outer", "inner inner", "outer unset", "leaked", "unset", "unset"]


@pytest.fixture
def launch_file(tmp_path: Path) -> Path:
    path = tmp_path / "inner.launch.py"
    path.write_text(
        "from launch import LaunchDescription\n"
        "from launch.actions import DeclareLaunchArgument, SetLaunchConfiguration\n"
        "from launch.substitutions import LaunchConfiguration, ThisLaunchFile, ThisLaunchFileDir\n"
        "def generate_launch_description():\n"
        "    return LaunchDescription([\n"
        "        DeclareLaunchArgument('needed', description='what for'),\n"
        "        SetLaunchConfiguration('seen', [LaunchConfiguration('needed'), ' in ', ThisLaunchFile()]),\n"
        "        SetLaunchConfiguration('folder', ThisLaunchFileDir()),\n"
        "    ])\n"
    )
    return path


def test_an_included_file_gets_its_arguments_and_knows_its_place(told: Told, launch_file: Path) -> None:
    include = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(launch_file)), launch_arguments=[("needed", "word")]
    )
    assert run(include, told.say(LaunchConfiguration("seen")), told.say(LaunchConfiguration("folder"))) == 0
    assert told.words == [f"word in {launch_file}", str(launch_file.parent)]


def test_an_included_file_without_its_argument_is_an_error(launch_file: Path) -> None:
    assert run(IncludeLaunchDescription(PythonLaunchDescriptionSource(str(launch_file)))) == 1
    description = PythonLaunchDescriptionSource(str(launch_file)).get_launch_description(LaunchContext())
    assert [argument.name for argument in description.get_launch_arguments()] == ["needed"]


def test_this_launch_file_is_unknown_outside_of_one() -> None:
    for substitution in (ThisLaunchFile(), ThisLaunchFileDir()):
        with pytest.raises(SubstitutionFailure):
            substitution.perform(LaunchContext())


def test_event_handlers_can_be_taken_back(told: Told) -> None:
    class Ping(Event):
        name = "test.ping"

    handler = EventHandler(matcher=lambda event: isinstance(event, Ping), entities=[told.say("ping")])
    later = TimerAction(period=0.05, actions=[UnregisterEventHandler(handler), EmitEvent(event=Ping())])
    assert run(RegisterEventHandler(handler), EmitEvent(event=Ping()), later) == 0
    assert told.words == ["ping"]


def test_completion_of_an_action_is_an_event(told: Told) -> None:
    timer = TimerAction(period=0.05, actions=[])
    handler = OnExecutionComplete(target_action=timer, on_completion=[told.say("done")])
    assert run(RegisterEventHandler(handler), timer, told.say("begun")) == 0
    assert told.words == ["begun", "done"]


def test_coroutines_run_beside_and_are_cancelled_by_shutdown(told: Told) -> None:
    async def work(context: LaunchContext, word: str) -> None:
        await asyncio.sleep(0.05)
        told.words.append(word)
        await asyncio.sleep(3600.0)

    ending = TimerAction(period=0.1, actions=[Shutdown()])
    assert run(OpaqueCoroutine(coroutine=work, args=["working"]), ending) == 0
    assert told.words == ["working"]


def test_a_running_service_takes_further_descriptions_and_events(told: Told) -> None:
    service = LaunchService(noninteractive=True)
    more = LaunchDescription([told.say("more")])
    include = OpaqueFunction(function=lambda context: service.include_launch_description(more) and None)
    later = TimerAction(period=0.05, actions=[told.say("later")])
    service.include_launch_description(LaunchDescription([told.say("first"), later]))
    service.include_launch_description(LaunchDescription([told.say("second")]))
    assert include is not None
    assert service.run() == 0
    assert told.words == ["first", "second", "later"]


SUBSTITUTIONS: list[tuple[Callable[[Path], Any], str]] = [
    (lambda path: PathJoinSubstitution([str(path), "a", "b.txt"]), "{path}/a/b.txt"),
    (lambda path: PythonExpression(["2 * ", "21"]), "42"),
    (lambda path: PythonExpression(["sqrt(", "16.0", ")"]), "4.0"),
    (lambda path: Command(["echo ", "hello"]), "hello\n"),
    (lambda path: FileContent([str(path), "/content.txt"]), "content"),
    (lambda path: EqualsSubstitution("1", "true"), "true"),
    (lambda path: EqualsSubstitution("0.1", "0.10"), "true"),
    (lambda path: EqualsSubstitution("a", "b"), "false"),
    (lambda path: IfElseSubstitution("true", "yes", "no"), "yes"),
    (lambda path: IfElseSubstitution(NotSubstitution("true"), "yes", "no"), "no"),
    (lambda path: AndSubstitution("true", "false"), "false"),
    (lambda path: OrSubstitution("true", "false"), "true"),
    (lambda path: LaunchConfiguration("nothing", default=["a", "b"]), "ab"),
    (lambda path: EnvironmentVariable("WORKCELL_TEST_NOTHING", default_value="d"), "d"),
]


@pytest.mark.parametrize(("make", "expected"), SUBSTITUTIONS)
def test_substitutions(make: Callable[[Path], Any], expected: str, tmp_path: Path) -> None:
    (tmp_path / "content.txt").write_text("content")
    assert make(tmp_path).perform(LaunchContext()) == expected.format(path=tmp_path)


@pytest.mark.parametrize(
    "substitution",
    [
        LaunchConfiguration("nothing"),
        EnvironmentVariable("WORKCELL_TEST_NOTHING"),
        FindExecutable(name="workcell-no-such-program"),
        FileContent("/no/such/file"),
        Command("false"),
        NotSubstitution("perhaps"),
    ],
)
def test_substitutions_that_fail(substitution: Any) -> None:
    with pytest.raises(SubstitutionFailure):
        substitution.perform(LaunchContext())
