"""Procedural artwork of a bare board: connectors, routed tracks with vias, and copper pours."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

ImageU8 = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]
Cell = tuple[int, int]

COPPER_LEVEL = 40
SUBSTRATE_LEVEL = 210
GRID_PITCH_PX = 20
TRACK_WIDTH_PX = 8
PAD_RADIUS_PX = 7
VIA_HOLE_RADIUS_PX = 3
NET_COUNT = 48
REACH_CELLS = 14
POUR_COUNT = 3
_SEED_OF_ARTWORK = 0xB0A2D


@dataclass(frozen=True)
class Artwork:
    """One variant's defect-free face.

    `copper` is 1 where there is copper, shape (side, side); `pads` are the boxes of pads that a board can lack.
    """

    copper: ImageU8
    pads: tuple[Box, ...]


def draw_artwork(variant: int, side_px: int = 640) -> Artwork:
    """Draws the artwork of a variant; the same variant always looks the same."""
    rng = np.random.default_rng([_SEED_OF_ARTWORK, variant])
    cells = side_px // GRID_PITCH_PX
    taken = np.zeros((cells, cells), dtype=bool)
    copper: ImageU8 = np.zeros((side_px, side_px), dtype=np.uint8)
    for _ in range(POUR_COUNT):
        _add_pour(copper, taken, rng)
    pads = [_add_net(copper, taken, rng) for _ in range(NET_COUNT)]
    return Artwork(copper=copper, pads=tuple(pad for net in pads for pad in net))


def paint(copper: ImageU8) -> ImageU8:
    """Turns copper (1) and substrate (0) into reflectance levels with soft edges, same shape."""
    levels = np.where(copper > 0, COPPER_LEVEL, SUBSTRATE_LEVEL).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(levels, (3, 3), 0.6), dtype=np.uint8)


def _centre(cell: Cell) -> tuple[int, int]:
    row, column = cell
    return column * GRID_PITCH_PX + GRID_PITCH_PX // 2, row * GRID_PITCH_PX + GRID_PITCH_PX // 2


def _add_pour(copper: ImageU8, taken: npt.NDArray[np.bool_], rng: np.random.Generator) -> None:
    cells = taken.shape[0]
    height, width = (int(n) for n in rng.integers(4, 8, size=2))
    row, column = int(rng.integers(1, cells - height - 1)), int(rng.integers(1, cells - width - 1))
    if taken[row : row + height, column : column + width].any():
        return
    taken[max(row - 1, 0) : row + height + 1, max(column - 1, 0) : column + width + 1] = True
    left, top = column * GRID_PITCH_PX + 4, row * GRID_PITCH_PX + 4
    right, bottom = (column + width) * GRID_PITCH_PX - 4, (row + height) * GRID_PITCH_PX - 4
    chamfer = int(rng.integers(8, 24))
    outline = np.array(
        [
            (left + chamfer, top),
            (right, top),
            (right, bottom - chamfer),
            (right - chamfer, bottom),
            (left, bottom),
            (left, top + chamfer),
        ],
        dtype=np.int32,
    )
    cv2.fillPoly(copper, [outline], 1)
    hole = (int(rng.integers(left + 30, right - 20)), int(rng.integers(top + 30, bottom - 20)))
    cv2.circle(copper, hole, int(rng.integers(6, 11)), 0, -1)


def _add_net(copper: ImageU8, taken: npt.NDArray[np.bool_], rng: np.random.Generator) -> list[Box]:
    """Routes one net between two free cells; returns the boxes of its pads, none where no route is free."""
    free = np.argwhere(~taken[1:-1, 1:-1]) + 1
    if len(free) < 2:
        return []
    start = free[int(rng.integers(len(free)))]
    near = free[np.abs(free - start).max(axis=1) <= REACH_CELLS]
    goal = near[int(rng.integers(len(near)))]
    path = _route(taken, (int(start[0]), int(start[1])), (int(goal[0]), int(goal[1])))
    if len(path) < 4:
        return []
    for row, column in path:
        taken[row, column] = True
    corners = np.array(_chamfered(path), dtype=np.int32)
    cv2.polylines(copper, [corners], False, 1, TRACK_WIDTH_PX)
    return [_add_pad(copper, end, rng) for end in (path[0], path[-1])]


def _add_pad(copper: ImageU8, cell: Cell, rng: np.random.Generator) -> Box:
    x, y = _centre(cell)
    r = PAD_RADIUS_PX
    if rng.random() < 0.5:
        cv2.rectangle(copper, (x - r, y - r), (x + r, y + r), 1, -1)
    else:
        cv2.circle(copper, (x, y), r, 1, -1)
        cv2.circle(copper, (x, y), VIA_HOLE_RADIUS_PX, 0, -1)
    return x - r, y - r, x + r + 1, y + r + 1


def _route(taken: npt.NDArray[np.bool_], start: Cell, goal: Cell) -> list[Cell]:
    """Shortest free path between two cells over the four neighbours; empty where there is none."""
    came_from: dict[Cell, Cell] = {start: start}
    frontier = deque([start])
    last = taken.shape[0] - 2
    while frontier:
        cell = frontier.popleft()
        if cell == goal:
            break
        for d_row, d_column in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            near = (cell[0] + d_row, cell[1] + d_column)
            inside = 1 <= near[0] <= last and 1 <= near[1] <= last
            if inside and near not in came_from and not taken[near]:
                came_from[near] = cell
                frontier.append(near)
    if goal not in came_from:
        return []
    path = [goal]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return path[::-1]


def _chamfered(path: list[Cell]) -> list[tuple[int, int]]:
    """Pixel corners of a path whose right angles are cut at 45 degrees."""
    points = [_centre(path[0])]
    for before, cell, after in zip(path, path[1:], path[2:], strict=False):
        (bx, by), (x, y), (ax, ay) = _centre(before), _centre(cell), _centre(after)
        if (x - bx, y - by) != (ax - x, ay - y):
            points += [((bx + x) // 2, (by + y) // 2), ((x + ax) // 2, (y + ay) // 2)]
    points.append(_centre(path[-1]))
    return points
