"""What proposals were explained with, until their verdicts are written down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

EXPLAINED_MAX = 256
"""Explanations kept; of more the oldest are forgotten."""
TOLD = ("model", "clipped", "expected_gain_mean", "expected_gain_low", "expected_gain_high", "expected_gain_unit")


class Explained:
    """Remembers explanations by the proposal's stamp."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[str, Any]] = {}

    def note(self, stamp_ns: int, rule: str, reason: str, values: Mapping[str, str]) -> None:
        """Takes in an explanation: the rule, why, and its key-value pairs."""
        row: dict[str, Any] = {"rule": rule, "why": reason}
        row |= {key: values[key] for key in TOLD if values.get(key)}
        readings = _read(values.get("readings", ""))
        if readings:
            row["readings"] = readings
        self._rows[stamp_ns] = row
        while len(self._rows) > EXPLAINED_MAX:
            del self._rows[next(iter(self._rows))]

    def of(self, stamp_ns: int) -> dict[str, Any]:
        """Returns what the audit log says of a proposal beside the verdict; empty where nobody explained it."""
        row = self._rows.get(stamp_ns)
        return {"explanation": row} if row else {}


def _read(text: str) -> Any:
    """Returns readings as an explanation carries them; what is no JSON is kept as the text it is."""
    try:
        return json.loads(text) if text else {}
    except json.JSONDecodeError:
        return text
