"""The audit log: what was written verifies, and any change to it shows."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_control.governance.audit import GENESIS, AuditError, AuditLog, read, verify


def written(path, count=5):
    log = AuditLog(path)
    for index in range(count):
        log.append(index * 10, {"outcome": "applied", "parameters": {"speed_scale": 0.1 * index, "exposure_s": 1e-7}})
    log.close()
    return path


def test_what_was_written_verifies(tmp_path):
    path = written(tmp_path / "audit.jsonl")
    summary = verify(path)
    assert summary.rows == 5
    assert summary.outcomes == {"applied": 5}
    assert [row["sequence"] for row in read(path)] == [0, 1, 2, 3, 4]


def test_an_empty_log_starts_at_the_genesis_hash(tmp_path):
    log = AuditLog(tmp_path / "deep" / "audit.jsonl")
    assert log.last_hash == GENESIS
    log.close()


def test_a_restart_continues_the_chain(tmp_path):
    path = written(tmp_path / "audit.jsonl", 2)
    log = AuditLog(path)
    log.append(99, {"outcome": "refused"})
    log.close()
    assert verify(path).rows == 3


def test_a_log_to_which_nothing_was_written_is_whole(tmp_path):
    (tmp_path / "audit.jsonl").touch()
    assert verify(tmp_path / "audit.jsonl").rows == 0


@settings(max_examples=60)
@given(data=st.data())
def test_any_single_changed_byte_is_found(tmp_path_factory, data):
    path = written(tmp_path_factory.mktemp("audit") / "audit.jsonl", 3)
    raw = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(raw) - 2))
    flipped = data.draw(st.integers(1, 255))
    raw[position] ^= flipped
    path.write_bytes(bytes(raw))
    with pytest.raises(AuditError, match=r"line \d+|cannot be read"):
        verify(path)


@pytest.mark.parametrize("other", ["\v", "\r", "\r\n", "\u2028", "\n\n"])
def test_no_other_end_of_a_line_passes(tmp_path, other):
    path = written(tmp_path / "audit.jsonl", 3)
    path.write_bytes(path.read_bytes().replace(b"\n", other.encode(), 1))
    with pytest.raises(AuditError, match=r"line [12]:"):
        verify(path)


@pytest.mark.parametrize(
    "other", [lambda text: text.replace(":", ": ", 1), lambda text: text.replace("1e-07", "1E-07")]
)
def test_a_row_that_means_the_same_but_is_written_otherwise_was_altered(tmp_path, other):
    log = AuditLog(tmp_path / "audit.jsonl")
    log.append(1, {"value": 1e-7})
    log.close()
    path = tmp_path / "audit.jsonl"
    path.write_text(other(path.read_text()))
    with pytest.raises(AuditError, match="line 1: is written otherwise"):
        verify(path)


@pytest.mark.parametrize("victim", [0, 1, 2])
def test_a_removed_line_is_found(tmp_path, victim):
    path = written(tmp_path / "audit.jsonl", 4)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:victim] + lines[victim + 1 :]))
    with pytest.raises(AuditError, match=f"line {victim + 1}"):
        verify(path)


def test_a_row_rewritten_with_its_own_hash_breaks_the_next(tmp_path):
    from workcell_control.governance.audit import row_hash

    path = written(tmp_path / "audit.jsonl", 3)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    forged = {key: value for key, value in rows[1].items() if key != "hash"} | {"outcome": "approved"}
    rows[1] = {**forged, "hash": row_hash(rows[0]["hash"], forged)}
    path.write_text("".join(json.dumps(row, sort_keys=True, separators=(",", ":")) + "\n" for row in rows))
    with pytest.raises(AuditError, match="line 3: hash does not match"):
        verify(path)


def test_a_torn_last_line_is_cut_and_the_chain_goes_on(tmp_path):
    path = written(tmp_path / "audit.jsonl", 3)
    whole = path.read_bytes()
    for cut in range(len(whole) - 2, len(whole) - 40, -7):
        path.write_bytes(whole[:cut])
        log = AuditLog(path)
        assert log.torn_bytes > 0
        log.append(1, {"outcome": "recovered"})
        log.close()
        assert verify(path).rows == 3


def test_a_broken_log_is_not_appended_to(tmp_path):
    path = written(tmp_path / "audit.jsonl", 3)
    path.write_text(path.read_text().replace("applied", "Applied", 1))
    with pytest.raises(AuditError, match="line 1"):
        AuditLog(path)


def test_a_missing_log_is_named(tmp_path):
    with pytest.raises(AuditError, match=r"no\.jsonl: cannot be read"):
        verify(tmp_path / "no.jsonl")
