"""Safe contextual optimisation of the governed parameters, cycle by cycle."""
