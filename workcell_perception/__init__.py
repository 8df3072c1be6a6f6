"""From an image to a verdict on the part it shows."""
