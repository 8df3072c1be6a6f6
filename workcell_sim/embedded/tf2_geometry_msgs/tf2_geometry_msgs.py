"""Geometry messages moved into another frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from geometry_msgs.msg import (
    Point32,
    PointStamped,
    PolygonStamped,
    Pose,
    PoseStamped,
    PoseWithCovarianceStamped,
    TransformStamped,
    Vector3Stamped,
    WrenchStamped,
)
from tf2_py.rotation import Quaternion, Vector, add, canonical, multiply, rotate
from tf2_ros import ConvertRegistration, TransformRegistration

__all__ = [
    "do_transform_point",
    "do_transform_polygon_stamped",
    "do_transform_pose",
    "do_transform_pose_stamped",
    "do_transform_pose_with_covariance_stamped",
    "do_transform_vector3",
    "do_transform_wrench",
    "from_msg_msg",
    "to_msg_msg",
    "transform_covariance",
]


def to_msg_msg(msg: Any) -> Any:
    """Return the message: it is its own."""
    return msg


def from_msg_msg(msg: Any) -> Any:
    """Return the message: it is its own."""
    return msg


def do_transform_point(point: PointStamped, transform: TransformStamped) -> PointStamped:
    """Return a point in the transform's frame."""
    result = PointStamped(header=transform.header)
    result.point.x, result.point.y, result.point.z = _moved(point.point, transform)
    return result


def do_transform_vector3(vector3: Vector3Stamped, transform: TransformStamped) -> Vector3Stamped:
    """Return a free vector in the transform's frame: turned, not moved."""
    result = Vector3Stamped(header=transform.header)
    result.vector.x, result.vector.y, result.vector.z = rotate(_rotation(transform), _xyz(vector3.vector))
    return result


def do_transform_pose(pose: Pose, transform: TransformStamped) -> Pose:
    """Return a pose in the transform's frame."""
    result = Pose()
    result.position.x, result.position.y, result.position.z = _moved(pose.position, transform)
    turn = pose.orientation
    both = canonical(multiply(_rotation(transform), (turn.x, turn.y, turn.z, turn.w)))
    out = result.orientation
    out.x, out.y, out.z, out.w = both
    return result


def do_transform_pose_stamped(pose: PoseStamped, transform: TransformStamped) -> PoseStamped:
    """Return a stamped pose in the transform's frame."""
    return PoseStamped(header=transform.header, pose=do_transform_pose(pose.pose, transform))


def do_transform_pose_with_covariance_stamped(
    pose: PoseWithCovarianceStamped, transform: TransformStamped
) -> PoseWithCovarianceStamped:
    """Return a pose and its covariance in the transform's frame."""
    result = PoseWithCovarianceStamped(header=transform.header)
    result.pose.pose = do_transform_pose(pose.pose.pose, transform)
    result.pose.covariance = transform_covariance(pose.pose.covariance, transform)
    return result


def do_transform_polygon_stamped(polygon: PolygonStamped, transform: TransformStamped) -> PolygonStamped:
    """Return a polygon in the transform's frame."""
    result = PolygonStamped(header=transform.header)
    for point in polygon.polygon.points:
        x, y, z = _moved(point, transform)
        result.polygon.points.append(Point32(x=x, y=y, z=z))
    return result


def do_transform_wrench(wrench: WrenchStamped, transform: TransformStamped) -> WrenchStamped:
    """Return force and torque turned into the transform's frame, as tf2_geometry_msgs does: the point stays."""
    result = WrenchStamped(header=transform.header)
    rotation = _rotation(transform)
    for given, out in ((wrench.wrench.force, result.wrench.force), (wrench.wrench.torque, result.wrench.torque)):
        out.x, out.y, out.z = rotate(rotation, _xyz(given))
    return result


def transform_covariance(cov_in: Any, transform: TransformStamped) -> np.ndarray:
    """Return a 6x6 covariance of position and orientation, row by row, in the transform's frame.

    Both halves turn alike: C' = R C R^T with R the rotation on both diagonal blocks (covariance of a linear map).
    """
    turn = _rotation(transform)
    columns = [rotate(turn, axis) for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))]
    block = np.kron(np.eye(2), np.column_stack(columns))
    return (block @ np.asarray(cov_in, dtype=np.float64).reshape(6, 6) @ block.T).reshape(36)


def _xyz(value: Any) -> Vector:
    return value.x, value.y, value.z


def _rotation(transform: TransformStamped) -> Quaternion:
    turn = transform.transform.rotation
    return canonical((turn.x, turn.y, turn.z, turn.w))


def _moved(value: Any, transform: TransformStamped) -> Vector:
    return add(rotate(_rotation(transform), _xyz(value)), _xyz(transform.transform.translation))


for _cls, _do in (
    (PointStamped, do_transform_point),
    (Vector3Stamped, do_transform_vector3),
    (PoseStamped, do_transform_pose_stamped),
    (PoseWithCovarianceStamped, do_transform_pose_with_covariance_stamped),
    (PolygonStamped, do_transform_polygon_stamped),
    (WrenchStamped, do_transform_wrench),
):
    TransformRegistration().add(_cls, _do)
for _cls in (Vector3Stamped, PoseStamped, PointStamped):
    ConvertRegistration().add_to_msg(_cls, to_msg_msg)
    ConvertRegistration().add_from_msg(_cls, from_msg_msg)
