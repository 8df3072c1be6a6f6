"""Whatever stands in a configuration file, it is used or refused by the error that a person is told: no traceback."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workcell_control.cell.station import load_station
from workcell_control.governance.rules import load_governance
from workcell_control.policy.optimiser.options import load_options
from workcell_control.policy.value import load_prices
from workcell_perception.verdict_file import load_rules
from workcell_ros.errors import ConfigError
from workcell_ros.plan import read_params_file
from workcell_sensors.health.threshold import load_thresholds
from workcell_sensors.prognosis.component import load_prognosis
from workcell_sensors.tags import load_tags
from workcell_sim.world import station as simulated
from workcell_sim.world.arm_parameters import load_arm_parameters
from workcell_sim.world.scenario import load_scenario

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
TAGS = load_tags(CONFIG / "tags.yaml")
LOADERS: dict[str, tuple[Path, Callable[[Path], object]]] = {
    "tags": (CONFIG / "tags.yaml", load_tags),
    "thresholds": (CONFIG / "thresholds.yaml", partial(load_thresholds, table=TAGS)),
    "prognosis": (CONFIG / "prognosis.yaml", partial(load_prognosis, table=TAGS)),
    "governance": (CONFIG / "governance.yaml", load_governance),
    "prices": (CONFIG / "value.yaml", load_prices),
    "optimiser": (CONFIG / "optimiser.yaml", load_options),
    "verdict": (CONFIG / "verdict.yaml", load_rules),
    "parameters": (CONFIG / "cell.yaml", read_params_file),
    "station": (CONFIG / "station.yaml", load_station),
    "simulated station": (CONFIG / "station.yaml", simulated.load_station),
    "scenario": (CONFIG / "scenarios" / "node_faults.yaml", load_scenario),
    "arm": (ROOT / "urdf" / "ur5e.yaml", load_arm_parameters),
}
MISSING, OTHER_KEY = object(), object()
VALUES = (
    MISSING,
    OTHER_KEY,
    None,
    "",
    [],
    {},
    "x",
    -1,
    0,
    10**40,
    float("inf"),
    float("nan"),
    True,
    [None],
    {1: 2},
    "'",
)
Place = tuple[Any, ...]


def places(data: Any, place: Place = ()) -> Iterator[Place]:
    """Yields where something stands in a document; of a list its first two items speak for all."""
    if place:
        yield place
    items = data.items() if isinstance(data, dict) else enumerate(data[:2]) if isinstance(data, list) else ()
    for key, inside in items:
        yield from places(inside, (*place, key))


def changed(data: Any, place: Place, value: Any) -> Any:
    """Returns a document with another value at a place, or none, or the same under another key."""
    document = copy.deepcopy(data)
    around = document
    for key in place[:-1]:
        around = around[key]
    if value is MISSING:
        del around[place[-1]]
    elif value is OTHER_KEY and isinstance(around, dict):
        around["zzz"] = around.pop(place[-1])
    elif value is not OTHER_KEY:
        around[place[-1]] = value
    return document


@pytest.mark.parametrize("name", LOADERS)
def test_a_changed_file_is_used_or_refused(name: str, tmp_path: Path) -> None:
    original, load = LOADERS[name]
    data = yaml.safe_load(original.read_text(encoding="utf-8"))
    everywhere = list(places(data))
    file = tmp_path / original.name

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(everywhere), st.sampled_from(VALUES))
    def load_changed(place: Place, value: Any) -> None:
        file.write_text(yaml.safe_dump(changed(data, place, value), sort_keys=False), encoding="utf-8")
        with contextlib.suppress(ConfigError):
            load(file)

    load_changed()
