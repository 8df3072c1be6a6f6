"""What is tried in place of what a bag recorded: a policy by name, a model, or other constants. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workcell_control.policy.registry import POLICIES
from workcell_ros.errors import ConfigError
from workcell_ros.plan import read_params_file

NODES = ("policy", "governor", "cell", "inspection", "monitor")
"""Whose parameters have a say in a replay."""
MODEL_SUFFIX = ".onnx"


@dataclass(frozen=True)
class Trial:
    """What is to be other than in the recorded run, by node and parameter; nothing, to see the same again.

    Of the deciders any parameter, of the other nodes the governed values that they begin with.
    """

    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    name: str = "recorded"


def trial_of(text: str) -> Trial:
    """Reads what the command line asks to try.

    Args:
        text: a policy's name, an ONNX model of one, or a ROS parameter file.

    Raises:
        ConfigError: it is none of these, or the file is wrong; says what would be valid.
    """
    path = Path(text)
    if text in POLICIES:
        return Trial({"policy": {"policy": text}}, text)
    if path.suffix == MODEL_SUFFIX and path.is_file():
        return Trial({"policy": {"policy": "onnx", "policy_file": str(path.absolute())}}, path.stem)
    if not path.is_file():
        valid = f"{', '.join(POLICIES)}, an ONNX model (*{MODEL_SUFFIX}) or a parameter file"
        raise ConfigError("command line", "--policy", f"{text!r} is neither a policy nor a file", valid)
    blocks = {name: block for name, block in read_params_file(path).items() if name in NODES and block}
    if not blocks:
        raise ConfigError(path, "", "says nothing that a replay could try", f"parameters of {', '.join(NODES)}")
    return Trial(blocks, path.stem)
