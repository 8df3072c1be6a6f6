"""Boards as Gazebo reads them: a model file and a texture for each, written when the board enters the cell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import cv2
import numpy as np
import numpy.typing as npt

from workcell_sim.world.board import Board

ImageU8 = npt.NDArray[np.uint8]

# The face lies this far out of the plate, so that the two do not flicker into one another.
_FACE_GAP_M = 2e-5
POSE_RATE_HZ = 50
_MODEL = """<?xml version="1.0"?>
<sdf version="1.10">
  <model name={name}>
    <pose>{pose}</pose>
    <link name="board">
      <inertial>
        <mass>{mass_kg}</mass>
        <inertia><ixx>{across}</ixx><iyy>{across}</iyy><izz>{about}</izz><ixy>0</ixy><ixz>0</ixz><iyz>0</iyz></inertia>
      </inertial>
      <collision name="body">
        <geometry><box><size>{side_m} {side_m} {thickness_m}</size></box></geometry>
        <surface>
          <friction><ode><mu>0.5</mu><mu2>0.5</mu2></ode></friction>
          <contact><collide_bitmask>1</collide_bitmask></contact>
        </surface>
      </collision>
      <visual name="plate">
        <geometry><box><size>{side_m} {side_m} {thickness_m}</size></box></geometry>
        <material><diffuse>0.1 0.3 0.15 1</diffuse><specular>0 0 0 1</specular></material>
      </visual>
      <visual name="face">
        <pose>0 0 {face_z_m} 0 0 0</pose>
        <geometry><mesh><uri>{mesh}</uri><scale>{side_m} {side_m} 1</scale></mesh></geometry>
        <material>
          <diffuse>1 1 1 1</diffuse>
          <specular>0 0 0 1</specular>
          <pbr><metal><albedo_map>{texture}</albedo_map><metalness>0</metalness><roughness>1</roughness></metal></pbr>
        </material>
      </visual>
    </link>
    <plugin filename="gz-sim-pose-publisher-system" name="gz::sim::systems::PosePublisher">
      <topic>boards/pose</topic>
      <publish_link_pose>false</publish_link_pose>
      <publish_nested_model_pose>true</publish_nested_model_pose>
      <use_pose_vector_msg>true</use_pose_vector_msg>
      <update_frequency>{rate_hz}</update_frequency>
    </plugin>
  </model>
</sdf>
"""


@dataclass(frozen=True)
class Plate:
    """A board's body: a square plate whose mass is spread evenly."""

    side_m: float
    thickness_m: float
    mass_kg: float

    @property
    def inertia_kg_m2(self) -> tuple[float, float]:
        """Moments across the plate and about its normal."""
        across = self.mass_kg * (self.side_m**2 + self.thickness_m**2) / 12.0
        return across, self.mass_kg * self.side_m**2 / 6.0


@dataclass(frozen=True)
class Spawn:
    """A board that is to enter: its place's name, and where the middle of the plate lies, turned about the vertical."""

    slot: str
    board: Board
    plate: Plate
    position_m: tuple[float, float, float]
    yaw_rad: float


class BoardFiles:
    """Writes the files of boards into a folder; a texture lives until the board after next takes its slot.

    Args:
        folder: where the world looks for them, see `worlds/cell.sdf.xacro`.
        mesh: the square that carries the face, `worlds/meshes/board_face.obj`.
    """

    def __init__(self, folder: Path, mesh: Path) -> None:
        self._folder = folder
        self._mesh = mesh
        self._textures: dict[str, list[Path]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, spawn: Spawn) -> Path:
        """Writes model and texture of a board and returns the model's path.

        Raises:
            OSError: the folder cannot be written.
        """
        # Gazebo keeps textures by name: each board's has its own.
        texture = self._folder / f"{spawn.board.serial}.png"
        if not cv2.imwrite(str(texture), cv2.cvtColor(srgb_of(spawn.board.texture), cv2.COLOR_GRAY2BGR)):
            raise OSError(f"{texture} cannot be written")
        self._forget_older(spawn.slot, texture)
        path = self._folder / f"{spawn.slot}.sdf"
        path.write_text(model_of(spawn, self._mesh, texture), encoding="utf-8")
        return path

    def _forget_older(self, slot: str, texture: Path) -> None:
        kept = self._textures.setdefault(slot, [])
        if texture not in kept:
            kept.append(texture)
        while len(kept) > 2:
            kept.pop(0).unlink(missing_ok=True)


def model_of(spawn: Spawn, mesh: Path, texture: Path) -> str:
    """Returns a board as an SDF model.

    Its frame is the board's (x right, y down as one looks at the face, z into the board) with its origin in the middle
    of the plate: a board that lies face down has z up.
    """
    plate = spawn.plate
    across, about = plate.inertia_kg_m2
    return _MODEL.format(
        name=quoteattr(spawn.slot),
        pose=" ".join(f"{value:.6f}" for value in (*spawn.position_m, 0.0, 0.0, spawn.yaw_rad)),
        mass_kg=f"{plate.mass_kg:.6g}",
        across=f"{across:.6g}",
        about=f"{about:.6g}",
        side_m=plate.side_m,
        thickness_m=plate.thickness_m,
        face_z_m=-(plate.thickness_m / 2 + _FACE_GAP_M),
        mesh=mesh.as_uri(),
        texture=texture,
        rate_hz=POSE_RATE_HZ,
    )


def srgb_of(reflectance: ImageU8) -> ImageU8:
    """Writes linear reflectance as sRGB (IEC 61966-2-1), which Gazebo takes textures for; its camera is linear."""
    linear = np.arange(256) / 255.0
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(cv2.LUT(reflectance, np.round(255.0 * curve).astype(np.uint8)), dtype=np.uint8)
