"""The cell a cycle at a time: one call of `run` is one part, from the last bin to its own.

Parts, seals, vacuum, grip, vibration, drives, sway and price are the whole world's own code with the same streams of
chance; motion is that of the same planner and MuJoCo arm (see `motions`); verdicts come from a measured table. Left
out, and therefore not to be learned from here: messages and their delays, brakes
under way, nodes and devices that fail, and servo errors that wear adds to the acceleration of the tool.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from workcell_control.cell.steps import Bin
from workcell_control.policy.optimiser.setting import Setting
from workcell_control.policy.policy import Cycle
from workcell_control.policy.value import CycleOutcome
from workcell_sim.cycle.carry import Carrier, Hold, Lost
from workcell_sim.cycle.motions import MotionLibrary, MoveRun
from workcell_sim.cycle.verdict_table import VERDICTS, VerdictTable
from workcell_sim.world.board import BoardFactory
from workcell_sim.world.camera import CameraModel
from workcell_sim.world.camera_station import camera_model_of
from workcell_sim.world.disturbances import Conditions, Disturbances
from workcell_sim.world.drive import DriveReadings, Drives
from workcell_sim.world.flex import Flex, FlexState
from workcell_sim.world.parts import Infeed, Part
from workcell_sim.world.power import PowerMeter
from workcell_sim.world.protective_stop import ProtectiveStop
from workcell_sim.world.scenario import Scenario
from workcell_sim.world.suction import new_grip
from workcell_sim.world.vacuum import Vacuum
from workcell_sim.world.world_config import WorldConfig

FloatArray = npt.NDArray[np.float64]

NOMINAL_EXPOSURE_S = 0.004
FEEDBACK_TICKS = 5
"""The arm tells its deviation at 10 Hz."""
CAMERA_PERIOD_S = 0.1
VERDICT_TICKS = 2
"""From the image to the move that the verdict leads to."""
VACUUM_NOISE_PA = 50.0
VACUUM_PERIOD_TICKS = 3
"""The vacuum is read every 2.5 ticks, with the noise of its gauge."""
TORQUE_NOISE_N_M = 0.2
"""Of a single reading of a drive's torque."""
NOTICE_S = 0.15
"""Until a lost part is noticed and the arm has braked."""
NEST_LOOK_S = 0.4
RAISE_S = 0.8
"""Up from the nest and down again for another try."""
HALT_SHARE = 0.13
"""Of the way to the infeed: stopping above it, and going down from rest."""
ATTEMPTS_MAX = 6
FEED_POLL_S = 0.05
STOP_RESET_S = 5.0
STOPS_ALONE_MAX = 3
PERSON_S = 120.0
"""How long a cell stands that made more stops over one part than it may release alone."""
JUDGE_S = 0.25
"""After so long the vacuum of a grip is what it will be; whoever judges grips does it then."""


@dataclass(frozen=True)
class Seen:
    """What field, camera and cell told of a cycle, besides its outcome.

    Attributes:
        vacuum_min_pa: lowest vacuum while held; 0 where the part was not held.
        vacuum_held_pa: vacuum while the part was shown to the camera, or before it was lost.
        shoulder_n_m: torque of the second joint while the part was shown to the camera.
        vibration_m_s2, speed_rad_s: means over the cycle, shape (6,).
    """

    verdict: str
    vacuum_min_pa: float
    vacuum_held_pa: float
    acceleration_max_m_s2: float
    tracking_error_max_rad: float
    pick_attempts: int
    light_level: float
    blur_px: float
    shoulder_n_m: float
    vibration_m_s2: FloatArray
    speed_rad_s: FloatArray
    ambient_light: float
    tariff_eur_per_kwh: float


@dataclass(frozen=True)
class CycleTruth:
    """One cycle: when, under what, what came of it, what was seen of it."""

    begin_s: float
    end_s: float
    setting: Setting
    """In force when the part was carried."""
    outcome: CycleOutcome
    stops: int
    seen: Seen
    conditions: Conditions

    def told(self, readings: Mapping[str, float], *, is_steady: bool = True) -> Cycle:
        """What the cell tells its policy of the cycle, with the readings that were heard in it."""
        return Cycle(
            is_dropped=self.outcome.drop > 0.0,
            verdict=self.seen.verdict,
            cycle_time_s=self.outcome.cycle_time_s,
            vacuum_min_pa=self.seen.vacuum_min_pa,
            acceleration_max_m_s2=self.seen.acceleration_max_m_s2,
            pick_attempts=self.seen.pick_attempts,
            tracking_error_max_rad=self.seen.tracking_error_max_rad,
            energy_j=self.outcome.energy_j,
            parameters=self.setting.by_node(),
            is_steady=is_steady,
            readings=dict(readings),
        )

    @property
    def is_violation(self) -> bool:
        """Whether the cycle broke the safety constraint: a lost part or a protective stop."""
        return self.outcome.drop > 0.0 or self.stops > 0


