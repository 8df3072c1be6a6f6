"""Rigid motions on plain tuples: for three numbers at a time they are several times faster than arrays.

Quaternions are (x, y, z, w), as in geometry_msgs.
"""

from __future__ import annotations

import math

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]

IDENTITY: Quaternion = (0.0, 0.0, 0.0, 1.0)
ZERO: Vector = (0.0, 0.0, 0.0)


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """Return the rotation b followed by a."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by + ay * bw + az * bx - ax * bz,
        aw * bz + az * bw + ax * by - ay * bx,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def inverse(q: Quaternion) -> Quaternion:
    """Return the inverse of a unit quaternion."""
    return -q[0], -q[1], -q[2], q[3]


def rotate(q: Quaternion, v: Vector) -> Vector:
    """Return a vector turned by a unit quaternion."""
    qx, qy, qz, qw = q
    x, y, z = v
    # v + 2 w (u x v) + 2 u x (u x v), with u the vector part of q.
    tx, ty, tz = 2.0 * (qy * z - qz * y), 2.0 * (qz * x - qx * z), 2.0 * (qx * y - qy * x)
    return (
        x + qw * tx + qy * tz - qz * ty,
        y + qw * ty + qz * tx - qx * tz,
        z + qw * tz + qx * ty - qy * tx,
    )


def add(a: Vector, b: Vector) -> Vector:
    """Return the sum."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def negative(v: Vector) -> Vector:
    """Return the opposite vector."""
    return -v[0], -v[1], -v[2]


def canonical(q: Quaternion) -> Quaternion:
    """Return a quaternion of length 1 with the sign that extraction from a rotation matrix gives.

    That is a positive w where w > 1/2, else a positive largest vector component (Shepperd 1978, "Quaternion from
    rotation matrix"); tf2 keeps rotations as matrices and so always shows this one of the two signs. Four zeros are no
    rotation and give four NaN.
    """
    length = math.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3])
    if length == 0.0:
        return math.nan, math.nan, math.nan, math.nan
    x, y, z, w = q[0] / length, q[1] / length, q[2] / length, q[3] / length
    decisive = w if w * w > 0.25 else max(x, y, z, key=abs)
    return (-x, -y, -z, -w) if decisive < 0.0 else (x, y, z, w)


def slerp(a: Quaternion, b: Quaternion, ratio: float) -> Quaternion:
    """Return the rotation at ``ratio`` of the shortest way from a to b (Shoemake 1985)."""
    cosine = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3]
    sign = -1.0 if cosine < 0.0 else 1.0
    angle = math.acos(min(1.0, abs(cosine)))
    sine = math.sin(angle)
    if sine == 0.0:
        return a
    first, second = math.sin((1.0 - ratio) * angle) / sine, sign * math.sin(ratio * angle) / sine
    return (
        a[0] * first + b[0] * second,
        a[1] * first + b[1] * second,
        a[2] * first + b[2] * second,
        a[3] * first + b[3] * second,
    )


def interpolate(a: Vector, b: Vector, ratio: float) -> Vector:
    """Return the point at ``ratio`` of the straight way from a to b."""
    rest = 1.0 - ratio
    return rest * a[0] + ratio * b[0], rest * a[1] + ratio * b[1], rest * a[2] + ratio * b[2]
