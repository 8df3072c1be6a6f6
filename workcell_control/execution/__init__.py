"""Carries planned moves out on an arm: rate along the path, stops, recovery, and a record of every move. No ROS."""
