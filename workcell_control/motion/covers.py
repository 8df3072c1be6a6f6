"""Spheres and boxes that enclose collision shapes: what a distance is bounded by before it is measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

import coal
import numpy as np

from workcell_control.motion.arrays import FloatArray

_CELLS_MAX = 6
_CYLINDER_STEP = 1.2
"""Spacing of spheres along a cylinder, in radii."""


@dataclass(frozen=True)
class SphereCover:
    """Spheres that together enclose a shape, in the frame of the shape's parent: centres (k, 3), radii (k,)."""

    centres: FloatArray
    radii: FloatArray

    @property
    def hull(self) -> tuple[FloatArray, float]:
        """Centre (3,) and radius of one sphere around all of them."""
        middle = 0.5 * (self.centres.min(axis=0) + self.centres.max(axis=0))
        return middle, float((np.linalg.norm(self.centres - middle, axis=1) + self.radii).max())


@dataclass(frozen=True)
class BoxCover:
    """A box that encloses a shape: rotation (3, 3), centre (3,) and half lengths (3,)."""

    rotation: FloatArray
    centre: FloatArray
    half: FloatArray
    is_round: bool
    """Whether the shape is the upright cylinder in the box, or the box itself as far as is known."""


def sphere_cover(shape: coal.CollisionGeometry, rotation: FloatArray, translation: FloatArray) -> SphereCover:
    """Spheres around a shape that lies at `rotation`, `translation` in its parent's frame."""
    if isinstance(shape, coal.Sphere):
        centres, radii = np.zeros((1, 3)), np.array([shape.radius])
    elif isinstance(shape, coal.Cylinder):
        centres, radii = _column(shape.radius, shape.halfLength)
    elif isinstance(shape, coal.Capsule):
        centres, radii = _column(shape.radius, shape.halfLength + shape.radius)
    else:
        centre, half = _extent(shape)
        centres, radii = _grid(half)
        centres = centres + centre
    return SphereCover(centres @ rotation.T + translation, radii)


def box_cover(shape: coal.CollisionGeometry, rotation: FloatArray, translation: FloatArray) -> BoxCover:
    """The shape's own bounding box, turned with it."""
    centre, half = _extent(shape)
    return BoxCover(rotation.copy(), translation + rotation @ centre, half, isinstance(shape, coal.Cylinder))


def _extent(shape: coal.CollisionGeometry) -> tuple[FloatArray, FloatArray]:
    shape.computeLocalAABB()
    low, high = np.array(shape.aabb_local.min_), np.array(shape.aabb_local.max_)
    return 0.5 * (low + high), 0.5 * (high - low)


def _column(radius: float, half_length: float) -> tuple[FloatArray, FloatArray]:
    count = max(1, math.ceil(2.0 * half_length / (_CYLINDER_STEP * radius)))
    span = half_length / count
    heights = (2.0 * np.arange(count) + 1.0) * span - half_length
    centres = np.zeros((count, 3))
    centres[:, 2] = heights
    return centres, np.full(count, math.hypot(radius, span))


def _grid(half: FloatArray) -> tuple[FloatArray, FloatArray]:
    cell = max(float(half.min()), float(half.max()) / _CELLS_MAX * 2.0)
    counts = np.maximum(np.ceil(half / cell - 1e-9), 1).astype(int)
    span = half / counts
    axes = [(2.0 * np.arange(n) + 1.0) * s - h for n, s, h in zip(counts, span, half, strict=True)]
    centres = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return centres, np.full(len(centres), float(np.linalg.norm(span)))
