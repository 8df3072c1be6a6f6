"""Modbus TCP: tags merged into few block reads, each tag at its own period, no unit asked faster than it bears.

Modbus has no time of its own: a value's stamp is when its answer came.
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from workcell_sensors.reading import FloatArray, Quality
from workcell_sensors.sources.backoff import Backoff
from workcell_sensors.sources.modbus_client import ModbusConnection
from workcell_sensors.sources.modbus_codec import ModbusAddress, parse_address
from workcell_sensors.sources.modbus_pacer import Pacer
from workcell_sensors.sources.modbus_pdu import BUSY, SPLITS, UNREACHABLE, ExceptionCode, ReadRequest, Refusal
from workcell_sensors.sources.modbus_plan import Block, Limits, plan
from workcell_sensors.sources.modbus_protocol import ModbusOptions
from workcell_sensors.sources.session import AsyncSource, LinkLost
from workcell_sensors.sources.source import ClockNs, Emit, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker

REFUSED_RETRY_S = 30.0
REFUSED_RETRY_S_MAX = 480.0
"""After this long a block that the device refuses is asked for again, from time to time half as often."""
SILENT_AFTER = 2
"""Requests in a row without an answer after which a unit counts as silent; a serial line may lose one."""
FIRST_PAUSE_S = 0.5


class _Unreachable(Exception):  # noqa: N818 - an event of the unit, not a programming error
    """The unit does not answer; its text says why."""


class _Busy(Exception):  # noqa: N818
    """The unit has no time now, or an answer has been lost."""


@dataclass
class _Poll:
    """The tags of one unit and period, read together."""

    period_s: float
    whole: tuple[Block, ...]
    """As planned."""
    due_s: float = 0.0
    blocks: list[Block] = field(default_factory=list)
    """What of `whole` the device has been found to allow; the addresses keep their order."""
    refused: set[Block] = field(default_factory=set)
    again_s: float = 0.0
    retry_s: float = 0.0

    @functools.cached_property
    def addresses(self) -> tuple[str, ...]:
        """The addresses in the order of the blocks."""
        return tuple(text for block in self.whole for text, _ in block.addresses)

    def begin(self, now_s: float) -> None:
        """Forgets what the device allowed: it may be another one now."""
        self.due_s = now_s
        self.retry_s = REFUSED_RETRY_S
        self.again_s = now_s + self.retry_s
        self.blocks = list(self.whole)
        self.refused.clear()

    def look_again(self, now_s: float) -> None:
        """Lets what was refused be asked for once more when it is time."""
        if not self.refused:
            self.retry_s = REFUSED_RETRY_S
        elif now_s >= self.again_s:
            self.retry_s = min(REFUSED_RETRY_S_MAX, 2.0 * self.retry_s)
            self.again_s = now_s + self.retry_s
            self.blocks = list(self.whole)
            self.refused.clear()


@dataclass
class _Unit:
    """One device behind the connection."""

    number: int
    polls: tuple[_Poll, ...]
    pacer: Pacer
    backoff: Backoff
    unanswered: int = 0
    problem: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether it does not answer any more."""
        return self.unanswered >= SILENT_AFTER

    def begin(self, now_s: float, load_max: float) -> None:
        """Starts anew, after a connection was made."""
        self.pacer = Pacer(load_max)
        self.backoff.reset()
        self.unanswered, self.problem = 0, ""
        for poll in self.polls:
            poll.begin(now_s)


