"""What the loop is worth: optimiser, reflex rules, fixed parameters, an oracle and a peer on the same shifts."""
