"""From knowing to moving: motion, the cell's sequence, policy, governance and twin."""
