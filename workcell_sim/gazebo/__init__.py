"""The cell in Gazebo: boards, suction, camera exposure and field signals around a world that Gazebo moves.

Gazebo has the arm (under gz_ros2_control), the belt, the bodies of boards and the camera's view. What else the embedded
world gives the cell comes from here, out of the same models of vacuum, suction, drives and disturbances.
"""
