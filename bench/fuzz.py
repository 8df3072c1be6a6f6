"""Fuzzes the decoders of the field's protocols, guided by what code each input reaches.

`python -m bench.fuzz [--targets T ...] [--seconds S]`: each target in a process of its own, for S seconds (60). Needs
Atheris (https://github.com/google/atheris, Apache-2.0), which brings libFuzzer: `pip install workcell[fuzz]`. An input
that makes a decoder fail, hang or grow is kept under out/fuzz/<target>/.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.fuzz_targets import TARGETS
from bench.output import keep, show

INPUT_S_MAX = 5
"""A decoder that takes longer hangs."""
RSS_MIB_MAX = 1024
GRACE_S = 60.0
KEPT = Path("out") / "fuzz"
_RUNS = re.compile(r"^#(\d+)\s", re.MULTILINE)
_FAULT = re.compile(r"Uncaught Python exception|ERROR: libFuzzer")
_COVERED = re.compile(r"cov: (\d+)")


@dataclass(frozen=True)
class Outcome:
    """What became of a target: inputs tried, code reached, and the last words of the fuzzer where it found a fault."""

    inputs: int
    covered: int
    fault: str


def run_target(name: str, seconds: float) -> Outcome:
    """Fuzzes a target in a process of its own."""
    kept = KEPT / name
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="workcell-fuzz-") as folder:
        for number, seed in enumerate(TARGETS[name].seeds()):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
        command = [sys.executable, "-m", "bench.programs.fuzz_one", name]
        command += [folder, f"-max_total_time={seconds:.0f}", f"-max_len={TARGETS[name].bytes_max}"]
        command += [f"-timeout={INPUT_S_MAX}", f"-rss_limit_mb={RSS_MIB_MAX}", f"-artifact_prefix={kept}/"]
        done = subprocess.run(
            command,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds + GRACE_S,
        )
    inputs, covered = (max(map(int, found.findall(done.stdout)), default=0) for found in (_RUNS, _COVERED))
    return Outcome(inputs, covered, "" if done.returncode == 0 else _fault_of(done.stdout))


def _fault_of(told: str) -> str:
    """The exception that came out, or what libFuzzer says of a hang or of memory."""
    lines = told.splitlines()
    at = next(
        (i for i, line in enumerate(lines) if "Uncaught Python exception" in line or "ERROR: libFuzzer" in line), 0
    )
    return "\n".join(lines[at : at + 30])


def main() -> int:
    """Fuzzes the targets one after the other; returns how many showed a fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--targets", nargs="+", default=sorted(TARGETS), choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    options = parser.parse_args()
    outcomes: dict[str, Outcome] = {}
    for name in options.targets:
        outcomes[name] = run_target(name, options.seconds)
        print(f"{name}: {outcomes[name].inputs:,} inputs\n{outcomes[name].fault}".rstrip(), flush=True)
    rows: list[list[object]] = [
        [name, item.inputs, item.covered, "fault" if item.fault else "none"] for name, item in outcomes.items()
    ]
    show(f"{options.seconds:g} s of fuzzing each", ["decoder", "inputs", "edges reached", "faults"], rows)
    keep("fuzz", {name: {"inputs": o.inputs, "covered": o.covered, "fault": o.fault} for name, o in outcomes.items()})
    return sum(bool(item.fault) for item in outcomes.values())


if __name__ == "__main__":
    raise SystemExit(main())
