"""Text with ``$(...)`` in it: what it means, and where it is wrong."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_sim.embedded import is_active

if not is_active():
    pytest.skip("the embedded runtime's own parser", allow_module_level=True)

from launch import LaunchContext
from launch.frontend import Parser
from launch.utilities import perform_substitutions


def perform(text: str) -> str:
    context = LaunchContext()
    context.launch_configurations.update({"x": "X", "name": "x", "with space": "W"})
    return perform_substitutions(context, Parser().parse_substitution(text))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", ""),
        ("plain", "plain"),
        ("$(var x)", "X"),
        ("a$(var x)b$(var x)c", "aXbXc"),
        ("$(var $(var name))", "X"),
        ("$(var 'with space')", "W"),
        ('$(var "with space")', "W"),
        ('$(var "$(var x)" d)', "d"),
        ("$(var nothing 'a default')", "a default"),
        ("$5 and $x", "$5 and $x"),
        (r"\$(var x\)", "$(var x)"),
        (r"$(var a\ b d)", "d"),
        ("(not) [a] {substitution}", "(not) [a] {substitution}"),
    ],
)
def test_meaning(text: str, meaning: str) -> None:
    assert perform(text) == meaning


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a $(var x", r"no closing '\)' at character 3 of"),
        ("$(var 'x)", "no closing ' at character 1 of"),
        ("$()", "expected the name of a substitution at character 3 of"),
        ("$(var  x)", "expected an argument at character 7 of"),
        ("$(var 'x'y)", r"expected a space or '\)' at character 10 of"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        perform(text)


def test_unknown_substitutions_and_wrong_arguments_are_errors() -> None:
    with pytest.raises(RuntimeError, match="Unknown substitution: nonsense"):
        perform("$(nonsense)")
    with pytest.raises(TypeError, match="var substitution expects 1 to 2 arguments, got 0"):
        perform("$(var)")


@given(st.text(st.characters(exclude_characters="\\", exclude_categories=["Cs"])).filter(lambda text: "$(" not in text))
def test_text_without_substitutions_is_itself(text: str) -> None:
    assert perform(text) == text


@given(st.text(st.sampled_from("$()'\" \\abx"), max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError, RuntimeError, TypeError):
        assert Parser().parse_substitution(text)
