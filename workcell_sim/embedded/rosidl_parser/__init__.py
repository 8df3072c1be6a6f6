"""The part of rosidl_parser that generated message classes refer to."""
