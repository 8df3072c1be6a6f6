"""The web page: an ASGI application that knows no ROS, and the thread that serves it."""
