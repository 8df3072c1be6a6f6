"""One move that a trajectory controller carries out: where on its path it is, and what to send for another rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workcell_control.execution.path import PLAIN, PathUnderWay
from workcell_control.execution.rate import RATE_MIN, PathPlace, RateRamp
from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.limits import JointLimits
from workcell_control.motion.trajectory import JointTrajectory

NS_PER_S = 1_000_000_000
LEAD_S = 0.08
"""Time from now at which another rate begins at the earliest: until then the controller has heard of it."""
LEAD_MAX_S = 0.4
LEAD_ANSWERS = 3.0
"""The lead is at least this often the time that the controller lately took to answer."""
RUN_IN_S = 0.1
"""Time in which a controller goes over from its reference to a trajectory that begins only nearly there."""
RAMPS_S = (0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2)
"""Times over which the rate may change; the shortest that keeps the limits is taken."""
STAMPED_FROM = 0.999
"""From this speed factor of the controller on, trajectory time runs with the clock, and a start can be dated."""
JOINT_SHARE_AIM = 0.99
"""Share of joint limits that a change of the rate may use: what a controller makes of samples differs a little."""
_MERGED_S = 1e-3
_SHORT_S = 0.01

Excess = Callable[[JointTrajectory], float]


@dataclass(frozen=True)
class Sending:
    """A trajectory for the controller; `stamp_ns` is when it began, 0 where it begins on arrival."""

    trajectory: JointTrajectory
    stamp_ns: int = 0
    begins_exactly: bool = True
    """Whether its first sample is where the controller's reference is; else that goes over to the second."""


def limit_excess(trajectory: JointTrajectory, limits: JointLimits) -> float:
    """Largest share of velocity, acceleration or jerk limits that a trajectory uses, by dense sampling."""
    times = np.arange(0.0, trajectory.duration_s, 0.004)
    _, velocity, acceleration, jerk = trajectory.states_at(times)
    shares = (velocity / limits.velocity, acceleration / limits.acceleration, jerk / limits.jerk)
    return max((float(np.abs(share).max()) for share in shares if share.size), default=0.0)