class ModbusSource(AsyncSource):
    """Polls the tags' registers; units that share a connection do not wait for one another."""

    def __init__(self, spec: SourceSpec, emit: Emit, clock_ns: ClockNs, worker: AsyncWorker) -> None:
        super().__init__(spec, emit, clock_ns, worker)
        self._options = spec.options(ModbusOptions)
        self._tags = {tag.address: tag for tag in spec.tags}
        self._units = tuple(self._make_units())
        self._is_up = False

    async def session(self) -> None:
        """Connects and polls every unit in a task of its own."""
        options = self._options
        connection = ModbusConnection(
            self.spec.host,
            self.spec.port,
            self.spec.timeout_s,
            options.in_flight_max,
            discarded=lambda: self.count("late_answers"),
        )
        self._is_up = False
        async with connection:
            for unit in self._units:
                unit.begin(asyncio.get_running_loop().time(), options.load_max)
            # No TaskGroup: up to Python 3.12 it leaves its parent marked as cancelled when a member fails.
            tasks = [asyncio.create_task(self._poll_unit(connection, unit)) for unit in self._units]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
                await done.pop()
            except ConnectionError as error:
                raise LinkLost(str(error)) from None
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _poll_unit(self, connection: ModbusConnection, unit: _Unit) -> None:
        loop = asyncio.get_running_loop()
        while True:
            poll = min(unit.polls, key=lambda item: item.due_s)
            await asyncio.sleep(unit.pacer.next_s(self.wall_period_s(poll.period_s), poll.due_s) - loop.time())
            began_s = loop.time()
            # After a hold-up the missed polls are left out, not made up for.
            poll.due_s = max(poll.due_s + self.wall_period_s(poll.period_s), began_s)
            try:
                values = await self._scan(connection, unit, poll)
            except _Busy:
                unit.pacer.hindered(loop.time())
            except _Unreachable as why:
                unit.pacer.hindered(loop.time())
                self._give_up(unit, str(why))
                await asyncio.sleep(unit.backoff.next_s())
            else:
                unit.pacer.scanned(began_s, loop.time())
                self._answered(unit)
                self._hand_on(poll.addresses, values)

    async def _scan(self, connection: ModbusConnection, unit: _Unit, poll: _Poll) -> FloatArray:
        """Returns the values of a poll's addresses in order, NaN where the device refuses."""
        poll.look_again(asyncio.get_running_loop().time())
        read: list[tuple[Block, FloatArray]] = []
        for block in poll.blocks:
            read += await self._read(connection, unit, poll, block)
        poll.blocks = [block for block, _ in read]
        return np.concatenate([values for _, values in read])

    async def _read(
        self, connection: ModbusConnection, unit: _Unit, poll: _Poll, block: Block
    ) -> list[tuple[Block, FloatArray]]:
        """Returns a block's values, or those of the parts into which a refusal has split it."""
        if block in poll.refused:
            return [(block, np.full(len(block.addresses), np.nan))]
        answer = await self._ask(connection, unit, block)
        if isinstance(answer, bytes):
            return [(block, block.values(answer, self._number_of))]
        if answer.code in SPLITS and (parts := block.halves()):
            # One bad register must not take the others of its block with it.
            return [pair for part in parts for pair in await self._read(connection, unit, poll, part)]
        if answer.code in SPLITS or answer.code == ExceptionCode.ILLEGAL_FUNCTION:
            poll.refused.add(block)
        self.count(f"exceptions_{answer.code}")
        return [(block, np.full(len(block.addresses), np.nan))]

    async def _ask(self, connection: ModbusConnection, unit: _Unit, block: Block) -> bytes | Refusal:
        """Asks once.

        Raises:
            _Busy, _Unreachable: the unit gives nothing now.
            LinkLost: no unit answers any more.
        """
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            answer = await connection.read(ReadRequest(unit.number, block.table, block.offset, block.count))
        except TimeoutError:
            unit.unanswered += 1
            self.count("unanswered")
            if all(each.is_silent for each in self._units):
                raise LinkLost(f"no answer within {self.spec.timeout_s:g} s") from None
            if unit.is_silent:
                raise _Unreachable(f"no answer within {self.spec.timeout_s:g} s") from None
            raise _Busy from None
        unit.unanswered = 0
        unit.pacer.answered(loop.time() - began_s)
        self._say_up()
        if isinstance(answer, Refusal) and answer.code in UNREACHABLE:
            raise _Unreachable(str(answer))
        if isinstance(answer, Refusal) and answer.code in BUSY:
            self.count("busy")
            raise _Busy
        return answer

    def _answered(self, unit: _Unit) -> None:
        if unit.problem:
            unit.problem = ""
            self._tell_problems()
        unit.backoff.reset()
        self.grant(
            poll_stretch=round(max(each.pacer.stretch for each in self._units), 3),
            round_trip_s=round(max(each.pacer.round_trip_s for each in self._units), 6),
        )

    def _give_up(self, unit: _Unit, problem: str) -> None:
        """Calls all of a unit's values BAD and says why."""
        for poll in unit.polls:
            self._hand_on(poll.addresses, np.full(len(poll.addresses), np.nan))
        if unit.problem != problem:
            unit.problem = problem
            self._tell_problems()

    def _tell_problems(self) -> None:
        self.doubt("; ".join(f"unit {unit.number}: {unit.problem}" for unit in self._units if unit.problem))

    def _say_up(self) -> None:
        # Only an answer shows that a Modbus server is there: a stalled one still accepts connections.
        if not self._is_up:
            self._is_up = True
            self.up()

    def _hand_on(self, addresses: Sequence[str], values: FloatArray) -> None:
        bad = ~np.isfinite(values)
        count = int(np.count_nonzero(bad))
        if count:
            self.reject(count)
        self.deliver(addresses, values, np.where(bad, np.uint8(Quality.BAD), np.uint8(0)) if count else None)

    def _number_of(self, address: str, text: str) -> float:
        return self._tags[address].number_of(text)

    def _make_units(self) -> Iterable[_Unit]:
        options = self._options
        limits = Limits(options.registers_max, options.bits_max, options.gap_max)
        found: dict[int, dict[float, list[tuple[str, ModbusAddress]]]] = {}
        for tag in self.spec.tags:
            address = parse_address(tag.address)
            number = options.device_id if address.unit is None else address.unit
            found.setdefault(number, {}).setdefault(tag.period_s, []).append((tag.address, address))
        for number, periods in found.items():
            polls = tuple(
                _Poll(period_s, plan([address for _, address in pairs], [text for text, _ in pairs], limits))
                for period_s, pairs in periods.items()
            )
            # Jitter must differ between processes; it decides nothing else.
            backoff = Backoff(FIRST_PAUSE_S, self.spec.backoff_s_max, random.Random())
            yield _Unit(number, polls, Pacer(options.load_max), backoff)
