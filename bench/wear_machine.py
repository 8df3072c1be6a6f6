"""One joint that wears out: the world's own drives, friction and protective stop, moved in trapezoids of speed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from workcell_sim.world.arm_parameters import JOINT_COUNT, joint_names, load_arm_parameters
from workcell_sim.world.drive import DriveConfig, Drives
from workcell_sim.world.protective_stop import ProtectiveStop, ProtectiveStopConfig

FloatArray = npt.NDArray[np.float64]

CYCLE_S = 4.0
READING_S = 0.5
WINDOW_SAMPLES = 5
SAMPLE_S = 0.01
AMBIENT_K = 295.0
LOT_CYCLES = 20
SPEED_SCALES = (0.4, 0.6, 0.8, 1.0)
PEAK_RAD_S = 2.5
"""Of the joint at full speed, as the cell moves it between infeed, camera and outfeed."""
INERTIA_TORQUE_N_M = 25.0
"""What accelerating takes; it loads the gear and so adds to its vibration."""
MOUNTING_SPREAD = 0.2
"""From machine to machine a sensor is mounted better or worse: its reading differs by so much (log-normal)."""
MOVES = 3
REST_SHARE = 0.25


@dataclass(frozen=True)
class Life:
    """From a new gear to its failure."""

    seed: int
    wear_from_cycle: int
    wear_per_cycle: float
    speed_scales: tuple[float, ...]
    """By lot."""
    cycles_max: int = 500

    def wear(self, cycle: int) -> float:
        """Wear 0..1 in a cycle."""
        return min(max(cycle - self.wear_from_cycle, 0) * self.wear_per_cycle, 1.0)

    def speed_scale(self, cycle: int) -> float:
        """Share of full speed that the lot is run at."""
        return self.speed_scales[(cycle // LOT_CYCLES) % len(self.speed_scales)]


class Machine:
    """One of many machines of a kind."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        rng = np.random.default_rng([seed, 0])
        self._mounting = float(np.exp(MOUNTING_SPREAD * rng.standard_normal()))
        self._arm = load_arm_parameters("urdf/ur5e.yaml")
        self._rng = rng
        healthy = DriveConfig()
        self._drives = Drives(
            self._arm,
            replace(healthy, vibration_per_speed_m_s=self._mounting * healthy.vibration_per_speed_m_s),
            AMBIENT_K,
        )
        self._stop = ProtectiveStop(ProtectiveStopConfig(), self._arm.effort_max_n_m, joint_names())

    def life(self, number: int) -> Life:
        """Returns a life of this machine."""
        rng = np.random.default_rng([self._seed, 1, number])
        return Life(
            seed=number,
            wear_from_cycle=int(rng.integers(60, 120)),
            wear_per_cycle=float(rng.uniform(0.004, 0.008)),
            speed_scales=tuple(rng.permutation(np.repeat(SPEED_SCALES, 4)).tolist()),
        )

    def cycle(self, life: Life, cycle: int) -> tuple[list[tuple[float, float, float]], bool]:
        """Returns time, vibration and speed of each reading of a cycle, and whether the arm stopped itself in it."""
        wear = np.zeros(JOINT_COUNT)
        wear[0] = life.wear(cycle)
        scans, has_stopped = [], False
        for number in range(round(CYCLE_S / READING_S)):
            speed, torque = motion(number * READING_S, life.speed_scale(cycle))
            seen = self._drives.observe(torque, speed, SAMPLE_S * WINDOW_SAMPLES, wear, AMBIENT_K, self._rng)
            unexplained = self._drives.resistance(speed[-1], wear)
            has_stopped |= self._stop.check(torque[:, :], unexplained, np.zeros(JOINT_COUNT)) is not None
            scans.append((number * READING_S, float(seen.vibration_m_s2[0]), float(seen.speed_rad_s[0])))
        return scans, has_stopped


def motion(at_s: float, speed_scale: float) -> tuple[FloatArray, FloatArray]:
    """Returns speeds and torques (k, 6) of the window that ends at a time of the cycle: moves with rests between."""
    times = at_s + SAMPLE_S * np.arange(1 - WINDOW_SAMPLES, 1)
    place = (times % (CYCLE_S / MOVES)) / (CYCLE_S / MOVES)
    moving = 1.0 - REST_SHARE
    ramp = moving / 4.0
    shape = np.clip(np.minimum(place, moving - place) / ramp, 0.0, 1.0)
    direction = np.where(place < ramp, 1.0, np.where((place > moving - ramp) & (place < moving), -1.0, 0.0))
    speed, torque = np.zeros((len(times), JOINT_COUNT)), np.zeros((len(times), JOINT_COUNT))
    speed[:, 0] = PEAK_RAD_S * speed_scale * shape
    torque[:, 0] = INERTIA_TORQUE_N_M * speed_scale * direction
    return speed, torque


def indicator_of(wear: float, speed_scale: float = 0.6) -> float:
    """Returns what vibration gains per unit of speed over ten cycles, of a machine mounted as the nominal one."""
    drives = Drives(load_arm_parameters("urdf/ur5e.yaml"), DriveConfig(), AMBIENT_K)
    rng = np.random.default_rng(0)
    worn = np.zeros(JOINT_COUNT)
    worn[0] = wear
    product = square = 0.0
    for number in range(round(10 * CYCLE_S / SAMPLE_S / WINDOW_SAMPLES)):
        speed, torque = motion(number * SAMPLE_S * WINDOW_SAMPLES % CYCLE_S, speed_scale)
        seen = drives.observe(torque, speed, SAMPLE_S * WINDOW_SAMPLES, worn, AMBIENT_K, rng)
        product += float(seen.vibration_m_s2[0] * seen.speed_rad_s[0])
        square += float(seen.speed_rad_s[0] ** 2)
    return product / square