class Follower:
    """Keeps account of what was sent for one move.

    Args:
        trajectory: The move as planned.
        excess: Share of what is allowed that a trajectory uses; above 1 it is not sent where another will do.
        rate: Rate to begin with, above 0.
        begins_exactly: Whether the controller's reference stands where the move begins; else it is given time to go
            there.
    """

    def __init__(
        self, trajectory: JointTrajectory, excess: Excess, rate: float = 1.0, *, begins_exactly: bool = True
    ) -> None:
        self.path = PathUnderWay(trajectory)
        self._excess = excess
        self._ramp = PLAIN if rate >= 1.0 else RateRamp(PathPlace(0.0, rate), rate, 1.0)
        # Sent time until which the reference goes over to what was sent.
        self._run_in_s = 0.0 if begins_exactly else RUN_IN_S
        # Sent time at which the ramp begins.
        self._lead_s = self._run_in_s
        self._heard: tuple[int, float] | None = None
        going = trajectory if rate >= 1.0 else trajectory.dilated(1.0 / rate)
        self.sent = Sending(going if begins_exactly else _later(going, RUN_IN_S), begins_exactly=begins_exactly)

    @property
    def rate(self) -> float:
        """The rate that was asked for last."""
        return self._ramp.rate_end

    @property
    def is_to_the_end(self) -> bool:
        """Whether what was sent leads to the path's end."""
        lead_s = self.sent.trajectory.duration_s - self._lead_s
        return self._ramp.place_at(lead_s).path_s >= self.path.duration_s - _MERGED_S

    @property
    def is_located(self) -> bool:
        """Whether the controller has told where it is on what was sent."""
        return self._heard is not None

    def on_feedback(self, stamp_ns: int, sent_s: float) -> None:
        """The controller was `sent_s` along what was sent last at a time."""
        self._heard = (stamp_ns, sent_s)

    def place(self, now_ns: int, scaling: float) -> PathPlace:
        """Where on the path the controller's reference is; the begin before it was heard."""
        return self._place_at(self._sent_s(now_ns, scaling))

    def retimed(
        self, rate: float, now_ns: int, scaling: float = 1.0, answer_s: float = 0.0, *, is_just_heard: bool = True
    ) -> Sending | None:
        """What to send so that the rate becomes `rate` (0: stop on the path) soon; None where there is nothing to do.

        Between the present place and the ramp the old motion is repeated, so that nothing jumps when it arrives.
        Where time runs with the clock it is dated to the last feedback and joined wherever the controller is by
        then. Else nobody can say exactly where the controller will be: it goes over from there to the ramp's begin, but
        only right after it has told its place, and where its own speed factor does not keep the arm slower already.

        Args:
            rate: Wanted.
            now_ns: Present time.
            scaling: The controller's own speed factor.
            answer_s: How long the controller lately took at most to answer what was sent.
            is_just_heard: Whether the controller has told its place just now.
        """
        if self._heard is None or abs(rate - self._ramp.rate_end) < RATE_MIN:
            return None
        is_stamped = scaling >= STAMPED_FROM
        if not is_stamped and (not is_just_heard or rate >= min(scaling, self._ramp.rate_end)):
            return None
        here_s = self._sent_s(now_ns, scaling)
        lead_s = min(max(LEAD_S, LEAD_ANSWERS * answer_s), LEAD_MAX_S) if is_stamped else answer_s * scaling + RUN_IN_S
        splice_s = here_s + lead_s
        begin = self._place_at(splice_s)
        is_ending = begin.path_s >= self.path.duration_s - _MERGED_S or splice_s >= self.sent.trajectory.duration_s
        # Nothing can change before it ends or stands, or while the reference is still on its way to what was sent.
        if is_ending or here_s < self._run_in_s:
            return None
        ramp = self._gentlest(begin, rate)
        rest = self.path.along(ramp)
        if is_stamped:
            from_s = self._heard[1]
            self.sent = Sending(self._spliced(from_s, splice_s, rest), self._heard[0])
            self._heard = (self._heard[0], 0.0)
            self._ramp, self._lead_s, self._run_in_s = ramp, splice_s - from_s, 0.0
        else:
            self.sent = Sending(_later(rest, RUN_IN_S), begins_exactly=False)
            self._heard = (now_ns + round(answer_s * NS_PER_S), 0.0)
            self._ramp, self._lead_s, self._run_in_s = ramp, RUN_IN_S, RUN_IN_S
        return self.sent

    def resumed(self, rate: float) -> Sending | None:
        """What to send from standing on the path; None where the rate is none."""
        if rate < RATE_MIN:
            return None
        stood_s = self._place_at(self.sent.trajectory.duration_s).path_s
        self._ramp = self._gentlest(PathPlace(stood_s, 0.0, 0.0), rate)
        self._lead_s, self._run_in_s, self._heard = 0.0, 0.0, None
        self.sent = Sending(self.path.along(self._ramp))
        return self.sent

    def _sent_s(self, now_ns: int, scaling: float) -> float:
        if self._heard is None:
            return 0.0
        stamp_ns, sent_s = self._heard
        return min(sent_s + max(now_ns - stamp_ns, 0) / NS_PER_S * scaling, self.sent.trajectory.duration_s)

    def _place_at(self, sent_s: float) -> PathPlace:
        if sent_s >= self._lead_s:
            return self._ramp.place_at(sent_s - self._lead_s)
        # What was repeated before the ramp: nearly at the rate the ramp begins with.
        begin = self._ramp.begin
        return PathPlace(max(begin.path_s - (self._lead_s - sent_s) * begin.rate, 0.0), begin.rate, begin.slope)

    def _gentlest(self, begin: PathPlace, rate: float) -> RateRamp:
        """The shortest ramp that keeps to what is allowed; of ramps that all exceed it, the one that does least."""
        ramps = [RateRamp(begin, rate, ramp_s) for ramp_s in RAMPS_S]
        forward = [ramp for ramp in ramps if ramp.is_forward()]
        if not forward:
            return _hurried(begin, rate)
        least, chosen = np.inf, forward[0]
        for ramp in forward:
            excess = self._excess(self.path.along(ramp))
            if excess <= 1.0:
                return ramp
            if excess < least:
                least, chosen = excess, ramp
        return chosen

    def _spliced(self, from_s: float, splice_s: float, rest: JointTrajectory) -> JointTrajectory:
        old = self.sent.trajectory
        inner: FloatArray = old.time_s[(old.time_s > from_s + _MERGED_S) & (old.time_s < splice_s - _MERGED_S)]
        times = np.concatenate([[from_s], inner, [splice_s]])
        position, velocity, acceleration, _ = old.states_at(times)
        position[-1], velocity[-1], acceleration[-1] = rest.position[0], rest.velocity[0], rest.acceleration[0]
        return JointTrajectory(times - from_s, position, velocity, acceleration).then(rest)


def _hurried(begin: PathPlace, rate: float) -> RateRamp:
    """A ramp for a rate that changes so fast that none of the usual ones could follow on.

    A rate that falls ends in a parabola, standing; one that rises is cut off.
    """
    if begin.slope < 0.0:
        ramp_s = -2.0 * begin.rate / begin.slope
        if ramp_s > _SHORT_S:
            return RateRamp(begin, 0.0, ramp_s)
    return RateRamp(PathPlace(begin.path_s, begin.rate, 0.0), rate, RAMPS_S[0])


def _later(trajectory: JointTrajectory, by_s: float) -> JointTrajectory:
    """A trajectory with time before it in which its first sample is approached; it stands for where that begins."""
    start = trajectory.start
    return JointTrajectory(
        np.concatenate([[0.0], trajectory.time_s + by_s]),
        np.vstack([start.position, trajectory.position]),
        np.vstack([start.velocity, trajectory.velocity]),
        np.vstack([start.acceleration, trajectory.acceleration]),
    )
