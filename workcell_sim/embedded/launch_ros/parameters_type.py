"""Types of parameters: as given, normalized, and worked out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# As a launch file may give them: paths to YAML files, dictionaries, Parameter, ParameterFile.
SomeParameters = Sequence[Any]
SomeParametersDict = Mapping[Any, Any]
SomeParameterValue = Any
# Names are tuples of substitutions, nested dictionaries are flat.
ParametersDict = dict[tuple[Any, ...], Any]
Parameters = Sequence[Any]
ParameterValue = Any
EvaluatedParameterValue = (
    str | int | float | bool | bytes | Sequence[str] | Sequence[int] | Sequence[float] | Sequence[bool]
)
EvaluatedParameters = Sequence[Path | dict[str, EvaluatedParameterValue] | Any]
