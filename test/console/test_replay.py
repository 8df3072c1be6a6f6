"""A recorded shift, played to fresh policy and governor, gives the same decisions; anything else is told."""

import random
from collections import defaultdict
from functools import partial
from pathlib import Path

import pytest

from workcell_console.bag import BagReader, BagWriter, Topic
from workcell_console.main import main
from workcell_console.shift import SHARE_DIR, ShiftOptions, run_shift
from workcell_console.trial import trial_of

pytestmark = pytest.mark.embedded("replay needs virtual time")
GOVERNANCE = SHARE_DIR / "config" / "governance.yaml"
LIGHT = {"record": "mcap", "twin": "false", "tf": "false", "fidelity": "kinematic"}


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    """A bag of some seconds of a whole cell."""
    folder = tmp_path_factory.mktemp("shift") / "run"
    folder.mkdir()
    run_shift(ShiftOptions(folder, "all_at_once", 25.0, 1, arguments=LIGHT))
    return folder / "bag"


def play(bag, policy="", governance=GOVERNANCE):
    from workcell_console.replay_node import replay

    return replay(bag, governance, trial_of(policy) if policy else None)


def rewritten(bag, out, change):
    """Copies a bag, each message through `change(topic, type, data)`, which returns data or None."""
    with BagReader(bag) as reader, BagWriter(out, "mcap") as writer:
        for topic in reader.topics:
            writer.add_topic(Topic(topic.name, topic.type, topic.definition, topic.type_hash, topic.qos))
        for item in reader.messages():
            data = change(item.topic, item.type, item.data)
            if data is not None:
                writer.write(item.topic, item.stamp_ns, data)
    return out


def test_the_same_decisions_are_made_again(bag):
    result = play(bag)
    assert result.differences == []
    assert any(item.kind == "proposal" for item in result.replayed)
    assert any(item.kind == "verdict" for item in result.replayed)
    assert len(result.replayed) == len(result.recorded)


def jittered(bag, out, left_out=()):
    """Copies a bag as a recorder in another process would have made it: each input up to 60 ms late, in order."""
    rng = random.Random(7)
    latest = defaultdict(int)

    def late(item):
        is_input = item.topic in ("/readings", "/diagnostics", "/cell/kpi", "/cell/state")
        stamp_ns = item.stamp_ns + (rng.randrange(60_000_000) if is_input else 0)
        latest[item.topic] = max(latest[item.topic], stamp_ns)
        return latest[item.topic]

    with BagReader(bag) as reader, BagWriter(out, "mcap") as writer:
        kept = [topic for topic in reader.topics if topic.name not in left_out]
        for topic in kept:
            writer.add_topic(Topic(topic.name, topic.type, topic.definition, topic.type_hash, topic.qos))
        names = {topic.name for topic in kept}
        items = [(late(item), item) for item in reader.messages() if item.topic in names]
        for stamp_ns, item in sorted(items, key=lambda pair: pair[0]):
            writer.write(item.topic, stamp_ns, item.data)
    return out


def test_the_policy_hears_in_a_replay_in_the_order_in_which_it_heard(bag, tmp_path):
    assert play(jittered(bag, tmp_path / "jittered")).differences == []


def test_without_the_policys_word_a_replay_keeps_to_the_recorders_order(bag, tmp_path):
    result = play(jittered(bag, tmp_path / "jittered", left_out=("/policy/heard",)))
    assert {item.subject for item in result.replayed} == {item.subject for item in result.recorded}


def test_another_policy_decides_otherwise(bag):
    result = play(bag, policy="fixed")
    assert result.replayed == []
    assert [item.recorded for item in result.differences] == result.recorded


def test_other_rules_decide_otherwise(bag, tmp_path):
    strict = tmp_path / "governance.yaml"
    wide = "acceleration_scale: {low: 0.15, high: 1.0,"
    text = GOVERNANCE.read_text(encoding="utf-8")
    assert wide in text
    strict.write_text(text.replace(wide, "acceleration_scale: {low: 0.15, high: 0.51,"), encoding="utf-8")
    first = play(bag, governance=strict).differences[0]
    assert dict(first.recorded.parameters)["acceleration_scale"] > 0.51
    assert dict(first.replayed.parameters)["acceleration_scale"] == 0.51


def test_an_altered_verdict_is_found(bag, tmp_path):
    from diagnostic_msgs.msg import DiagnosticArray
    from rclpy.serialization import deserialize_message, serialize_message

    altered = []

    def change(topic, _type, data):
        if topic != "/governor/verdicts" or altered:
            return data
        message = deserialize_message(data, DiagnosticArray)
        outcome = next(pair for pair in message.status[0].values if pair.key == "outcome")
        altered.append(outcome.value)
        outcome.value = "refused"
        return serialize_message(message)

    (found,) = play(rewritten(bag, tmp_path / "altered", change)).differences
    assert found.recorded.outcome == "refused"
    assert found.replayed.outcome == altered[0]


