"""What lies beneath the rclpy API: handles of the event kernel under the names rclpy gives them."""
