"""The black box: the last seconds of the cell, kept in memory, and written to a bag of their own on a fault."""
