"""The commands of `workcell`, one file each: `add(subparsers)` describes it, its `run` does it."""