def test_the_command_tells_and_its_exit_code_says_whether_any_differ(bag, capsys):
    assert main(["replay", str(bag)]) == 0
    assert "0 differ" in capsys.readouterr().out
    assert main(["replay", str(bag), "--policy", "fixed"]) == 1
    said = capsys.readouterr().out
    assert "now nothing" in said


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ("/readings", "holds no readings: it is not of a workcell run; record one with `workcell record`"),
        ("/recorder/parameters", "does not hold the parameters of "),
        ("/policy/transition_event", "holds no policy/transition_event"),
    ],
)
def test_a_bag_that_does_not_hold_what_is_needed(bag, tmp_path, capsys, left_out, said):
    poor = rewritten(bag, tmp_path / "poor", lambda topic, _type, data: None if topic == left_out else data)
    assert main(["replay", str(poor)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {poor}: {said}")
    assert error.count("\n") == 1


# A person's answer


def answered_bag(folder, is_approved):
    """Records governor and policy while the monitor's stamp asks for a grip that a person must authorise."""
    from workcell_ros.compose import main as compose
    from workcell_sim.embedded._kernel import Kernel

    params = folder / "params.yaml"
    params.write_text(
        f"/**/recorder: {{ros__parameters: {{bag_dir: {folder / 'bag'}}}}}\n"
        f"/**/governor: {{ros__parameters: {{governance_file: {GOVERNANCE}, audit_file: {folder / 'audit.jsonl'}}}}}\n",
        encoding="utf-8",
    )
    with Kernel("virtual") as kernel:
        for name in ("recorder", "governor", "policy"):
            arguments = [name, "--ros-args", "--params-file", str(params), "--log-level", "warn"]
            kernel.spawn(partial(compose, arguments), ["compose"], name=name)
        asked = kernel.spawn(partial(person, is_approved), ["person"], name="person")
        kernel.run_until(lambda: not asked.alive)
        for process in kernel.processes:
            process.signal(2)
        kernel.run_for(2_000_000_000)
    return folder / "bag"


def person(is_approved):
    """Brings the nodes up, stands in for the cell, proposes, and answers."""
    import rclpy
    from control_msgs.msg import DynamicInterfaceGroupValues, InterfaceValue
    from lifecycle_msgs.msg import Transition
    from rcl_interfaces.msg import ParameterEvent

    from workcell_console.player_node import Player, StandIn
    from workcell_control.policy.policy import FOLLOWED
    from workcell_ros import convert

    rclpy.init(args=[])
    executor = rclpy.executors.SingleThreadedExecutor()
    player = Player("")
    nodes = (player, StandIn("cell", "", {**dict.fromkeys(FOLLOWED["cell"], 0.5), "grip_vacuum_pa": 66e3}))
    for node in nodes:
        executor.add_node(node)
    clock = player.get_clock()

    def spin(seconds):
        end_ns = clock.now().nanoseconds + round(seconds * 1e9)
        while clock.now().nanoseconds < end_ns:
            reading = DynamicInterfaceGroupValues(interface_groups=["gripper/vacuum"])
            reading.interface_values = [InterfaceValue(interface_names=["value", "quality"], values=[50e3, 0.0])]
            player.play("readings", reading)
            executor.spin_once(timeout_sec=0.1)

    spin(0.5)
    for name in ("recorder", "governor", "policy"):
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            player.change_state(name, transition)
            spin(0.3)
    spin(2.0)
    stamp_ns = clock.now().nanoseconds | 1
    event = ParameterEvent(node="/cell", stamp=convert.ns_to_stamp(stamp_ns))
    event.changed_parameters = [convert.parameter_message("grip_vacuum_pa", 74e3)]
    player.play("policy/proposals", event)
    spin(1.0)
    player.answer(stamp_ns, is_approved)
    spin(1.0)


@pytest.mark.parametrize(("is_approved", "outcome"), [(True, "approved"), (False, "rejected")])
def test_a_persons_answer_is_given_again(tmp_path, is_approved, outcome):
    result = play(answered_bag(tmp_path, is_approved))
    assert [item.outcome for item in result.recorded] == ["pending", outcome]
    assert [item.outcome for item in result.replayed] == ["pending", outcome]
    assert result.differences == []


def test_a_governor_that_was_told_otherwise_differs(tmp_path):
    bag = answered_bag(tmp_path, True)
    lenient = tmp_path / "governance.yaml"
    text = GOVERNANCE.read_text(encoding="utf-8")
    lenient.write_text(text.replace(", ask_above: 70.0e+3", ""), encoding="utf-8")
    found = play(bag, governance=Path(lenient)).differences
    assert [item.replayed.outcome if item.replayed else "" for item in found] == ["applied", ""]
