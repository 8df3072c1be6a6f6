"""One command loads its own module; all of them together make the help."""

import subprocess
import sys

import pytest

from workcell_console.main import MODULES, make_parser
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
