"""The cell around Gazebo: boards come one by one, suction holds up to its limit, and every board's end is told."""

from __future__ import annotations

import numpy as np
import pytest
from gazebo_rig import GRAVITY, Body, FakeGazebo, make_cell
from world_rig import event, make_world

from workcell_sim.gazebo.slots import Slots, Stage
from workcell_sim.world.parts import Place
from workcell_sim.world.signals import SIGNAL_NAMES

PRESENT = SIGNAL_NAMES.index("infeed/part_present")
VACUUM = SIGNAL_NAMES.index("gripper/vacuum")
COUNT = SIGNAL_NAMES.index("infeed/count")


@pytest.fixture
def world() -> FakeGazebo:
    return FakeGazebo(make_cell())


def picked(world: FakeGazebo) -> FakeGazebo:
    """A world whose first board hangs over the belt."""
    pick = world.cell.config.station.infeed_pick
    world.move(pick, height_m=0.1)
    world.wait(2.5)
    world.move(pick)
    assert world.grip(True).reached_goal
    world.move(pick, height_m=0.1)
    return world


def test_what_the_world_began_with_is_let_go_and_removed_before_boards_come(world: FakeGazebo) -> None:
    names = {"board_0", "board_1", "board_2", "board_3"}
    world.bodies = {name: Body(np.eye(4)) for name in names}
    world.wait(0.3)
    assert set(world.orders[1].detach) == names
    assert not any(order.remove for order in world.orders)
    world.wait(0.5)
    assert {name for order in world.orders for name in order.remove} == names
    assert not world.spawns
    world.wait(0.6)
    assert [spawn.board.serial for spawn in world.spawns] == ["p00000"]


def test_what_is_still_heard_of_is_asked_to_go_again(world: FakeGazebo) -> None:
    world.bodies = {"board_0": Body(np.eye(4))}
    world.is_deaf = True
    world.wait(6.0)
    asked = [order.remove for order in world.orders if "board_0" in order.remove]
    assert len(asked) >= 2
    assert "board_0" not in {spawn.slot for order in world.orders for spawn in order.spawn}


def test_boards_are_those_of_the_embedded_world(world: FakeGazebo) -> None:
    world.wait(2.5)
    spawn = world.spawns[0]
    embedded = make_world(seed=1)
    for _ in range(50):
        embedded.step()
    part = embedded._infeed.state.at_pick
    assert part is not None
    assert (spawn.board.serial, spawn.plate.mass_kg) == (part.serial, part.mass_kg)
    assert spawn.yaw_rad == -part.yaw_rad
    assert spawn.board.defects == embedded._factory.board(0).defects


def test_the_belt_brings_a_board_to_the_stop_and_stands(world: FakeGazebo) -> None:
    world.wait(1.3)
    assert world.belt_m_s > 0.0
    world.wait(1.5)
    assert world.belt_m_s == 0.0
    assert world.signals[-1][PRESENT] == 1.0
    body = world.bodies[world.spawns[0].slot]
    assert body is not None
    assert body.pose[1, 3] == pytest.approx(world.cell.config.station.infeed_pick.position_m[1], abs=2e-3)


def test_no_board_enters_where_another_lies(world: FakeGazebo) -> None:
    world.wait(6.0)
    assert len(world.spawns) == 2
    places = [body.pose[:2, 3] for body in world.bodies.values() if body is not None]
    assert np.linalg.norm(places[0] - places[1]) > world.cell.config.station.board_size_m


def test_a_board_is_picked_and_placed_and_its_truth_told(world: FakeGazebo) -> None:
    station = picked(world).cell.config.station
    assert world.cell.held is not None
    assert world.cell.held.stage is Stage.HELD
    world.move(station.accept_place, height_m=0.05)
    world.move(station.accept_place)
    assert world.grip(False).reached_goal
    world.wait(0.6)
    (audit,) = world.audits
    assert (audit.serial, audit.place) == ("p00000", Place.ACCEPT)
    assert audit.board.defects == world.spawns[0].board.defects
    world.wait(1.0)
    assert world.bodies[world.spawns[0].slot] is None or len(world.spawns) > 2


