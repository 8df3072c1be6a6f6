"""From the field to readings, and from readings to health. Imports no sibling package."""
