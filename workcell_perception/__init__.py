"""From image to verdict: registration, comparison with a taught good board, classification of defects."""