def test_the_belt_waits_until_the_picked_board_is_lifted(world: FakeGazebo) -> None:
    pick = world.cell.config.station.infeed_pick
    world.move(pick, height_m=0.1)
    world.wait(2.5)
    world.move(pick)
    world.grip(True)
    world.wait(0.3)
    assert world.belt_m_s == 0.0
    count = len(world.orders)
    world.move(pick, height_m=0.1)
    assert max(order.belt_m_s or 0.0 for order in world.orders[count:]) > 0.0


def test_suction_lets_go_when_the_load_exceeds_it(world: FakeGazebo) -> None:
    picked(world)
    margin_n = world.cell.hold_margin_n
    assert margin_n > 0.0
    # What friction bears sideways, and a quarter more.
    slot = world.cell.held
    assert slot is not None
    assert slot.part is not None
    beyond = 1.25 * margin_n / slot.part.mass_kg
    world.acceleration = GRAVITY + np.array([beyond, 0.0, 0.0])
    world.wait(0.5)
    assert world.cell.held is None
    assert any(order.detach == (slot.name,) for order in world.orders[-60:])
    assert world.signals[-1][SIGNAL_NAMES.index("arm/grip_lost")] == 1.0


def test_suction_holds_below_its_limit(world: FakeGazebo) -> None:
    picked(world)
    slot = world.cell.held
    assert slot is not None
    assert slot.part is not None
    world.acceleration = GRAVITY + np.array([0.8 * world.cell.hold_margin_n / slot.part.mass_kg, 0.0, 0.0])
    world.wait(0.5)
    assert world.cell.held is slot


def test_a_dropped_board_ends_on_the_floor(world: FakeGazebo) -> None:
    station = picked(world).cell.config.station
    world.move(station.camera_inspect)
    world.grip(False)
    world.wait(2.0)
    assert [(audit.serial, audit.place) for audit in world.audits] == [("p00000", Place.FLOOR)]


def test_a_board_that_falls_back_on_its_seat_can_be_picked_again(world: FakeGazebo) -> None:
    pick = world.cell.config.station.infeed_pick
    world.move(pick, height_m=0.1)
    world.wait(2.5)
    world.move(pick)
    world.grip(True)
    world.move(pick, height_m=0.005)
    world.grip(False)
    world.wait(1.0)
    assert not world.audits
    assert world.signals[-1][PRESENT] == 1.0
    world.move(pick)
    assert world.grip(True).reached_goal


def test_a_joint_that_was_never_made_counts_as_a_lost_grip(world: FakeGazebo) -> None:
    pick = world.cell.config.station.infeed_pick
    world.move(pick, height_m=0.1)
    world.wait(2.5)
    world.is_deaf = True
    world.move(pick)
    world.grip(True)
    world.move(pick, height_m=0.15)
    world.wait(0.3)
    assert world.cell.held is None


def test_orders_without_effect_are_given_again(world: FakeGazebo) -> None:
    world.wait(1.3)
    world.is_deaf = True
    world.wait(5.0)
    spawned = [spawn.board.serial for orders in world.orders for spawn in orders.spawn]
    assert len(spawned) > len(world.spawns)
    assert set(spawned) <= {"p00000", "p00001"}


def test_a_cup_without_board_builds_no_vacuum(world: FakeGazebo) -> None:
    end = world.grip(True)
    assert not end.reached_goal
    assert end.stalled
    assert world.signals[-1][VACUUM] < 18e3


def test_signals_come_at_their_rate_and_torques_carry_the_arm(world: FakeGazebo) -> None:
    world.wait(2.0)
    assert len(world.signals) == pytest.approx(40, abs=1)
    lift = SIGNAL_NAMES.index("arm/joint_2/torque")
    assert abs(world.signals[-1][lift]) > 10.0
    assert world.signals[-1][COUNT] >= 2


def test_protective_stop_comes_with_the_scenario_and_is_released_after_its_time() -> None:
    world = FakeGazebo(make_cell(event("protective_stop", at_s=0.5)))
    world.wait(0.4)
    assert world.cell.robot_state == "normal"
    world.wait(0.3)
    assert world.cell.robot_state == "protective_stop;reason=scenario"
    assert not world.cell.reset_protective_stop()[0]
    world.wait(2.1)
    assert world.cell.reset_protective_stop()[0]


def test_poses_of_others_are_passed_over() -> None:
    slots = Slots(2)
    slots.on_pose("somebody", 0.0, np.eye(4))
    assert all(slot.pose is None for slot in slots)
