"""The cell: sequence, part ledger, KPIs, guards and the node that drives the arm with them."""
