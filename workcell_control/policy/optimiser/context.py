"""What of the machine and its surroundings an outcome depends on, followed from cycle to cycle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workcell_control.policy.payload import TORQUE_TAG, PayloadEstimate
from workcell_control.policy.policy import Cycle, ImageHealth, Observation

JOINTS = range(1, 7)
VACUUM = "gripper/vacuum"
TARIFF = "cell/tariff"
VIBRATION_TAGS = tuple(f"arm/joint_{joint}/vibration" for joint in JOINTS)
SPEED_TAGS = tuple(f"arm/joint_{joint}/speed" for joint in JOINTS)
REQUIRED = (VACUUM, *VIBRATION_TAGS)
"""Without a trustworthy reading of all of them nothing is proposed."""

SHOWN = ("settle", "inspect")
VIBRATION_FLOOR_M_S2 = 0.05
WEAR_GAIN = 6.0
"""How many times its healthy vibration a fully worn gear shakes with on top (Randall, 2011, ch. 2)."""
SPEED_MIN_RAD_S = 0.06
"""A gear that turns slower over a cycle says nothing of its wear."""
HEALTHY_CYCLES = 8
"""Cycles from which the vibration of a sound gear is learned."""
WEAR_SHARE, WEAR_TREND_SHARE = 0.19, 0.01
"""Level and trend of the worst gear's wear: as of a line through the past that is forgotten by 0.9 a cycle (double
exponential smoothing; West and Harrison, "Bayesian Forecasting and Dynamic Models", 1997, ch. 7)."""
LIGHT_SHARE = 0.6
VERDICT_SHARE = 0.02
WAITED_MIN_S = 0.15
"""A cycle that waited less for its part did not wait: what is left is the time between readings."""
FEED_SHARE = 0.03
"""Weight of a cycle's part in the interval between parts."""
PATIENCE_PARTS = 100
"""After so many parts without a wait they may come as fast as the cell likes: nothing but being faster can tell."""
FEED_DEVIATIONS = 2.0
"""Parts that came faster than thought by more than this may, too; what is slower by more counts as that much slower:
a dearth that passes must not make the cell slow for long."""
FEED_JITTER = 0.2
"""Standard deviation of an interval over their mean: parts come irregularly."""
NS_PER_S = 1e9
TREND_SHARE = 0.2


@dataclass(frozen=True)
class Context:
    """What the next cycle's outcome depends on, besides its setting.

    Attributes:
        mass_kg: of the parts.
        wear: of the worst gear, 0 sound to 1 worn out.
        wear_trend: by which it changes from cycle to cycle.
        illumination: of the station over the nominal one; None before an image told.
        illumination_trend: share by which it changes from cycle to cycle.
        tariff_eur_per_kwh: None where no reading tells it.
        feed_interval_s, feed_std_s: between parts; 0 where the cell has not waited for long.
        accept_share, reject_share: of the parts whose image could be trusted.
        tool_vibration_m_s2: what arrived at the tool lately, at the speed scale `vibration_speed`.
    """

    mass_kg: float
    wear: float
    wear_trend: float
    illumination: float | None
    illumination_trend: float
    tariff_eur_per_kwh: float | None
    feed_interval_s: float
    accept_share: float
    reject_share: float
    tool_vibration_m_s2: float
    vibration_speed: float
    feed_std_s: float = 0.0


