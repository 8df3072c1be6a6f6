"""The environment over the cell itself: its real nodes on virtual time, a step is one part's cycle.

Some hundred times slower than the cycle simulator, with all that one leaves out: messages and their delays, the
governor's own gate and audit log, the field devices, the inspection's verdicts.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workcell_console.cell_arguments import NO_POLICY, CellArguments
from workcell_console.cell_plan import plan_from, teach
from workcell_console.shift import SHARE_DIR, rare_collection, use_embedded
from workcell_control.policy.value import outcome_of
from workcell_sim.gym.backend import CycleResult, Values

if TYPE_CHECKING:
    from workcell_sim.gym.cell_run_node import CellRun

CYCLE_MAX_S = 300.0
"""A part that takes longer, waiting and stops included, will not come."""


class NodesBackend:
    """A cell on the embedded runtime, made anew by every reset.

    Args:
        scenario: name in `config/scenarios`, or YAML file, of the shift's disturbances.
        fidelity: the simulated arm: mujoco (dynamics) or kinematic (exact follower).
        folder: keeps the inspection's references, and ledger and audit log in a folder per shift; None keeps nothing.
    """

    def __init__(self, scenario: str | Path, fidelity: str = "mujoco", folder: str | Path | None = None) -> None:
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="workcell-gym-")
            folder = self._temporary.name
        self._folder = Path(folder).absolute()
        self._given = CellArguments(
            scenario=str(scenario),
            fidelity=fidelity,
            transport="memory",
            composition="single",
            golden_dir=str(self._folder / "golden"),
            policy=NO_POLICY,
            twin=False,
            console=False,
            page=False,
            tf=False,
        )
        self._shifts = 0
        self._run: CellRun | None = None

    def reset(self, seed: int) -> CycleResult:
        """Takes down the cell there is, brings up another, and waits for its first cycle.

        Raises:
            WorkcellError: the cell could not be brought up, or makes no parts; names the remedy.
        """
        self._end()
        use_embedded()
        from workcell_sim.gym.cell_run_node import CellRun

        self._shifts += 1
        given = replace(self._given, seed=seed, out_dir=str(self._shift_dir))
        with rare_collection():
            plan = plan_from(given, SHARE_DIR)
            teach(plan, given)
            self._run = CellRun(plan)
            return self._next()

    def step(self, wanted: Values) -> CycleResult:
        """Has the governor asked for these parameters and runs until the next part's cycle has ended.

        Raises:
            RuntimeError: there is no shift yet.
            WorkcellError: no part has come through in a long time.
        """
        if self._run is None:
            raise RuntimeError("no shift has begun; reset the environment first")
        with rare_collection():
            self._run.propose(wanted)
            return self._next()

    def close(self) -> None:
        """Takes the cell down, and its files unless a folder was given for them."""
        self._end()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _next(self) -> CycleResult:
        assert self._run is not None
        before_ns, before_wear = self._run.last_stop_ns, self._run.own_wear
        told = self._run.next_cycle(CYCLE_MAX_S)
        total_s = (told.stop_ns - before_ns) / 1e9
        # Waiting for parts, holds and stops are not in the cycle's own time.
        outcome = outcome_of(
            told.cycle,
            is_defective=told.is_defective,
            waiting_s=max(total_s - told.cycle.cycle_time_s, 0.0),
            wear=self._run.own_wear - before_wear,
        )
        return CycleResult(told.cycle, outcome, self._run.conditions)

    @property
    def _shift_dir(self) -> Path:
        return self._folder / f"shift_{self._shifts}"

    def _end(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.close()
        if self._temporary is not None:
            shutil.rmtree(self._shift_dir, ignore_errors=True)
