"""Benchmarks, each with its peer in the same run: `python -m bench.NAME [--data DIR ...]`."""
