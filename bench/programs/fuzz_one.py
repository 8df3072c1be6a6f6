"""Fuzzes one decoder in this process, which ends with it: `fuzz_one.py TARGET [LIBFUZZER ARGUMENT ...]`."""

import sys

import atheris

with atheris.instrument_imports(include=["workcell_sensors", "rosbags"]):
    from bench.fuzz_targets import TARGETS

if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name].run)
    atheris.Fuzz()
