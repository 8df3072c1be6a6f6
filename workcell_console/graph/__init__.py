"""What every node of the cell offers and uses, as seen in a running cell: documentation and security policy from it."""
