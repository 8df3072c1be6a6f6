"""One model with uncertainty per outcome of a cycle, over the setting and the context.

| outcome | what its features know beforehand |
| --- | --- |
| cycle time | waits add up; a move takes length / speed + speed / acceleration + acceleration / jerk |
| stop | a worn gear's friction, Coulomb and viscous, against what the arm takes for a collision (`stop_model`) |
| lost part | the sizing rule of cup makers (`hold_model`) over a learned vacuum |
| acceleration of the part | its bound, or what the joints reach |
| image trusted | light level = exposure times illumination; blur = sway at the look times exposure |
| energy | constant consumers times time, and what moves take |
| wear | friction work of gears, constant and with speed |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from workcell_control.motion.limits import ACCELERATION_QUANTUM_M_S2
from workcell_control.policy.optimiser.context import Context
from workcell_control.policy.optimiser.hold_model import HoldModel, HoldPrior, LossForeseen
from workcell_control.policy.optimiser.options import Options
from workcell_control.policy.optimiser.regression import ForgetfulRegression, Prior
from workcell_control.policy.optimiser.setting import COLUMN
from workcell_control.policy.optimiser.stop_model import StopModel

FloatArray = npt.NDArray[np.float64]

TIME_PRIOR = Prior(
    # Intercept; for moves of the empty and of the loaded arm 1 / speed and speed / acceleration; acceleration / jerk of
    # all; dwell, settle, and the ways to and from the further bins: fitted to plans of the demonstration's arm, 1.5 %.
    mean=(0.5, 0.51, 0.23, 0.59, 0.89, 0.136, 1.0, 1.0, 0.2, 0.4),
    std=(0.3, 0.1, 0.08, 0.12, 0.18, 0.04, 0.1, 0.1, 0.1, 0.15),
    noise=0.05,
    forgetting=0.985,
)
"""A move of length L at speed v takes L / v + v / a + a / j (a double-S profile; Biagiotti and Melchiorri, "Trajectory
Planning for Automatic Machines and Robots", 2008, ch. 3); a short one does not get to v."""
REACH_PRIOR = Prior(mean=(0.0, 7.0), std=(0.4, 0.8), noise=0.2, forgetting=0.99)
"""Acceleration of the tool that the joints' acceleration leads to, over its scale."""
VACUUM_PRIOR = Prior(mean=(0.0, 0.87), std=(6.0, 0.08), noise=1.2, forgetting=0.9)
"""Vacuum in [kPa] over its set point: leaks show here, and change."""
BUILD_UP_PRIOR = Prior(mean=(0.5,), std=(0.5,), noise=1.0, forgetting=0.98)
"""Vacuum in [kPa] that a grip gains after it was judged: the tighter it is the longer its vacuum builds up."""
BLUR_PRIOR = Prior(mean=(0.6, 1.0), std=(0.8, 0.6), noise=0.4, forgetting=0.97)
ENERGY_PRIOR = Prior(mean=(120.0, 60.0, 60.0), std=(30.0, 60.0, 60.0), noise=40.0, forgetting=0.98)
"""Constant power times time, moves, and moves with speed, in [J]."""

SPEED_REACH = 0.95
"""Speed scale that a move gets to at full acceleration: further it only accelerates and brakes."""
SWAY_DECAY_PER_S = 3.5
BLUR_PX_PER_S = 150.0
"""Blur over exposure and acceleration at once after the move, in [px] per second of exposure and share."""
VIBRATION_PEAK = 2.0
"""Largest vibration of a cycle over its mean."""
JUDGED_SHARE = 0.3
"""Of the vacuum's scatter from grip to grip that is left: weak grips are judged before they are carried."""
LEAKY_SHARE = 0.6
"""Of its set point, the vacuum at which a judged grip gains no more: the more a circuit leaks the sooner it settles."""
BUILT_UP_SHARE = 0.7
"""Of that gain, what is there when the part is first moved fast."""
LIGHT_STD = 0.035
BLUR_STD_PX = 0.25
WEAR_PER_CYCLE = (6e-8, 8e-8)
"""Share of the gears' life that a cycle takes, constant and with the speed scale."""


@dataclass(frozen=True)
class Foreseen:
    """What n settings lead to; every array has shape (n,)."""

    time_s: FloatArray
    time_std_s: FloatArray
    energy_j: FloatArray
    loss: FloatArray
    """Probability of losing the part."""
    toll: FloatArray
    """Lost parts a cycle in the long run: what the worth bears."""
    excess: FloatArray
    """Probability that the arm's own supervision stops it."""
    unsure: FloatArray
    """Probability that the image cannot be trusted."""
    wear: FloatArray

    @property
    def violation(self) -> FloatArray:
        """Probability of breaking the safety constraint."""
        return 1.0 - (1.0 - self.loss) * (1.0 - self.excess)


class OutcomeModels:
    """All outcomes' models."""

    def __init__(self, options: Options, hold: HoldPrior) -> None:
        self._options = options
        self._lines = {
            "time": ForgetfulRegression(TIME_PRIOR),
            "reach": ForgetfulRegression(REACH_PRIOR),
            "vacuum": ForgetfulRegression(VACUUM_PRIOR),
            "build_up": ForgetfulRegression(BUILD_UP_PRIOR),
            "blur": ForgetfulRegression(BLUR_PRIOR),
            "energy": ForgetfulRegression(ENERGY_PRIOR),
        }
        self._hold = HoldModel(hold)
        self._stop = StopModel(options.stop_deviation_rad, options.stop_deviation_std)

    def foresee(self, settings: FloatArray, context: Context) -> Foreseen:
        """What settings (n, 8) lead to in a context."""
        lines, of = self._lines, _columns(settings)
        part = self._part_acceleration(settings)
        bins = (2.0 * (1.0 - context.accept_share - context.reject_share), 2.0 * context.reject_share)
        time = lines["time"].predict(_time_features(settings, part, bins))
        energy = lines["energy"].predict(_energy_features(settings, time.mean))
        loss = self._loss(settings, part, context)
        return Foreseen(
            time_s=np.maximum(time.mean, 0.5),
            time_std_s=time.model_std,
            energy_j=np.maximum(energy.mean, 0.0),
            loss=loss.probability,
            toll=loss.toll,
            excess=self._stop.probability(settings, context.wear + context.wear_trend),
            unsure=self._unsure(settings, context),
            wear=WEAR_PER_CYCLE[0] + WEAR_PER_CYCLE[1] * of["speed_scale"],
        )

    def loss_of_grip(
        self, setting: FloatArray, bounds_m_s2: FloatArray, vacuum_pa: float, context: Context
    ) -> FloatArray:
        """Probability of losing a part whose grip was judged at a vacuum, for each bound of its acceleration, (n,)."""
        settings = np.tile(setting, (len(bounds_m_s2), 1))
        settings[:, COLUMN["part_acceleration_max_m_s2"]] = bounds_m_s2
        load = self._part_acceleration(settings) + self._vibration(settings, context)
        gain = self._lines["build_up"].predict(_build_up_features(setting, vacuum_pa))
        carried_pa = vacuum_pa + 1e3 * BUILT_UP_SHARE * float(gain.mean[0])
        std_pa = 1e3 * BUILT_UP_SHARE * float(gain.model_std[0])
        return self._hold.foresee(np.full(len(settings), carried_pa), std_pa, context.mass_kg, load).probability

    def learn_motion(
        self, setting: FloatArray, time_s: float, reach_m_s2: float, energy_j: float, bins: tuple[float, float]
    ) -> None:
        """Takes in the time, planned acceleration and energy of an undisturbed cycle.

        Args:
            bins: how often, of the ways to a bin and from the last one, it was the one for rework, and for rejects.
        """
        row = setting[None]
        part = self._part_acceleration(row)
        if not self._lines["time"].learn(_time_features(row, part, bins)[0], time_s):
            return
        bound_m_s2 = row[0, COLUMN["part_acceleration_max_m_s2"]] - ACCELERATION_QUANTUM_M_S2
        if 0.0 < reach_m_s2 < REACHED_SHARE * bound_m_s2:
            # The bound was not what held the arm back.
            self._lines["reach"].learn(_reach_features(row)[0], reach_m_s2)
        self._lines["energy"].learn(_energy_features(row, np.array([time_s]))[0], energy_j)

    def learn_deviation(self, setting: FloatArray, wear: float, deviation_rad: float, *, is_stopped: bool) -> None:
        """Takes in the largest deviation of a cycle, and whether the arm stopped."""
        self._stop.learn(setting, wear, deviation_rad, is_stopped=is_stopped)

    def learn_vacuum(self, setting: FloatArray, held_pa: float) -> None:
        """Takes in the vacuum that a part was carried with."""
        self._lines["vacuum"].learn(_vacuum_features(setting[None])[0], 1e-3 * held_pa)

    def learn_build_up(self, setting: FloatArray, judged_pa: float, held_pa: float) -> None:
        """Takes in what became of the vacuum of a grip that was judged."""
        self._lines["build_up"].learn(_build_up_features(setting, judged_pa)[0], 1e-3 * (held_pa - judged_pa))

    def learn_blur(self, setting: FloatArray, blur_px: float) -> None:
        """Takes in the blur of an image."""
        self._lines["blur"].learn(_blur_features(setting[None])[0], blur_px)

    def learn_hold(self, setting: FloatArray, vacuum_pa: float, context: Context, *, is_lost: bool) -> None:
        """Takes in what became of a part; its vacuum is 0 where none was read, and the expected one is taken."""
        row = setting[None]
        if vacuum_pa <= 0.0:
            vacuum_pa = 1e3 * float(self._lines["vacuum"].predict(_vacuum_features(row)).mean[0])
        load = self._part_acceleration(row) + self._vibration(row, context)
        self._hold.learn(vacuum_pa, context.mass_kg, float(load[0]), is_lost=is_lost)

    def snapshot(self) -> dict[str, Any]:
        """All that was learned, as JSON values."""
        models = {name: line.snapshot() for name, line in self._lines.items()}
        return {"hold": self._hold.snapshot(), "stop": self._stop.snapshot()} | models

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes a snapshot back. Raises ValueError where it does not fit."""
        expected = {"hold", "stop", *self._lines}
        if set(state) != expected:
            raise ValueError(f"models {sorted(state)}: expected {sorted(expected)}")
        self._hold.restore(state["hold"])
        self._stop.restore(state["stop"])
        for name, line in self._lines.items():
            line.restore(state[name])

    def _part_acceleration(self, settings: FloatArray) -> FloatArray:
        """Largest acceleration that the part sees: its bound, or what the joints reach, (n,)."""
        reach = self._lines["reach"].predict(_reach_features(settings))
        return np.maximum(np.minimum(settings[:, COLUMN["part_acceleration_max_m_s2"]], reach.mean), 0.3)

    def _vibration(self, settings: FloatArray, context: Context) -> FloatArray:
        of = _columns(settings)
        faster = _speed_within(of["speed_scale"], of["acceleration_scale"]) / max(context.vibration_speed, 0.05)
        return VIBRATION_PEAK * context.tool_vibration_m_s2 * faster

    def _loss(self, settings: FloatArray, part: FloatArray, context: Context) -> LossForeseen:
        vacuum = self._lines["vacuum"].predict(_vacuum_features(settings))
        noise = JUDGED_SHARE * self._lines["vacuum"].noise
        std_pa = 1e3 * np.hypot(vacuum.model_std, noise)
        load = part + self._vibration(settings, context)
        return self._hold.foresee(np.maximum(1e3 * vacuum.mean, 0.0), std_pa, context.mass_kg, load)

    def _unsure(self, settings: FloatArray, context: Context) -> FloatArray:
        options, of = self._options, _columns(settings)
        blur = self._lines["blur"].predict(_blur_features(settings))
        too_blurred: FloatArray = 1.0 - ndtr((options.blur_max_px - blur.mean) / np.hypot(blur.std, BLUR_STD_PX))
        if context.illumination is None:
            return too_blurred
        level = (
            of["exposure_s"] / options.nominal_exposure_s * context.illumination * (1.0 + context.illumination_trend)
        )
        log_level = np.log(np.maximum(level, 1e-3))
        std = LIGHT_STD + abs(context.illumination_trend)
        too_dark = ndtr((np.log(options.light_level_min) - log_level) / std)
        too_bright = ndtr((log_level - np.log(options.light_level_max)) / std)
        unsure: FloatArray = 1.0 - (1.0 - too_blurred) * (1.0 - np.minimum(too_dark + too_bright, 1.0))
        return unsure


REACHED_SHARE = 0.95


def _columns(settings: FloatArray) -> dict[str, FloatArray]:
    return {name: settings[:, index] for name, index in COLUMN.items()}


def _speed_within(speed: FloatArray, acceleration: FloatArray) -> FloatArray:
    """Speed scale that a move gets to: less than its limit where the acceleration does not suffice, (n,)."""
    return np.minimum(speed, SPEED_REACH * np.sqrt(acceleration))


def _time_features(settings: FloatArray, part_m_s2: FloatArray, bins: tuple[float, float]) -> FloatArray:
    of, one = _columns(settings), np.ones(len(settings))
    free = of["acceleration_scale"]
    loaded = np.minimum(free, part_m_s2 / REACH_PRIOR.mean[1])
    free_speed, loaded_speed = _speed_within(of["speed_scale"], free), _speed_within(of["speed_scale"], loaded)
    return np.stack(
        [
            one,
            1.0 / free_speed,
            free_speed / free,
            1.0 / loaded_speed,
            loaded_speed / loaded,
            (free + 2.0 * loaded) / of["jerk_scale"],
            of["grip_dwell_s"],
            of["settle_s"],
            bins[0] * one,
            bins[1] * one,
        ],
        axis=1,
    )


def _reach_features(settings: FloatArray) -> FloatArray:
    return np.stack([np.ones(len(settings)), _columns(settings)["acceleration_scale"]], axis=1)


def _vacuum_features(settings: FloatArray) -> FloatArray:
    return np.stack([np.ones(len(settings)), 1e-3 * _columns(settings)["grip_vacuum_pa"]], axis=1)


def _build_up_features(setting: FloatArray, judged_pa: float) -> FloatArray:
    set_point_pa = float(setting[COLUMN["grip_vacuum_pa"]])
    return np.array([[1e-3 * set_point_pa * max(judged_pa / set_point_pa - LEAKY_SHARE, 0.0) ** 2]])


def _blur_features(settings: FloatArray) -> FloatArray:
    of = _columns(settings)
    sway = of["acceleration_scale"] * np.exp(-SWAY_DECAY_PER_S * of["settle_s"])
    return np.stack([np.ones(len(settings)), BLUR_PX_PER_S * of["exposure_s"] * sway], axis=1)


def _energy_features(settings: FloatArray, time_s: FloatArray) -> FloatArray:
    return np.stack([time_s, np.ones(len(settings)), _columns(settings)["speed_scale"]], axis=1)
