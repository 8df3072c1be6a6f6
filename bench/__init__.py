"""Benchmarks, each with its peer in the same run. Start one with `python -m bench.<name> --help`."""
