"""Plain rclpy programs that benchmarks run on either runtime."""
