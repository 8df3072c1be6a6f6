"""The monitor's parameters."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_ros.schema import param


@dataclass(frozen=True)
class MonitorParameters:
    """Parameters of the monitor, besides those that its files make.

    These are `thresholds.<tag, dots for slashes>.<limit>` for every limit, and `maintenance.<component or
    watch>`: 1 where a person has authorised its maintenance, 0 otherwise.
    """

    tags_file: str = param("config/tags.yaml", "The tag table", read_only=True)
    thresholds_file: str = param("config/thresholds.yaml", "Alarm limits and what may be learned", read_only=True)
    prognosis_file: str = param(
        "", "Components whose remaining life is followed, and what is watched as a whole; empty: none", read_only=True
    )
    learned_file: str = param("", "Keeps what was learned over a restart; empty: nothing is kept", read_only=True)
    window_s: float = param(10.0, "Window of the features", unit="s", low=0.5, high=3600.0, read_only=True)
    report_period_s: float = param(1.0, "How often every tag is reported", unit="s", low=0.05, read_only=True)
    tracking_error_max_rad: float = param(
        0.002, "Path error of a cycle from which on it counts as harm", unit="rad", low=1e-4, high=1.0, read_only=True
    )
    refine: str = param(
        "propose",
        "What becomes of thresholds learned from cycle results: nothing, a proposal to the governor, or put into force",
        choices=("off", "propose", "apply"),
    )
    serviced: str = param("", "Set to the name of a component or watch once it was seen to: it begins anew")
