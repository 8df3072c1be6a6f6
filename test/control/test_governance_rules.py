"""governance.yaml: what loads, and what each mistake says."""

from pathlib import Path

import pytest

from workcell_control.governance.rules import Direction, TwinUse, load_governance
from workcell_ros.errors import ConfigError

SHIPPED = Path(__file__).parents[2] / "config" / "governance.yaml"
HEAD = "pending_timeout_s: 1\ntwin_timeout_s: 1\ntwin_loss_max: 0.1\ntwin_drops_per_hour_max: 1\n"
ROW = "{low: 0, high: 1, safe: 0.5, max_step: 0.1, min_interval_s: 1}"


def written(tmp_path: Path, nodes: str, head: str = HEAD) -> Path:
    path = tmp_path / "governance.yaml"
    path.write_text(head + nodes)
    return path


def test_the_shipped_file_governs_all_robot_parameters():
    governance = load_governance(SHIPPED)
    assert set(governance.rules["cell"]) >= {"speed_scale", "acceleration_scale", "grip_vacuum_pa", "settle_s"}
    assert set(governance.rules["inspection"]) == {"exposure_s"}
    speed = governance.rule("cell", "speed_scale")
    assert speed is not None
    assert speed.safer is Direction.DOWN
    assert speed.twin is TwinUse.ADVISE


def test_an_unknown_parameter_has_no_rule():
    assert load_governance(SHIPPED).rule("cell", "no_such") is None
    assert load_governance(SHIPPED).rule("nobody", "speed_scale") is None


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ("nodes: {cell: {speed: {lo: 0}}}", ["nodes.cell.speed.lo", "did you mean low?"]),
        ("nodes: {cell: {speed: 3}}", ["nodes.cell.speed", "holds 3"]),
        ("nodes: {cell: 3}", ["nodes.cell", "holds 3"]),
        ("nodes: {}", ["nodes", "governs nothing"]),
        (
            f"nodes: {{cell: {{speed: {ROW.replace('safe: 0.5', 'safe: 2')}}}}}",
            ["nodes.cell.speed.safe", "2.0", "0.0..1.0"],
        ),
        (
            f"nodes: {{cell: {{speed: {ROW.replace('low: 0', 'low: off')}}}}}",
            ["nodes.cell.speed.low", "False", "a number"],
        ),
        (f"nodes: {{cell: {{speed: {ROW.replace('max_step: 0.1', 'max_step: 0')}}}}}", ["max_step", "more than 0"]),
        (f"nodes: {{cell: {{speed: {ROW[:-1]}, twin: maybe}}}}}}", ["twin", "'maybe'", "none, advise, require"]),
    ],
)
def test_a_mistake_names_file_key_value_and_remedy(tmp_path, nodes, words):
    path = written(tmp_path, nodes)
    with pytest.raises(ConfigError) as caught:
        load_governance(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    for word in words:
        assert word in text


def test_a_missing_timeout_is_named(tmp_path):
    path = written(tmp_path, f"nodes: {{cell: {{speed: {ROW}}}}}", head="")
    with pytest.raises(ConfigError, match="pending_timeout_s: is missing; valid: a number"):
        load_governance(path)