Judge = Callable[[float, float], Setting]
"""From the vacuum of a grip and the time, what the part is carried with."""


@dataclass
class _Running:
    """What adds up over a cycle."""

    begin_s: float
    setting: Setting
    waiting_s: float = 0.0
    stops: int = 0
    attempts: int = 0
    error_rad: float = 0.0
    windows: list[tuple[float, DriveReadings]] = field(default_factory=list)


class CycleWorld:
    """Parts, cup, gears, camera and power of one cell under a scenario.

    Args:
        config: constants of the world.
        scenario: disturbances of the shift.
        seed: same seed, same settings: same cycles, bit for bit. Parts and grips are those of the world's seed.
        motions: may be shared among worlds of one config.
        verdicts: how the inspection judges.
    """

    def __init__(
        self, config: WorldConfig, scenario: Scenario, seed: int, motions: MotionLibrary, verdicts: VerdictTable
    ) -> None:
        self.config = config
        self.time_s = 0.0
        self._disturbances = Disturbances(scenario)
        streams = np.random.SeedSequence([seed, _SEED_OF_WORLD]).spawn(4)
        infeed_rng, self._grip_rng, self._noise_rng, self._verdict_rng = map(np.random.default_rng, streams)
        self._motions = motions
        self._verdicts = verdicts
        self._factory = BoardFactory(seed, defect_rate=config.defect_rate)
        self._infeed = Infeed(config.infeed, config.station.board_mass_kg, infeed_rng)
        self._vacuum = Vacuum(config.vacuum)
        self._drives = Drives(config.arm, config.drives, config.ambient_k)
        self._carrier = Carrier(
            self._vacuum,
            config.suction,
            config.gripper,
            self._drives,
            config.drives.vibration_noise,
            config.tick_s,
            config.steps_per_tick,
        )
        self._power = PowerMeter(config.power)
        joints = tuple(str(number) for number in range(6))
        self._stop = ProtectiveStop(config.protective_stop, config.arm.effort_max_n_m, joints)
        self._camera: CameraModel = camera_model_of(config.station.camera)
        self._flex = Flex(config.flex)
        self._outfeed: Bin = "accept"
        self._fed_s = 0.0  # until when the belt has moved

    def run(self, setting: Setting, judge: Judge | None = None) -> CycleTruth:
        """One part, from its predecessor's bin to its own.

        Args:
            setting: in force when the cycle begins.
            judge: asked once the part is gripped: with what it is to be carried.
        """
        begin_s = self.time_s
        conditions = self._disturbances.at(begin_s)
        wear = self._drives.wear(conditions.wear)
        begin_j, begin_wear = self._power.state.energy_j, self._drives.state.own_wear.sum()
        running = _Running(begin_s, setting)
        part = self._approach(running, wear, conditions)
        held, lost = self._pick(part, running, wear, conditions, judge)
        verdict, light_level, blur_px, shoulder_n_m = "none", 0.0, 0.0, 0.0
        if lost is None:
            light_level, blur_px, kind, shares = self._look(part, held, running, conditions)
            shoulder_n_m = self._motions.shoulder_torque(part.mass_kg)
            verdict = VERDICTS[int(self._verdict_rng.choice(len(VERDICTS), p=shares))]
            self._outfeed = verdict if verdict in ("accept", "reject") else "rework"  # type: ignore[assignment]
            place = self._motions.motion(running.setting).place
            lost = self._carry(held, place, running, wear, is_lift=False)
            self._stand((self._motions.further[self._outfeed][0] - 1.0) * place.duration_s, wear)
        else:
            kind = self._kind(part)
        if lost is not None:
            self._stand(NOTICE_S, wear)
        self._pass(self._carrier.vent(), wear)
        is_dropped = lost is not None
        time_s = self.time_s - begin_s - running.waiting_s
        outcome = CycleOutcome(
            cycle_time_s=time_s,
            waiting_s=running.waiting_s,
            good=float(not is_dropped and verdict == "accept" and kind == "accept"),
            scrap=float(not is_dropped and verdict == "reject"),
            rework=float(not is_dropped and verdict in ("rework", "unsure")),
            drop=float(is_dropped),
            escape=float(not is_dropped and verdict == "accept" and kind != "accept"),
            false_reject=float(not is_dropped and verdict != "accept" and kind == "accept"),
            energy_j=self._power.state.energy_j - begin_j,
            wear=float(self._drives.state.own_wear.sum() - begin_wear) / len(wear),
        )
        seen = self._seen(running, held, "none" if verdict == "unsure" else verdict, light_level, blur_px, shoulder_n_m)
        return CycleTruth(begin_s, self.time_s, running.setting, outcome, running.stops, seen, conditions)

    # The steps.

    def _approach(self, running: _Running, wear: FloatArray, conditions: Conditions) -> Part:
        self._feed(conditions)
        is_ready = self._infeed.state.at_pick is not None
        approach = self._motions.motion(running.setting).approach
        self._move(approach, running, wear)
        self._stand((self._motions.further[self._outfeed][1] - 1.0) * approach.duration_s, wear)
        if not is_ready:
            # The way to the part is then made in two moves.
            self._stand(HALT_SHARE * approach.duration_s, wear)
            self._feed(conditions)
            while self._infeed.state.at_pick is None:
                self._stand(FEED_POLL_S, wear)
                running.waiting_s += FEED_POLL_S
                self._feed(conditions)
        return self._infeed.take(self.time_s)

    def _pick(
        self, part: Part, running: _Running, wear: FloatArray, conditions: Conditions, judge: Judge | None
    ) -> tuple[Hold, Lost | None]:
        """Grips the part and carries it to the camera, as often as it falls back on its seat."""
        while True:
            running.attempts += 1
            held = Hold(new_grip(self.config.suction, self._grip_rng), part.mass_kg, conditions.leak)
            ticks = self._carrier.seal(held, running.setting.grip_vacuum_pa)
            if ticks is None:
                self._pass(round(self.config.gripper.timeout_s / self.config.tick_s), wear)
                lost: Lost | None = Lost.NOT_SEALED
            else:
                self._pass(ticks, wear)
                self._dwell(held, running, wear, judge)
                motion = self._motions.motion(running.setting)
                lost = self._carry(held, motion.lift, running, wear, is_lift=True)
                if lost is None:
                    lost = self._carry(held, motion.transfer, running, wear, is_lift=False)
            if lost is None or lost is Lost.DROPPED or running.attempts >= ATTEMPTS_MAX:
                return held, Lost.DROPPED if lost is not None else None
            self._stand(NOTICE_S + NEST_LOOK_S + RAISE_S, wear)
            self._carrier.vent()

    def _dwell(self, held: Hold, running: _Running, wear: FloatArray, judge: Judge | None) -> None:
        tick_s = self.config.tick_s
        ticks = max(math.ceil(running.setting.grip_dwell_s / tick_s - 1e-9), 1)
        self._carrier.wait(held, ticks)
        held.lift_tick = ticks
        self._pass(ticks, wear)
        if judge is not None:
            # With a short dwell the judgement falls into the lift, before the part is moved fast.
            built_up_pa = self._carrier.level_after(held, max(round(JUDGE_S / tick_s) - ticks, 0))
            running.setting = judge(built_up_pa, self.time_s)

    def _look(
        self, part: Part, held: Hold, running: _Running, conditions: Conditions
    ) -> tuple[float, float, str, FloatArray]:
        """Settles, takes an image and judges; returns light level, blur, the verdict deserved, shares of verdicts."""
        tick_s, setting = self.config.tick_s, running.setting
        ready_s = self.time_s + setting.settle_s
        image_s = math.ceil(ready_s / CAMERA_PERIOD_S - 1e-6) * CAMERA_PERIOD_S
        ticks = max(math.ceil((image_s - self.time_s) / tick_s - 1e-9), 1)
        self._flex.state = FlexState(self._motions.motion(setting).sway.copy())
        self._flex.advance(np.zeros((ticks * self.config.steps_per_tick, 2)), self.config.step_s)
        scale = self._camera.pixels_per_m
        smear_px = float(np.hypot(*self._flex.velocity_m_s)) * scale * setting.exposure_s
        self._carrier.wait(held, ticks + VERDICT_TICKS)
        held.shown_pa = held.levels_pa[-1]
        self._pass(ticks + VERDICT_TICKS, self._drives.wear(conditions.wear))
        kind = self._kind(part)
        judged = self._verdicts.judge(kind, conditions.light * setting.exposure_s / NOMINAL_EXPOSURE_S, smear_px)
        blur_px = judged.blur_px + judged.blur_spread_px * float(self._noise_rng.standard_normal())
        return judged.light_level, max(blur_px, 0.0), kind, judged.shares

    def _carry(self, held: Hold, run: MoveRun, running: _Running, wear: FloatArray, *, is_lift: bool) -> Lost | None:
        noise = self._noise_rng.standard_normal(run.window_load_n_m.shape)
        before = len(held.levels_pa)
        lost = self._carrier.carry(held, run, wear, noise, is_lift=is_lift)
        if lost is None:
            self._move(run, running, wear)
        else:
            self._pass(len(held.levels_pa) - before, wear)
        return lost

    # Time, power and gears.

    def _move(self, run: MoveRun, running: _Running, wear: FloatArray) -> None:
        """The arm makes a move; a protective stop breaks it, and it goes on from there."""
        resistance = self._drives.resistance(run.wanted_rad_s, wear)
        stiffness = self.config.arm.stiffness_n_m_per_rad
        offset = int(self._noise_rng.integers(FEEDBACK_TICKS))
        error = run.error_rad + np.abs(resistance) / stiffness
        running.error_rad = max(running.error_rad, float(error[offset::FEEDBACK_TICKS].max(initial=0.0)))
        worn = np.abs(resistance).max(axis=0)
        is_stopped = self._stop.check((run.torque_max_n_m + worn)[None], worn, error.max(axis=0)) is not None
        speed, torque = run.speed_rad_s, run.torque_n_m
        readings = self._observe(torque + self._drives.resistance(speed, wear), speed, run.ticks, wear)
        running.windows.append((run.ticks * self.config.tick_s, readings))
        if is_stopped:
            self._stop_and_go(running, wear)

    def _stop_and_go(self, running: _Running, wear: FloatArray) -> None:
        running.stops += 1
        is_alone = running.stops <= STOPS_ALONE_MAX
        down_s = STOP_RESET_S if is_alone else PERSON_S
        self._stand(down_s, wear)
        running.waiting_s += down_s

    def _stand(self, duration_s: float, wear: FloatArray) -> None:
        self._pass(round(duration_s / self.config.tick_s), wear)

    def _pass(self, ticks: int, wear: FloatArray) -> None:
        """The arm stands for some ticks."""
        if ticks <= 0:
            return
        still = np.zeros((1, len(wear)))
        self._observe(still + self._motions.standing_torque_n_m, still, ticks, wear)

    def _observe(self, torque: FloatArray, speed: FloatArray, ticks: int, wear: FloatArray) -> DriveReadings:
        duration_s = ticks * self.config.tick_s
        readings = self._drives.observe(torque, speed, duration_s, wear, self.config.ambient_k, self._noise_rng)
        pump_w = self._vacuum.pump_current_a * self.config.vacuum.supply_v
        self._power.observe(readings.power_w, pump_w, duration_s)
        self.time_s += duration_s
        return readings

    def _feed(self, conditions: Conditions) -> None:
        """Moves the belt on to now, by way of each moment at which a board arrives or moves up."""
        while (due_s := max(self._infeed.due_s(), self._fed_s)) <= self.time_s:
            self._fed_s = due_s
            self._infeed.advance(due_s, conditions.arrival, conditions.mass, conditions.defect_rate)

    def _kind(self, part: Part) -> str:
        """The verdict that the part deserves; of defective ones half may be reworked."""
        if not self._factory.is_defective(part.number, part.defect_rate):
            return "accept"
        return "rework" if part.number % 2 else "reject"

    def _seen(
        self, running: _Running, held: Hold, verdict: str, light_level: float, blur_px: float, shoulder_n_m: float
    ) -> Seen:
        conditions = self._disturbances.at(self.time_s)
        durations_s = np.array([duration_s for duration_s, _ in running.windows])
        # The gears hum on while the arm stands.
        shares = durations_s[:, None] / max(self.time_s - running.begin_s, durations_s.sum())
        floor = self.config.drives.vibration_floor_m_s2
        vibration = np.array([readings.vibration_m_s2 for _, readings in running.windows]) - floor
        speed = np.array([readings.speed_rad_s for _, readings in running.windows])
        motion = self._motions.motion(running.setting)
        planned = (
            motion.lift.tool_acceleration_max_m_s2,
            motion.transfer.tool_acceleration_max_m_s2,
            motion.place.tool_acceleration_max_m_s2,
        )
        return Seen(
            verdict=verdict,
            vacuum_min_pa=self._vacuum_min(held),
            vacuum_held_pa=held.shown_pa or (held.levels_pa[-1] if held.levels_pa else 0.0),
            acceleration_max_m_s2=max(planned),
            tracking_error_max_rad=running.error_rad,
            pick_attempts=running.attempts,
            light_level=light_level,
            blur_px=blur_px,
            shoulder_n_m=shoulder_n_m,
            vibration_m_s2=floor + (shares * vibration).sum(axis=0),
            speed_rad_s=(shares * speed).sum(axis=0),
            ambient_light=conditions.light,
            tariff_eur_per_kwh=self._power.tariff_eur_per_kwh(conditions.tariff),
        )

    def _vacuum_min(self, held: Hold) -> float:
        """The lowest reading while the part hung at the cup; 0 where there was none."""
        first = held.lift_tick + int(self._noise_rng.integers(VACUUM_PERIOD_TICKS))
        levels = np.array(held.levels_pa[first::VACUUM_PERIOD_TICKS])
        noise = VACUUM_NOISE_PA * self._noise_rng.standard_normal(len(levels))
        return float((levels + noise).min(initial=np.inf)) if len(levels) else 0.0


_SEED_OF_WORLD = 0x57A7E
