"""Parameters as a node is given them over a service."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import yaml
from launch.launch_context import LaunchContext
from rclpy.parameter import Parameter

from ..parameters_type import EvaluatedParameters
from .evaluate_parameters import evaluate_parameter_dict
from .normalize_parameters import normalize_parameter_dict

_KEY = "ros__parameters"


def to_parameters_list(
    context: LaunchContext, node_name: str, namespace: str | None, evaluated_parameters: EvaluatedParameters
) -> list[Parameter]:
    """Return the parameters of one node, those of files included, in their order.

    Raises:
        RuntimeError: something among them is no parameter.
    """
    full_name = "/".join(part for part in ((namespace or "").strip("/"), node_name.lstrip("/")) if part)
    parameters: list[Parameter] = []
    for item in evaluated_parameters:
        if isinstance(item, Path):
            if not node_name:
                warnings.warn("node name not provided to launch; parameter files will not apply", stacklevel=2)
            item = _read(context, item, full_name)
        if not isinstance(item, dict):
            raise RuntimeError(f"invalid evaluated parameters {item!r}")
        parameters += [Parameter(name, value=_plain(value)) for name, value in item.items()]
    return parameters


def _read(context: LaunchContext, path: Path, full_name: str) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text())
    blocks = dict(_blocks(content, ()))
    if blocks:
        content = {**blocks.get("**", {}), **blocks.get(full_name, {})}
    return evaluate_parameter_dict(context, normalize_parameter_dict(content or {}))


def _blocks(content: Any, keys: tuple[str, ...]) -> list[tuple[str, dict[str, Any]]]:
    """Return (node, parameters) for each block of a parameter file; namespaces may be nested keys."""
    found: list[tuple[str, dict[str, Any]]] = []
    for key, value in content.items() if isinstance(content, dict) else ():
        if key == _KEY:
            found.append(("/".join(keys), value))
        elif isinstance(value, dict):
            found += _blocks(value, (*keys, str(key).strip("/")))
    return found


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
