"""One command loads its own module; all of them together make the help."""

import errno
import subprocess
import sys

import pytest

from workcell_console.main import MODULES, main, make_parser
from workcell_ros.errors import WorkcellError


def names_of(parser):
    (action,) = (item for item in parser._subparsers._group_actions)
    return list(action.choices)


def test_every_command_is_added_by_the_module_it_is_listed_with():
    for command, module in MODULES.items():
        assert names_of(make_parser(command)) == [name for name, other in MODULES.items() if other == module]


@pytest.mark.parametrize("word", ["", "--help", "nonsense"])
def test_any_other_word_gets_the_whole_command_line(word):
    parser = make_parser(word)
    assert names_of(parser) == list(MODULES)
    with pytest.raises(WorkcellError, match="choose from 'run'"):
        parser.parse_args(["nonsense"])


def test_a_shift_starts_without_what_only_other_commands_need():
    code = "import sys; from workcell_console.main import make_parser; make_parser('run'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"scipy.stats", "scipy.optimize", "matplotlib", "workcell_console.commands.calibrate"} & set(loaded)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EACCES, "Permission denied", "/plant/report.html"), "/plant/report.html: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
    ],
)
def test_a_disk_that_does_not_do_as_told_is_said_in_one_line(monkeypatch, capsys, error, said):
    def fail(_options):
        raise error

    monkeypatch.setattr("workcell_console.commands.audit._verify", fail)
    assert main(["audit", "verify"]) == 2
    assert capsys.readouterr().err == f"error: {said}\n"


def test_an_error_that_is_no_disks_is_not_hidden(monkeypatch):
    def fail(_options):
        raise OSError("a bug")

    monkeypatch.setattr("workcell_console.commands.audit._verify", fail)
    with pytest.raises(OSError, match="a bug"):
        main(["audit", "verify"])
