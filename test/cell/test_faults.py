"""Any node or field device stalled or killed for 5 s in mid-shift: safe, said why, resumed, and no part lost.

The nodes and devices fail one after the other in three shifts; what must hold of each fault is asked separately.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from faults import Fault, Shift, plan, run

from workcell_control.cell.ledger import PartLedger
from workcell_control.governance.audit import verify
from workcell_sim.embedded import activate
from workcell_sim.world.scenario import DEVICES, NODES

if not activate():
    pytest.skip("stalls and kills nodes through the embedded kernel", allow_module_level=True)

pytestmark = pytest.mark.embedded("stalls and kills nodes through the embedded kernel")

SHIFTS = {
    "devices": plan("mqtt", "opcua", "modbus"),
    "line": plan("world", "plant", "gateway", "monitor", "inspection", "cell"),
    # The console first: what it knew when it was killed went with it.
    "office": plan("console", "policy", "governor", "twin", "recorder", "historian", "lifecycle_manager"),
}
CASES = [pytest.param(name, fault, id=f"{fault.action}-{fault.target}") for name in SHIFTS for fault in SHIFTS[name]]
SEEN_BY_CONSOLE = [case for case in CASES if case.values[1].target != "console"]

HOLDS: dict[str, str] = {
    "mqtt": "vibration is STALE",
    "opcua": "arm/protective_stop",
    "modbus": "gripper/vacuum is STALE",
    "world": "joint_states quiet",
    "plant": "is STALE",
    "gateway": "readings quiet",
    "monitor": "monitor quiet",
    "inspection": "inspection quiet",
}
"""Faults in which the arm must be held still, and what `cell/state` gives as the reason."""
REASONS: dict[str, tuple[str, str]] = {
    "policy": ("governor: gate", "policy quiet"),
    "governor": ("cell: safety", "governor quiet"),
}
"""Faults in which production goes on with safe parameters: the status that says so."""
SAFE_SPEED_SHARE = 0.75
"""Joint speed with safe parameters over that with those in force, at most."""
AT_REST_RAD_S = 0.01
PARTS_ON_THE_WAY = 1
"""Parts that may be in the arm's hand when the shift ends."""


@pytest.fixture(scope="module")
def shifts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shift]:
    """Every shift, run once; all use the references that the first one taught."""
    golden_dir = str(tmp_path_factory.mktemp("golden"))
    done = {}
    for name, faults in SHIFTS.items():
        folder = tmp_path_factory.mktemp(name)
        more = office(folder) if name == "office" else {}
        done[name] = run(folder, faults, golden_dir=golden_dir, **more)
    return done


def office(folder: Path) -> dict[str, str]:
    """Has twin, recorder and historian run as well; the twin follows, and its fork stands by unasked."""
    params = folder / "params.yaml"
    params.write_text("twin: {ros__parameters: {forecast_period_s: 0.0}}\n", encoding="utf-8")
    return {"twin": "true", "record": "mcap", "historian": "parquet", "params_file": str(params)}


def test_every_node_and_device_fails_once_in_each_way() -> None:
    failed = Counter((fault.action, fault.target) for faults in SHIFTS.values() for fault in faults)
    assert failed == Counter((action, target) for action in ("stall", "kill") for target in (*NODES, *DEVICES))


@pytest.mark.parametrize(("name", "fault"), CASES)
def test_the_arm_is_safe_while_it_lasts(shifts: dict[str, Shift], name: str, fault: Fault) -> None:
    witness = shifts[name].witness
    if fault.target in HOLDS:
        state = witness.state_at(fault.end_s - 0.01)
        assert state.startswith("hold;reason=")
        assert HOLDS[fault.target] in state
        assert witness.speed_max(fault.end_s - 1.0, fault.end_s - 0.05) < AT_REST_RAD_S
    elif fault.target == "cell":
        # Nobody asks the arm to move: it finishes what it was about and stands.
        assert witness.speed_max(fault.end_s - 1.0, fault.end_s - 0.05) < AT_REST_RAD_S
    elif fault.target in REASONS:
        safe = witness.speed_max(fault.end_s - 1.0, fault.end_s - 0.05)
        assert safe < SAFE_SPEED_SHARE * witness.speed_max(fault.at_s - 8.0, fault.at_s)
    else:
        # What only looks on, or manages, has no hold on the arm; the cell goes on as it was.
        assert not witness.state_at(fault.end_s).startswith(("hold", "stopped"))


