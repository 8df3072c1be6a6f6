"""The cell a cycle at a time: thousands of cycles in seconds, by the formulas and the code of the whole world."""
