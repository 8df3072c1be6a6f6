"""From what the cell senses to proposed robot parameters. Proposes only; the governor applies."""
