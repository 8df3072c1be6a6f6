"""The cell's memory: what was read, made, judged and decided, in a store that can be asked."""
