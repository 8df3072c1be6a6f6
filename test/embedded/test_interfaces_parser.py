"""The grammar of interface definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_sim.embedded._interfaces.model import (
    ActionSpec,
    Constant,
    Field,
    FieldType,
    InterfaceError,
    MessageSpec,
    ServiceSpec,
    Shape,
)
from workcell_sim.embedded._interfaces.parser import IDL_NAMES, parse

SOURCE = "share/pkg/msg/Thing.msg"


def message(text: str) -> MessageSpec:
    spec = parse("pkg/msg/Thing", text, SOURCE)
    assert isinstance(spec, MessageSpec)
    return spec


def only_field(text: str) -> Field:
    (field,) = message(text).fields
    return field


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("float64 x", FieldType("double")),
        ("char c", FieldType("uint8")),
        ("byte b", FieldType("octet")),
        ("wstring w", FieldType("wstring")),
        ("string<=10 s", FieldType("string", 10)),
        ("int32[] v", FieldType("int32", 0, Shape.UNBOUNDED)),
        ("int32[<=5] v", FieldType("int32", 0, Shape.BOUNDED, 5)),
        ("int32[5] v", FieldType("int32", 0, Shape.ARRAY, 5)),
        ("string<=3[<=2] v", FieldType("string", 3, Shape.BOUNDED, 2)),
        ("Other o", FieldType("pkg/msg/Other")),
        ("std_msgs/Header header", FieldType("std_msgs/msg/Header")),
        ("std_msgs/msg/Header header", FieldType("std_msgs/msg/Header")),
    ],
)
def test_types(text: str, expected: FieldType) -> None:
    assert only_field(text).type == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int32 x 5", 5),
        ("int32 x 0x10", 16),
        ("float64 x 1", 1.0),
        ("bool x TRUE", True),
        ("byte x 255", b"\xff"),
        ('string s "a b"', "a b"),
        ("string s bare words", "bare words"),
        (r"string s 'it\'s'", "it's"),
        ('string s "ä漢"', "ä漢"),
        ('string s "a=b"', "a=b"),
        ("int32[] v [1, -2]", (1, -2)),
        ("int32[2] v [1,2]", (1, 2)),
        ("string[] v [\"a, b\", 'c', d]", ("a, b", "c", "d")),
        ("int32[] v []", ()),
    ],
)
def test_defaults(text: str, expected: object) -> None:
    assert only_field(text).default == expected


def test_constants_and_comments_and_blank_lines() -> None:
    spec = message('# heading\n\n  # indented\nuint8 OK=0 # fine\nstring NAME = "x y"\n\tint8 low -1\n')
    assert spec.constants == (Constant("OK", "uint8", 0), Constant("NAME", "string", "x y"))
    assert spec.fields == (Field("low", FieldType("int8"), -1),)


def test_services_and_actions_have_parts() -> None:
    service = parse("pkg/srv/Ask", "int32 a\n---\nint32 b\n", "f")
    assert isinstance(service, ServiceSpec)
    assert (service.request.name, service.response.fields[0].name) == ("pkg/srv/Ask_Request", "b")
    action = parse("pkg/action/Go", "---\n---\n", "f")
    assert isinstance(action, ActionSpec)
    assert action.feedback.name == "pkg/action/Go_Feedback"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("int32 a\nint33 b", 2, "'int33' is no type"),
        ("int32", 1, "a name is missing"),
        ("int32 Upper", 1, "no field name"),
        ("int32 two__scores", 1, "no field name"),
        ("int32 a\nint32 a", 2, "defined twice"),
        ("int32 lower=3", 1, "no constant name"),
        ("Other X=3", 1, "cannot be of type"),
        ("int8 x 128", 1, "[-128, 127]"),
        ("uint8 x -1", 1, "[0, 255]"),
        ("float32 x one", 1, "no number"),
        ("bool x maybe", 1, "true or false"),
        ("int32<=3 x", 1, "only string"),
        ("string<=0 x", 1, "above 0"),
        ("int32[0] x", 1, "above 0"),
        ("int32[<=] x", 1, "above 0"),
        ("int32[2] x [1]", 1, "exactly 2"),
        ("int32[<=2] x [1,2,3]", 1, "at most 2"),
        ("int32[] x 1", 1, "brackets"),
        ("string<=2 x abc", 1, "longer than"),
        ('string x "a"b"', 1, "backslash"),
        ("std_msgs/Header h 3", 1, "cannot have a default"),
        ("a/b/c/D x", 1, "no type"),
    ],
)
def test_an_error_names_file_line_and_remedy(text: str, line: int, says: str) -> None:
    with pytest.raises(InterfaceError) as caught:
        message(text)
    assert str(caught.value).startswith(f"{SOURCE}:{line}: ")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"), [("pkg/srv/Ask", "int32 a"), ("pkg/action/Go", "---"), ("pkg/srv/A", "---\n---")]
)
def test_a_missing_separator_is_told(name: str, text: str) -> None:
    with pytest.raises(InterfaceError, match="'---' lines"):
        parse(name, text, "f")


@pytest.mark.parametrize("name", ["Pkg/msg/A", "p__q/msg/A", "p/msg/lower", "p/msg/With_Score"])
def test_names_are_held_to_the_patterns_of_ros(name: str) -> None:
    with pytest.raises(InterfaceError):
        parse(name, "", "f")


@given(st.text(max_size=60))
def test_any_text_is_a_definition_or_a_clear_error(text: str) -> None:
    complaint = SOURCE
    try:
        message(text)
    except InterfaceError as error:
        complaint = str(error)
    assert complaint.startswith(SOURCE)


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(IDL_NAMES)), st.sampled_from(["", "[]", "[3]", "[<=4]"])),
        min_size=1,
        max_size=8,
    )
)
def test_every_combination_of_type_and_shape_is_taken(parts: list[tuple[str, str]]) -> None:
    text = "\n".join(f"{name}{shape} f{index}" for index, (name, shape) in enumerate(parts))
    assert [field.type.base for field in message(text).fields] == [IDL_NAMES[name] for name, _ in parts]
