"""`workcell motion`: figures of a planned move, a page that animates it, and what it cannot use."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from workcell_console.main import main


def test_a_plan_is_told_in_figures(capsys):
    assert main(["motion", "plan", "infeed_pick", "line:infeed_above", "camera_inspect", "--held"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"^\d\.\d{3} s, planned in", told)
    assert "passes its waypoints at" in told
    assert "wrist_3_joint" in told


def test_a_preview_is_one_page_that_holds_the_move(tmp_path: Path, capsys):
    page = tmp_path / "sub" / "move.html"
    arguments = ["motion", "preview", "infeed_above", "0.5,-1.6,1.6,-1.57,-1.57,0", "--out", str(page)]
    assert main([*arguments, "--speed", "0.5", "--acceleration", "0.5"]) == 0
    assert str(page) in capsys.readouterr().out
    text = page.read_text()
    assert "http" not in text
    data = json.loads(re.search(r'id="move">(.*?)</script>', text, re.DOTALL).group(1))
    frames = len(data["time_s"])
    assert all(np.shape(body["frames"]) == (frames, 8, 3) for body in data["bodies"])
    assert not any(body["name"] == "held_part" for body in data["bodies"])
    assert data["figures"]["duration_s"] == pytest.approx(data["time_s"][-1], abs=1e-3)
    assert max(joint["velocity"] for joint in data["figures"]["joints"]) <= 0.5 + 1e-6


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["plan", "infeed_pik", "camera_inspect"], "place 'infeed_pik' is not known; valid: one of infeed_above"),
        (["plan", "infeed_pick", "9,0,0,0,0,0"], "not within the arm's joint limits"),
        (["plan", "camera_inspect", "camera_inspect"], "ends where it begins"),
        (["plan", "camera_inspect", "infeed_above", "--speed", "2"], "motion scale speed = 2.0"),
        (["plan", "camera_inspect", "0,0.8,0,0,0,0"], "no plan: free move: at its goal"),
    ],
)
def test_what_cannot_be_planned_is_said_in_one_line(arguments, complaint, capsys):
    assert main(["motion", *arguments]) == 2
    told = capsys.readouterr().err
    assert complaint in told
    assert told.count("\n") == 1
