"""How moves are carried out under changing speed, cancels, stops and restarts; see `__main__`."""
