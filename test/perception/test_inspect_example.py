from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "inspect_board.py"


def test_example_tells_good_from_bad(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(EXAMPLE))["main"]
    assert main(["--out", str(tmp_path)]) == 0
    good, bad = capsys.readouterr().out.splitlines()
    assert "(good): accept" in good
    assert bad.split(": ")[1].startswith(("rework", "reject"))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["p00000.png", "p00001.png"]
