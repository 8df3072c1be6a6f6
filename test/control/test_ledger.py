"""The ledger: every part ends in exactly one fate, whatever happens, killed at any byte."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from workcell_control.cell.ledger import LedgerError, PartLedger, decode_line, encode_line
from workcell_control.cell.steps import FATES


class LedgerMachine(RuleBasedStateMachine):
    """Any order of entries and kills, against a plain model of what must be known."""

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.journal"
        self.ledger = PartLedger(self.path)
        self.model: dict[str, str | None] = {}
        self.now_ns = 0

    def tick(self) -> int:
        self.now_ns += 1
        return self.now_ns

    @rule()
    def enter(self):
        serial = self.ledger.next_serial()
        assert serial not in self.model
        self.ledger.enter(serial, self.tick())
        self.model[serial] = None

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def pick_any(self, data):
        serial = data.draw(st.sampled_from(sorted(self.model)))
        if self.model[serial] is None:
            self.ledger.pick(serial, self.tick())
        else:
            with pytest.raises(LedgerError, match="ended as"):
                self.ledger.pick(serial, self.tick())

    @precondition(lambda self: self.model)
    @rule(data=st.data(), fate=st.sampled_from(FATES))
    def end_any(self, data, fate):
        serial = data.draw(st.sampled_from(sorted(self.model)))
        if self.model[serial] is None:
            self.ledger.end(serial, fate, self.tick(), verdict="reject", reason="why")
            self.model[serial] = fate
        else:
            with pytest.raises(LedgerError, match=f"ended as {self.model[serial]} already"):
                self.ledger.end(serial, fate, self.tick())

    @rule(torn=st.binary(max_size=30).filter(lambda b: b"\n" not in b))
    def kill_and_reopen(self, torn):
        # No close: what a killed process leaves behind is what it wrote, plus part of a line.
        with self.path.open("ab") as file:
            file.write(torn)
        self.ledger.close()
        self.ledger = PartLedger(self.path)

    @invariant()
    def agrees_with_the_model(self):
        if not hasattr(self, "ledger"):
            return
        assert {part.serial: part.fate for part in self.ledger.parts} == self.model
        assert sum(self.ledger.counts().values()) + len(self.ledger.open_parts) == len(self.model)

    def teardown(self):
        if hasattr(self, "ledger"):
            self.ledger.close()
            self.folder.cleanup()


LedgerMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestLedger = LedgerMachine.TestCase


def written(path: Path) -> bytes:
    ledger = PartLedger(path)
    for number in range(1, 5):
        serial = ledger.next_serial()
        ledger.enter(serial, number * 10)
        ledger.pick(serial, number * 10 + 1)
        if number < 4:
            ledger.end(serial, FATES[number], number * 10 + 2, verdict="reject", reason="ünclear")
    ledger.close()
    return path.read_bytes()


@given(st.data())
@settings(max_examples=80)
def test_a_journal_cut_at_any_byte_opens_with_all_whole_lines(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger"
        whole = written(path)
        cut = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:cut])
        ledger = PartLedger(path)
        entries = [decode_line(line) for line in whole[:cut].split(b"\n")[:-1]]
        assert len(ledger.parts) == sum(entry["event"] == "entered" for entry in entries)
        ledger.enter(ledger.next_serial(), 99)  # and it can go on
        ledger.close()
        assert len(PartLedger(path).parts) == len(ledger.parts)


@given(st.data())
@settings(max_examples=80)
def test_a_changed_byte_before_the_last_line_is_refused_with_its_line(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger"
        whole = bytearray(written(path))
        position = data.draw(st.integers(0, len(whole) - 1).filter(lambda i: whole[i] != ord("\n")))
        whole[position] ^= 0x01
        path.write_bytes(bytes(whole))
        line = whole[:position].count(b"\n") + 1
        with pytest.raises(LedgerError, match=rf"line {line}: .*begin a new ledger"):
            PartLedger(path)


def test_a_ledger_in_memory_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ledger = PartLedger()
    ledger.enter("c00001", 1)
    ledger.end("c00001", "floor", 2, reason="dropped")
    ledger.close()
    assert ledger.counts()["floor"] == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_serial_or_fate_is_refused():
    ledger = PartLedger()
    with pytest.raises(LedgerError, match="never entered"):
        ledger.end("c00009", "accept", 1)
    ledger.enter("c00001", 1)
    with pytest.raises(LedgerError, match="'bin' is no fate; valid: accept, rework, reject, floor, void"):
        ledger.end("c00001", "bin", 2)
    with pytest.raises(LedgerError, match="entered already"):
        ledger.enter("c00001", 3)


def test_a_folder_that_cannot_be_written_is_a_one_line_error(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(LedgerError, match="give a file that can be written"):
        PartLedger(blocker / "ledger")


def test_a_line_is_checked_by_its_own_checksum():
    entry = {"event": "entered", "serial": "c00001", "t": 5}
    line = encode_line(entry)
    assert decode_line(line[:-1]) == entry
    assert decode_line(line[:-2]) is None
    assert decode_line(b"") is None