@pytest.mark.parametrize(("name", "fault"), CASES)
def test_the_reason_is_on_diagnostics(shifts: dict[str, Shift], name: str, fault: Fault) -> None:
    witness = shifts[name].witness
    if fault.target in HOLDS:
        assert any(
            HOLDS[fault.target] in said for said in witness.complaints("cell: safety", fault.at_s, fault.end_s + 1.0)
        )
    if fault.target in REASONS:
        status, reason = REASONS[fault.target]
        assert any(reason in said for said in witness.complaints(status, fault.at_s, fault.end_s + 2.0))
    if fault.target in DEVICES:
        assert witness.complaints(f"gateway: source {fault.target}", fault.at_s, fault.end_s + 1.0)
    elif fault.target == "lifecycle_manager":
        # It is the one that tells of others: of itself its silence tells.
        assert not witness.heard("lifecycle_manager: node", fault.at_s + 1.1, fault.end_s - 0.1)
    else:
        said = witness.complaints(f"lifecycle_manager: {fault.target}", fault.at_s, fault.end_s + 1.0)
        assert any("no heartbeat" in reason or "gone" in reason for reason in said)


@pytest.mark.parametrize(("name", "fault"), SEEN_BY_CONSOLE)
def test_the_reason_is_on_the_page(shifts: dict[str, Shift], name: str, fault: Fault) -> None:
    """The page and the report show the console's record; of the console itself only others can tell."""
    record = shifts[name].results
    incidents = [item for item in record["incidents"] if fault.at_s <= item["at_s"] <= fault.end_s + 1.5]
    told_by = {
        **dict.fromkeys(HOLDS, "cell: safety"),
        "policy": "governor: gate",
        "governor": "cell: safety",
        "lifecycle_manager": "lifecycle_manager: node",
        "cell": "lifecycle_manager: cell",
    }
    wanted = told_by.get(fault.target, f"lifecycle_manager: {fault.target}")
    assert wanted in {item["name"] for item in incidents}
    if fault.target in HOLDS:
        holds = [item["reason"] for item in record["holds"] if fault.at_s <= item["at_s"] <= fault.end_s + 1.5]
        assert holds


@pytest.mark.parametrize(("name", "fault"), CASES)
def test_production_resumes(shifts: dict[str, Shift], name: str, fault: Fault) -> None:
    shift = shifts[name]
    assert shift.good_parts(fault.end_s, fault.next_s) >= 1
    assert not shift.witness.state_at(fault.next_s).startswith(("hold", "stopped"))


@pytest.mark.parametrize("name", SHIFTS)
def test_no_part_is_lost(shifts: dict[str, Shift], name: str) -> None:
    """Every serial of the ledger ended once, as the audit at the end of the line counted bin by bin."""
    shift = shifts[name]
    still_open = [part.serial for part in shift.parts if part.is_open]
    assert still_open in ([], [shift.parts[-1].serial])
    assert len(still_open) <= PARTS_ON_THE_WAY
    booked = Counter(part.fate for part in shift.parts if part.fate is not None)
    counted = Counter(item["bin"] for item in shift.results["parcels"])
    assert booked["void"] == 0
    assert booked == counted
    assert len({item["serial"] for item in shift.results["parcels"]}) == len(shift.results["parcels"])


@pytest.mark.parametrize("name", SHIFTS)
def test_ledger_and_audit_log_are_whole(shifts: dict[str, Shift], name: str) -> None:
    folder = shifts[name].folder
    ledger = PartLedger(folder / "ledger.journal")
    assert [part.serial for part in ledger.parts] == [f"c{number + 1:05d}" for number in range(len(ledger.parts))]
    ledger.close()
    assert verify(folder / "audit.jsonl").rows >= 0


def test_what_was_authorised_is_restored_after_the_policy_was_quiet(shifts: dict[str, Shift]) -> None:
    outcomes = verify(shifts["office"].folder / "audit.jsonl").outcomes
    assert outcomes["fallback"] == outcomes["restored"]
    assert outcomes["fallback"] >= 2


def test_a_killed_recorder_goes_on_in_another_bag(shifts: dict[str, Shift]) -> None:
    bags = sorted(path.name for path in shifts["office"].folder.glob("bag*"))
    assert bags == ["bag", "bag_2"]