class ContextTracker:
    """Follows the context from observations and cycles."""

    def __init__(
        self, part_mass_kg: float, weigh_lever_m: float, nominal_exposure_s: float, transfer: float, takt_s: float
    ) -> None:
        self._payload = PayloadEstimate(part_mass_kg, weigh_lever_m)
        self._exposure_s = nominal_exposure_s
        self._transfer = transfer
        self._values = _Values(takt_s)

    @property
    def context(self) -> Context:
        """As it stands."""
        values = self._values
        worst = values.wear.index(max(values.wear))
        return Context(
            mass_kg=self._payload.mass_kg,
            wear=values.wear[worst],
            wear_trend=values.wear_trend[worst],
            illumination=values.illumination,
            illumination_trend=values.illumination_trend,
            tariff_eur_per_kwh=values.tariff,
            feed_interval_s=0.0 if values.is_prompt else values.feed_interval_s,
            accept_share=values.accept_share,
            reject_share=values.reject_share,
            tool_vibration_m_s2=values.tool_vibration,
            vibration_speed=values.vibration_speed,
            feed_std_s=FEED_JITTER * values.feed_interval_s * math.sqrt(FEED_SHARE / (2.0 - FEED_SHARE)),
        )

    @property
    def held_pa(self) -> float:
        """Vacuum with which the last part was shown to the camera; 0 where none was."""
        return self._values.held_pa

    def see(self, observation: Observation) -> None:
        """Takes in an observation in mid-cycle."""
        self._payload.see(observation.activity, observation.readings, observation.taken_ns.get(TORQUE_TAG))
        self._values.tariff = observation.readings.get(TARIFF, self._values.tariff)
        if observation.activity in SHOWN and VACUUM in observation.readings:
            self._values.held_pa = observation.readings[VACUUM]

    def begin_cycle(self) -> None:
        """The next part: what was read of the last one no longer counts."""
        self._values.held_pa = 0.0

    def learn(self, cycle: Cycle, speed_scale: float) -> None:
        """Takes in a finished cycle."""
        self._payload.end_cycle()
        self._learn_wear(cycle, speed_scale)
        if cycle.verdict in ("accept", "rework", "reject") and not cycle.is_dropped:
            values = self._values
            values.accept_share += VERDICT_SHARE * (float(cycle.verdict == "accept") - values.accept_share)
            values.reject_share += VERDICT_SHARE * (float(cycle.verdict == "reject") - values.reject_share)

    def learn_image(self, image: ImageHealth | None) -> None:
        """Takes in how bright the last image was."""
        if image is None or not image.light_level > 0.0 or not image.exposure_s > 0.0:
            return
        seen = image.light_level * self._exposure_s / image.exposure_s
        values = self._values
        if values.illumination is None:
            values.illumination = seen
            return
        expected = values.illumination * (1.0 + values.illumination_trend)
        change = seen / values.illumination - 1.0
        values.illumination_trend += TREND_SHARE * (change * LIGHT_SHARE - values.illumination_trend)
        values.illumination = expected + LIGHT_SHARE * (seen - expected)

    def learn_period(self, now_ns: int, cycle_time_s: float, *, is_stopped: bool) -> None:
        """Takes in when a cycle ended: what is not its own time was spent waiting for the part.

        A cell that waits has taken all parts that came: from one wait to another as many came as it made cycles. Until
        it waits for the first time parts are taken to come as planned.
        """
        values, before_ns = self._values, self._values.ended_ns
        values.ended_ns = now_ns
        if before_ns is None or before_ns >= now_ns or is_stopped:  # the first cycle, or that of another run's clock
            values.waited_ns = None
            values.cycles_since_wait = 0
            return
        is_waiting = (now_ns - before_ns) / NS_PER_S - cycle_time_s > WAITED_MIN_S
        values.cycles_since_wait += 1
        parts = values.cycles_since_wait
        deviation_s = FEED_DEVIATIONS * FEED_JITTER * values.feed_interval_s / math.sqrt(parts)
        surprise_s = 0.0
        if values.waited_ns is not None:
            # The store was empty at the last wait: all parts came since then.
            surprise_s = (now_ns - values.waited_ns) / NS_PER_S / parts - values.feed_interval_s
        if is_waiting:
            share = 1.0 - (1.0 - FEED_SHARE) ** parts
            values.feed_interval_s += share * min(surprise_s, deviation_s)
            values.waited_ns, values.cycles_since_wait, values.is_prompt = now_ns, 0, False
        elif parts > PATIENCE_PARTS or surprise_s < -deviation_s:
            values.is_prompt = True

    def snapshot(self) -> dict[str, Any]:
        """All that was learned, as JSON values."""
        return {"values": self._values.to_json(), "payload": dict(vars(self._payload))}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes a snapshot back.

        Raises:
            ValueError: it lacks something.
        """
        payload = vars(self._payload)
        if set(state["payload"]) != set(payload):
            raise ValueError(f"a payload of {sorted(state['payload'])}: expected {sorted(payload)}")
        self._values = _Values.from_json(state["values"])
        payload.update(state["payload"])

    def _learn_wear(self, cycle: Cycle, speed_scale: float) -> None:
        """A gear shakes in proportion to its speed, and the more the more it is worn."""
        values, readings = self._values, cycle.readings
        square = 0.0
        for index, (shake_tag, speed_tag) in enumerate(zip(VIBRATION_TAGS, SPEED_TAGS, strict=True)):
            shake, speed = readings.get(shake_tag), readings.get(speed_tag)
            if shake is None or speed is None or not (math.isfinite(shake) and math.isfinite(speed)):
                return
            square += shake**2
            if speed < SPEED_MIN_RAD_S:
                continue
            ratio = max(shake - VIBRATION_FLOOR_M_S2, 0.0) / speed
            if values.healthy_counts[index] < HEALTHY_CYCLES:
                values.healthy_counts[index] += 1
                values.healthy[index] += (ratio - values.healthy[index]) / values.healthy_counts[index]
            wear = max(ratio / max(values.healthy[index], 1e-3) - 1.0, 0.0) / WEAR_GAIN
            before = values.wear[index] + values.wear_trend[index]
            values.wear_trend[index] += WEAR_TREND_SHARE * (min(wear, 1.0) - before)
            values.wear[index] = max(before + WEAR_SHARE * (min(wear, 1.0) - before), 0.0)
        values.tool_vibration = self._transfer * math.sqrt(square)
        values.vibration_speed = speed_scale


class _Values:
    """The tracker's figures."""

    def __init__(self, takt_s: float) -> None:
        self.held_pa = 0.0
        self.healthy = [0.0] * 6
        self.healthy_counts = [0] * 6
        self.wear = [0.0] * 6
        self.wear_trend = [0.0] * 6
        self.illumination: float | None = None
        self.illumination_trend = 0.0
        self.tariff: float | None = None
        self.feed_interval_s = takt_s
        self.ended_ns: int | None = None
        self.waited_ns: int | None = None
        self.cycles_since_wait = 0
        self.is_prompt = False
        self.accept_share = 0.85
        self.reject_share = 0.07
        self.tool_vibration = 0.0
        self.vibration_speed = 1.0

    def to_json(self) -> dict[str, Any]:
        """The figures by name; lists are copied."""
        return {name: list(value) if isinstance(value, list) else value for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> _Values:
        """Reads what `to_json` wrote; raises ValueError where something is missing."""
        values = cls(0.0)
        if set(state) != set(vars(values)):
            raise ValueError(f"a context of {sorted(state)}: expected {sorted(vars(values))}")
        for name, value in state.items():
            setattr(values, name, list(value) if isinstance(value, list) else value)
        return values
