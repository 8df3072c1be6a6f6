"""A policy and the governor's gate around the cycle simulator: what the nodes are to the whole cell.

The policy sees observations at the moments that matter to it (a part gripped, judged, shown, let go) and the finished
cycle; what it proposes goes through the same gate as in the cell. There is no twin and nobody answers for a person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workcell_control.governance.gate import NS_PER_S, Action, Apply, Gate, Verdict
from workcell_control.governance.rules import Governance
from workcell_control.policy.optimiser.setting import Setting
from workcell_control.policy.policy import Cycle, ImageHealth, Observation, Policy, Proposal
from workcell_sim.cycle.cycle_world import JUDGE_S, TORQUE_NOISE_N_M, CycleTruth, CycleWorld
from workcell_sim.cycle.monitor_levels import VibrationLevels
from workcell_sim.world.signals import NOMINAL_LIGHT_LUX

VACUUM = "gripper/vacuum"
READING_PERIOD_S = 0.05
LOOK_S = 0.1
SEALED_READING_PA = 19e3
STILL_SPEED_RAD_S = 0.0005
LIGHT_NOISE = 0.004

Spoil = Callable[[Cycle], Cycle]
"""What a test makes of the cycle that the policy is told of."""


@dataclass
class _Heard:
    """What the policy's node would have of readings and image."""

    readings: dict[str, float]
    taken_ns: dict[str, int]
    alarms: dict[str, int]
    image: ImageHealth | None = None


class ClosedLoop:
    """Runs cycles under a policy.

    Args:
        world: the simulated cell.
        policy: proposes and learns; None leaves everything as it is.
        governance: what the gate lets pass.
        setting: in force at first.
        vibration: when the monitor complains of a gear.
        seed: of the readings' noise.
        spoil: changes what the policy is told of a cycle; tests poison it here.
    """

    def __init__(
        self,
        world: CycleWorld,
        policy: Policy | None,
        governance: Governance,
        setting: Setting,
        vibration: VibrationLevels,
        seed: int,
        spoil: Spoil | None = None,
    ) -> None:
        self._world = world
        self._policy = policy
        self._gate = Gate(governance)
        self._vibration = vibration
        self._spoil = spoil
        self._rng = np.random.default_rng([seed, 0xC1])
        self._heard = _Heard({}, {}, {})
        self._stamp_ns = 0
        self._changed_in_cycle = False
        for node, values in setting.by_node().items():
            for name, value in values.items():
                self._gate.note_value(node, name, value)

    @property
    def setting(self) -> Setting:
        """In force now."""
        setting = Setting.of(self._gate.current)
        assert setting is not None, "every parameter was noted at the start"
        return setting

    def run_cycle(self) -> CycleTruth:
        """One cycle, with all that the policy proposes in it and after it."""
        self._changed_in_cycle = False
        truth = self._world.run(self.setting, self._judge if self._policy is not None else None)
        if self._policy is not None:
            self._after(truth)
        return truth

    def _judge(self, vacuum_pa: float, now_s: float) -> Setting:
        """The part is gripped: the vacuum is read when it is sealed and once it has built up."""
        before = self.setting
        self._read(VACUUM, SEALED_READING_PA, now_s - JUDGE_S)
        self._ask("pick", now_s - JUDGE_S)
        self._read(VACUUM, vacuum_pa, now_s + READING_PERIOD_S)
        self._ask("pick", now_s + READING_PERIOD_S)
        self._changed_in_cycle = self.setting != before
        return self.setting

    def _after(self, truth: CycleTruth) -> None:
        assert self._policy is not None
        seen, end_s = truth.seen, truth.end_s
        self._show(truth)
        for tag, value in self._field(truth).items():
            self._read(tag, value, end_s)
        levels = self._vibration.note(end_s - truth.begin_s, seen.vibration_m_s2)
        self._heard.alarms = {f"arm/joint_{joint + 1}/vibration": level for joint, level in enumerate(levels)}
        if seen.light_level > 0.0:
            self._heard.image = ImageHealth(seen.light_level, seen.blur_px, truth.setting.exposure_s)
        self._ask("place", end_s - READING_PERIOD_S)
        cycle = truth.told(self._heard.readings, is_steady=not self._changed_in_cycle)
        self._policy.learn(cycle if self._spoil is None else self._spoil(cycle))
        self._ask("approach", end_s)

    def _show(self, truth: CycleTruth) -> None:
        """The part hangs still at the camera: its torque is read, and the vacuum that carries it."""
        if truth.seen.shoulder_n_m == 0.0:
            return
        self._read(VACUUM, truth.seen.vacuum_held_pa, truth.end_s)
        for to_come in reversed(range(int((truth.setting.settle_s + LOOK_S) / READING_PERIOD_S))):
            taken_s = truth.end_s - (2.0 + to_come) * READING_PERIOD_S
            torque = truth.seen.shoulder_n_m + TORQUE_NOISE_N_M * float(self._rng.standard_normal())
            self._read("arm/joint_2/torque", torque, taken_s)
            for joint in range(1, 7):
                self._read(f"arm/joint_{joint}/speed", STILL_SPEED_RAD_S, truth.end_s)
            self._ask("settle", truth.end_s - 2.0 * READING_PERIOD_S)

    def _field(self, truth: CycleTruth) -> dict[str, float]:
        """Mean readings of a cycle."""
        seen = truth.seen
        light = seen.ambient_light * (1.0 + LIGHT_NOISE * float(self._rng.standard_normal()))
        values = {
            "cell/ambient_light": NOMINAL_LIGHT_LUX * light,
            "cell/tariff": seen.tariff_eur_per_kwh,
            "arm/protective_stop": float(truth.stops > 0),
        }
        for joint in range(6):
            values[f"arm/joint_{joint + 1}/vibration"] = float(seen.vibration_m_s2[joint])
            values[f"arm/joint_{joint + 1}/speed"] = float(seen.speed_rad_s[joint])
        return values

    def _read(self, tag: str, value: float, now_s: float) -> None:
        self._heard.readings[tag] = value
        self._heard.taken_ns[tag] = round(now_s * NS_PER_S)

    def _ask(self, activity: str, now_s: float) -> None:
        assert self._policy is not None
        now_ns = round(now_s * NS_PER_S)
        heard = self._heard
        observation = Observation(
            now_ns, activity, heard.readings, heard.taken_ns, heard.alarms, self._gate.current, heard.image
        )
        for action in self._gate.on_tick(now_ns):
            self._take(action, now_ns)
        for proposal in self._policy.propose(observation):
            self._put(proposal, now_ns)

    def _put(self, proposal: Proposal, now_ns: int) -> None:
        self._stamp_ns = max(now_ns, self._stamp_ns + 1)
        actions = self._gate.on_proposal(self._stamp_ns, proposal.node, proposal.parameters, now_ns)
        for action in [*actions, *self._gate.on_no_twin(self._stamp_ns, now_ns)]:
            self._take(action, now_ns)

    def _take(self, action: Action, now_ns: int) -> None:
        """Carries out what the gate decided; only verdicts and changes matter here."""
        if isinstance(action, Apply):
            for done in self._gate.on_applied(action, "", now_ns):
                self._take(done, now_ns)
        elif isinstance(action, Verdict) and self._policy is not None:
            self._policy.hear(action.node, action.parameters, action.outcome.value, now_ns)
