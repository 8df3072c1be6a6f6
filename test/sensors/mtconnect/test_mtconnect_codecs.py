"""MTConnect documents, streams and SHDR lines: what the standard says is understood, what is hostile does no harm."""

from __future__ import annotations

import contextlib
import math
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workcell_sensors.reading import Quality
from workcell_sensors.sources.mtconnect_follow import Follower, InstanceChanged
from workcell_sensors.sources.mtconnect_held import Held
from workcell_sensors.sources.mtconnect_model import parse_model
from workcell_sensors.sources.mtconnect_multipart import HEAD_BYTES_MAX, PartReader, boundary_of
from workcell_sensors.sources.mtconnect_streams import AgentError, Header, Streams, parse_streams
from workcell_sensors.sources.mtconnect_time import parse_time_ns
from workcell_sensors.sources.mtconnect_units import pint_unit
from workcell_sensors.sources.mtconnect_values import Interpreter, Observation, Value, parse_address
from workcell_sensors.sources.mtconnect_xml import parse_xml
from workcell_sensors.sources.shdr_codec import LINE_BYTES_MAX, Kind, LineReader, ShdrParser, entries_of, split_fields
from workcell_sensors.sources.shdr_link import AdapterLink
from workcell_sensors.tags import TagRow
from workcell_sensors.units import conversion

NOW_NS = 1_700_000_000_000_000_000
DEVICES = b"""<?xml version="1.0"?>
<MTConnectDevices xmlns="urn:mtconnect.org:MTConnectDevices:%s"><Header/>
 <Devices><Device id="d" name="mill" uuid="u"><DataItems>
  <DataItem category="EVENT" id="avail" type="AVAILABILITY"/></DataItems>
  <Components><Axes id="ax" name="axes"><Components><Linear id="x" name="X"><DataItems>
   <DataItem category="SAMPLE" id="xpos" name="Xact" type="POSITION" subType="ACTUAL"
     units="MILLIMETER" nativeUnits="INCH"><Source>X1act</Source></DataItem>
   <DataItem category="SAMPLE" id="path" type="PATH_POSITION" units="MILLIMETER_3D"/>
   <DataItem category="SAMPLE" id="vib" type="ACCELERATION" representation="TIME_SERIES" units="MILLIMETER/SECOND^2"/>
   <DataItem category="EVENT" id="vars" type="VARIABLE" representation="DATA_SET"/>
   <DataItem category="EVENT" id="msg" type="MESSAGE"/>
   <DataItem category="CONDITION" id="travel" type="POSITION"/>
  </DataItems></Linear></Components></Axes></Components></Device></Devices></MTConnectDevices>"""
STREAMS = b"""<MTConnectStreams xmlns="urn:mtconnect.org:MTConnectStreams:%s" xmlns:x="urn:x">
 <Header creationTime="2026-03-01T00:00:00Z" instanceId="7" firstSequence="1" lastSequence="9" nextSequence="10"/>
 <Streams><DeviceStream><ComponentStream>
  <Samples><Position dataItemId="xpos" timestamp="2026-03-01T00:00:00.5Z" sequence="5">12.5</Position>
   <AccelerationTimeSeries dataItemId="vib" timestamp="2026-03-01T00:00:00Z" sequence="4" sampleCount="3">1 2 3
   </AccelerationTimeSeries><x:Odd dataItemId="odd" timestamp="2026-03-01T00:00:00Z" sequence="8">UNAVAILABLE</x:Odd>
   <Position dataItemId="xpos" timestamp="yesterday" sequence="6">1</Position></Samples>
  <Events><VariableDataSet dataItemId="vars" timestamp="2026-03-01T00:00:00Z" sequence="7" count="2"><Entry key="102">5
   </Entry><Entry key="103" removed="true"/></VariableDataSet></Events>
  <Condition><Fault dataItemId="travel" timestamp="2026-03-01T00:00:00Z" sequence="9" nativeCode="E1">over</Fault>
  </Condition></ComponentStream></DeviceStream></Streams></MTConnectStreams>"""
VERSIONS = (b"1.2", b"1.3", b"1.8", b"2.0", b"2.7")
T_NS = parse_time_ns("2026-03-01T00:00:00Z")


def tag(address: str, **states: float) -> TagRow:
    return TagRow(address, "cnc", address, "1", "1", states=states)


@pytest.mark.parametrize("version", VERSIONS)
def test_devices_of_every_version_are_read(version: bytes) -> None:
    model = parse_model(DEVICES % version)
    assert [item.id for item in model.items] == ["avail", "xpos", "path", "vib", "vars", "msg", "travel"]
    x = model.by_id["xpos"]
    assert (x.kind, x.sub_type, x.units, x.native_units, x.device, x.component) == (
        "POSITION",
        "ACTUAL",
        "MILLIMETER",
        "INCH",
        "mill",
        "axes/X",
    )
    for key in ("xpos", "Xact", "X1act", "mill:Xact"):
        assert model.of_key(key) is x
    for key in ("other:Xact", "nothing", "", ":"):
        assert model.of_key(key) is None


@pytest.mark.parametrize("version", VERSIONS)
def test_streams_of_every_version_are_read_in_the_order_of_their_sequence(version: bytes) -> None:
    streams = parse_streams(STREAMS % version)
    assert streams.header == Header(7, 1, 10)
    assert streams.malformed == 1
    assert streams.observations == (
        Observation("vib", T_NS, "3", 4),
        Observation("xpos", T_NS + 500_000_000, "12.5", 5),
        Observation("vars", T_NS, {"102": "5", "103": "UNAVAILABLE"}, 7),
        Observation("odd", T_NS, "UNAVAILABLE", 8),
        Observation("travel", T_NS, "Fault", 9, True, "E1"),
    )


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_error_document_is_an_error_with_its_code(wrapped: bool) -> None:
    inner = b'<Error errorCode="OUT_OF_RANGE">too old</Error>'
    body = b"<Errors>" + inner + b"</Errors>" if wrapped else inner
    with pytest.raises(AgentError, match="too old") as caught:
        parse_streams(b'<MTConnectError xmlns="urn:mtconnect.org:MTConnectError:1.2">' + body + b"</MTConnectError>")
    assert caught.value.code == "OUT_OF_RANGE"


BOMB = b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY a%d "&a%d;&a%d;">' % (n + 1, n, n) for n in range(40)
)


@pytest.mark.parametrize(
    "data",
    [
        BOMB + b"]><b>&a40;</b>",
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        b'<?xml version="1.0"?><!doctype x><x/>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="no-such"?><x>\xff</x>',
        b"<x>&undefined;</x>",
        b"<x>",
        b"",
    ],
    ids=["bomb", "file", "doctype", "utf16", "encoding", "entity", "open", "empty"],
)
def test_hostile_xml_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"XML|declaration"):
        parse_xml(data)


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
@example(b"<MTConnectStreams><Header/></MTConnectStreams>")
@example(b'<MTConnectStreams><Header instanceId="x"/></MTConnectStreams>')
@example(b"<MTConnectDevices><Devices><Device><DataItems><DataItem/></DataItems></Device></Devices></MTConnectDevices>")
@example(b"<a>" * 20_000 + b"</a>" * 20_000)
def test_any_bytes_are_a_document_or_refused(data: bytes) -> None:
    for parse in (parse_model, parse_streams):
        with contextlib.suppress(ValueError, AgentError):
            parse(data)


@given(st.data())
def test_a_damaged_document_is_read_or_refused(data: st.DataObject) -> None:
    for whole in (DEVICES % b"2.0", STREAMS % b"2.0"):
        at = data.draw(st.integers(0, len(whole) - 1))
        damaged = whole[:at] + data.draw(st.binary(max_size=4)) + whole[at + data.draw(st.integers(0, 9)) :]
        for parse in (parse_model, parse_streams):
            with contextlib.suppress(ValueError, AgentError):
                parse(damaged)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2022-08-08T13:51:34.7167146Z", 1_659_966_694_716_714_600),
        ("2022-08-08T13:51:34.7167146", 1_659_966_694_716_714_600),
        ("2022-08-08T15:51:34.7167146+02:00", 1_659_966_694_716_714_600),
        ("2022-08-08T06:51:34.7167146-0700", 1_659_966_694_716_714_600),
        ("2022-08-08T19:21:34,7167146+05:30", 1_659_966_694_716_714_600),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
        ("2024-02-29t00:00:00.123456789123z", 1_709_164_800_123_456_789),
    ],
)
def test_times_are_exact_to_the_nanosecond_in_any_zone(text: str, ns: int) -> None:
    assert parse_time_ns(text) == ns


@pytest.mark.parametrize(
    "text", ["", "now", "2022-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "2022-01-01T24:00:00Z", "0000-01-01T00:00:00Z"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - datetime has its own words
        parse_time_ns(text)


@pytest.mark.parametrize(
    ("unit", "si", "gain"),
    [
        ("MILLIMETER", "m", 1e-3),
        ("MILLIMETER/SECOND^2", "m/s^2", 1e-3),
        ("REVOLUTION/MINUTE", "rad/s", 2 * math.pi / 60),
        ("DEGREE/SECOND", "rad/s", math.pi / 180),
        ("NEWTON_METER", "N*m", 1.0),
        ("PERCENT", "1", 0.01),
        ("POUND/INCH^2", "Pa", 6894.757),
        ("KILOWATT", "W", 1000.0),
        ("INCH_POUND", "N*m", 0.1129848),
    ],
)
def test_units_of_the_standard_become_si(unit: str, si: str, gain: float) -> None:
    assert conversion(pint_unit(unit), si).gain == pytest.approx(gain, rel=1e-6)


def test_a_unit_nobody_knows_is_left_to_the_person() -> None:
    assert [pint_unit(unit) for unit in ("", "x:FURLONG", "MILLIMETER/FORTNIGHT", "MILLIMETER^x")] == ["1"] * 4


def one(interpreter: Interpreter, seen: Observation) -> Value:
    (value,) = interpreter.values(seen)
    return value


@pytest.mark.parametrize(
    ("address", "states", "said", "number"),
    [
        ("p", {}, "12.5", 12.5),
        ("p", {}, "unavailable", math.nan),
        ("p", {}, "1e999", math.nan),
        ("p", {}, "ACTIVE", math.nan),
        ("p", {"ACTIVE": 1.0}, "ACTIVE", 1.0),
        ("p#x", {}, "1 2 3", 1.0),
        ("p#c", {}, "1 2 3", 3.0),
        ("p#1", {}, "1 2 3", 2.0),
        ("p#3", {}, "1 2 3", math.nan),
        ("p#x", {}, "UNAVAILABLE", math.nan),
        ("p#k", {}, {"k": "7"}, 7.0),
    ],
)
def test_values_become_numbers(address: str, states: dict[str, float], said: str, number: float) -> None:
    value = one(Interpreter([tag(address, **states)]), Observation("p", 5, said))
    assert value.number == number or (math.isnan(value.number) and math.isnan(number))
    assert (value.quality == Quality.GOOD) is not math.isnan(number)


def test_a_data_set_says_nothing_of_entries_that_have_not_changed() -> None:
    assert list(Interpreter([tag("p#k")]).values(Observation("p", 5, {"other": "1"}))) == []
    assert list(Interpreter([tag("p")]).values(Observation("q", 5, "1"))) == []


def test_the_worst_active_condition_counts_until_it_is_ended() -> None:
    interpreter = Interpreter([tag("c"), tag("c#E2")])
    steps = [
        ("UNAVAILABLE", "", math.nan, math.nan),
        ("Normal", "", 0.0, 0.0),
        ("Warning", "E1", 1.0, 0.0),
        ("Fault", "E2", 2.0, 2.0),
        ("Warning", "E2", 1.0, 1.0),
        ("Normal", "E2", 1.0, 0.0),
        ("Fault", "E3", 2.0, 0.0),
        ("Normal", "", 0.0, 0.0),
        ("Strange", "E1", math.nan, math.nan),
    ]
    for level, code, worst, of_code in steps:
        numbers = [value.number for value in interpreter.values(Observation("c", 1, level, 0, True, code))]
        assert numbers == pytest.approx([worst, of_code], nan_ok=True), level


@pytest.mark.parametrize("text", ["", "#x", "a#", "a b", "a|b"])
def test_an_address_without_a_data_item_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="valid:"):
        parse_address(text)


PARTS = st.lists(st.binary(min_size=1, max_size=200).filter(lambda part: b"--mark" not in part), max_size=6)


@given(PARTS, st.booleans(), st.integers(1, 64))
def test_parts_come_whole_out_of_any_pieces(parts: list[bytes], with_length: bool, size: int) -> None:
    stream = b""
    for part in parts:
        length = b"Content-Length: %d\r\n" % len(part) if with_length else b""
        stream += b"\r\n--mark\r\nContent-type: text/xml\r\n" + length + b"\r\n" + part
    stream += b"--mark"
    reader = PartReader("mark")
    found = [body for at in range(0, len(stream), size) for body in reader.feed(stream[at : at + size])]
    assert found == [part if with_length else part + b"\r\n" for part in parts[:-1]] + ([parts[-1]] if parts else [])


@given(st.lists(st.binary(max_size=2000), max_size=20))
def test_any_bytes_are_parts_or_refused_and_are_not_kept(pieces: list[bytes]) -> None:
    reader = PartReader("b")
    with contextlib.suppress(ValueError):
        for piece in pieces:
            list(reader.feed(piece))
            assert len(reader._buffer) <= 2 * HEAD_BYTES_MAX + sum(map(len, pieces))


def test_a_stream_without_boundaries_or_with_an_endless_part_is_given_up() -> None:
    with pytest.raises(ValueError, match="no boundary"):
        list(PartReader("b").feed(b"x" * (HEAD_BYTES_MAX + 1)))
    with pytest.raises(ValueError, match="head of a part"):
        list(PartReader("b").feed(b"--b" + b"x" * (HEAD_BYTES_MAX + 1)))
    with pytest.raises(ValueError, match="a part of 999999999999"):
        list(PartReader("b").feed(b"--b\r\nContent-length: 999999999999\r\n\r\n"))


def test_boundaries_are_found_as_agents_write_them() -> None:
    assert boundary_of("multipart/x-mixed-replace;boundary=a1") == "a1"
    assert boundary_of('Multipart/x-mixed-replace; charset=x; boundary="--a1"') == "a1"
    assert boundary_of("text/xml") is None


def document(first: int, following: int, *sequences: int, instance: int = 1) -> Streams:
    seen = tuple(Observation("x", number, str(number), number) for number in sequences)
    return Streams(Header(instance, first, following), seen, 0)


def test_a_follower_goes_on_where_it_was() -> None:
    follower = Follower()
    assert not follower.is_following
    assert len(follower.begin(document(1, 10, 3, 9)).observations) == 2
    assert follower.next_sequence == 10
    caught = follower.sampled(document(1, 13, 9, 10, 11, 12))
    assert [seen.sequence for seen in caught.observations] == [10, 11, 12]
    assert (caught.lost, caught.duplicates, follower.next_sequence) == (0, 1, 13)


def test_an_overrun_keeps_what_is_left_and_counts_what_is_not() -> None:
    follower = Follower()
    follower.begin(document(1, 10))
    # 10 to 49 are gone from the buffer, but 20 and 30 are still what their data items show.
    caught = follower.overrun(document(50, 100, 5, 20, 30, 60, 99))
    assert [seen.sequence for seen in caught.observations] == [20, 30]
    assert (caught.lost, follower.next_sequence) == (38, 50)


@given(st.integers(1, 200), st.integers(1, 60), st.lists(st.integers(0, 80), max_size=30))
def test_what_a_follower_gets_and_what_it_says_is_lost_is_everything(start: int, size: int, bursts: list[int]) -> None:
    """An agent with a buffer of `size`, one data item, and a client that comes after each burst."""
    following = start
    follower = Follower()
    follower.begin(document(max(1, following - size), following))
    got: list[int] = []
    lost = 0
    for burst in bursts:
        following += burst
        first = max(1, following - size)
        while follower.next_sequence < following:
            if follower.next_sequence < first:
                caught = follower.overrun(document(first, following, following - 1))
            else:
                upto = min(following, follower.next_sequence + 10)
                caught = follower.sampled(document(first, upto, *range(follower.next_sequence, upto)))
            got += [seen.sequence for seen in caught.observations]
            lost += caught.lost
    assert got == sorted(set(got))
    assert len(got) + lost == following - start


def test_another_instance_is_noticed() -> None:
    follower = Follower()
    follower.begin(document(1, 10))
    for call in (follower.sampled, follower.overrun):
        with pytest.raises(InstanceChanged):
            call(document(1, 11, instance=2))
    with pytest.raises(InstanceChanged, match="gone back"):
        follower.overrun(document(1, 5))


def test_what_has_not_changed_holds_and_news_is_never_older_than_that() -> None:
    held = Held()
    assert held.confirmed(NOW_NS, 0) is None
    old_ns = 1_000
    held.note(Value("a", 1.0, 0), old_ns, NOW_NS)
    held.note(Value("b", math.nan, 2), old_ns + 5_000, NOW_NS)
    found = held.confirmed(NOW_NS + 10_000, 2_000)
    assert found is not None
    assert (found.addresses, found.stamp_ns) == (("a", "b"), old_ns + 5_000 + 10_000 - 2_000)
    assert found.quality.tolist() == [0, 2]
    assert held.confirmed(NOW_NS + 10_000, 2_000) is None
    assert held.lost_ns("c", NOW_NS, NOW_NS) is None
    assert held.lost_ns("a", NOW_NS, NOW_NS + 10_000) == old_ns + 5_000 + 10_000
    assert held.lost_ns("a", old_ns, NOW_NS + 10_000) == found.stamp_ns + 1
    held.forget(["a"])
    again = held.confirmed(NOW_NS + 20_000, 2_000)
    assert again is not None
    assert again.addresses == ("b",)


def test_one_wild_clock_does_not_lead_what_is_confirmed_into_the_future() -> None:
    held = Held()
    held.note(Value("a", 1.0, 0), NOW_NS, NOW_NS)
    held.note(Value("b", 2.0, 0), NOW_NS + 10**18, NOW_NS)
    found = held.confirmed(NOW_NS + 3_000_000_000, 1_000_000_000)
    assert found is not None
    assert (found.addresses, found.stamp_ns) == (("a", "b"), NOW_NS + 2_000_000_000)


MODEL = parse_model(DEVICES % b"2.0")


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("T|a|1|b|x y", [Observation("a", 0, "1"), Observation("b", 0, "x y")]),
        ("T@100.5|a|1", [Observation("a", 0, "1")]),
        ("|a|1", [Observation("a", NOW_NS, "1")]),
        ("1234.5|a|1", [Observation("a", NOW_NS, "1")]),
        ("T|a||b|2|", [Observation("a", 0, ""), Observation("b", 0, "2")]),
        (
            "T|travel|fault|E1|1|HIGH|over|Xact|3",
            [Observation("travel", 0, "FAULT", 0, True, "E1"), Observation("Xact", 0, "3")],
        ),
        ("T|travel|NORMAL||||", [Observation("travel", 0, "NORMAL", 0, True, "")]),
        ("T|other|WARNING|E7|||hot", [Observation("other", 0, "WARNING", 0, True, "E7")]),
        ("T|msg|C1|open the door", [Observation("msg", 0, "open the door")]),
        ("T|vib|3|100|1 2 3", [Observation("vib", 0, "3")]),
        ("T|vars|102=5 103", [Observation("vars", 0, {"102": "5", "103": "UNAVAILABLE"})]),
        ("T|vars|UNAVAILABLE", [Observation("vars", 0, "UNAVAILABLE")]),
        (r'T|a|"x\|y"|b|1', [Observation("a", 0, "x|y"), Observation("b", 0, "1")]),
    ],
)
def test_lines_are_understood(line: str, seen: list[Observation]) -> None:
    stamped = line.replace("T", "1970-01-01T00:00:00Z", 1) if line.startswith("T") else line
    found = ShdrParser(MODEL).parse(stamped, NOW_NS)
    assert found.kind is Kind.DATA
    assert list(found.observations) == seen
    assert found.malformed == 0


def test_other_lines_are_told_apart() -> None:
    parser = ShdrParser(MODEL)
    kinds = {
        "": Kind.EMPTY,
        "* PONG 2500": Kind.PONG,
        "* device: x": Kind.COMMAND,
        "T|@ASSET@|1|CuttingTool|<x/>": Kind.ASSET,
        "T|@REMOVE_ALL_ASSETS@|CuttingTool": Kind.ASSET,
        "hello": Kind.MALFORMED,
        "yesterday|a|1": Kind.MALFORMED,
        "2022-01-01T00:00:00Z|a": Kind.MALFORMED,
    }
    assert {line: parser.parse(line, NOW_NS).kind for line in kinds} == kinds
    assert parser.parse("* PONG 2500", NOW_NS).heartbeat_s == 2.5
    half = parser.parse("2022-01-01T00:00:00Z|a|1|b", NOW_NS)
    assert (half.kind, half.malformed) == (Kind.DATA, 1)


def test_an_asset_of_several_lines_hides_nothing_after_it() -> None:
    parser = ShdrParser(MODEL)
    lines = ["T|@ASSET@|1|Tool|--multiline--AB", "<a>", "T|x|1", "--multiline--XY", "--multiline--AB", "|x|1"]
    assert Counter(parser.parse(line, NOW_NS).kind for line in lines) == {Kind.ASSET: 5, Kind.DATA: 1}


@given(
    st.lists(st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs",)), max_size=80)),
    st.integers(1, 9),
)
def test_lines_come_whole_out_of_any_pieces(lines: list[str], size: int) -> None:
    stream = "".join(f"{line}\r\n" for line in lines).encode()
    reader = LineReader()
    assert [line for at in range(0, len(stream), size) for line in reader.feed(stream[at : at + size])] == lines


def test_an_endless_line_is_given_up_and_the_next_is_read() -> None:
    reader = LineReader()
    for _ in range(5):
        assert list(reader.feed(b"x" * (LINE_BYTES_MAX // 2))) == []
        assert len(reader._buffer) <= LINE_BYTES_MAX
    assert list(reader.feed(b"tail\nnext\n")) == ["next"]
    assert reader.overlong == 1
    assert list(reader.feed(b"y" * (LINE_BYTES_MAX + 1) + b"\nlast\n")) == ["last"]
    assert reader.overlong == 2


@given(st.lists(st.text(max_size=120), max_size=12), st.booleans())
@example(["|a|" + '"' * 5000], True)
@example(["|vars|" + "{" * 5000], True)
@example(["|a|" + '"\\' * 3000], False)
def test_any_text_is_a_line_or_malformed(lines: list[str], with_model: bool) -> None:
    parser = ShdrParser(MODEL if with_model else None)
    interpreter = Interpreter([tag("a"), tag("travel"), tag("vars#1")])
    for text in lines:
        line = parser.parse(text, NOW_NS)
        for seen in line.observations:
            for value in interpreter.values(seen):
                assert (value.quality == Quality.BAD) is math.isnan(value.number)


@given(st.lists(st.text(st.characters(blacklist_characters='|"\\', blacklist_categories=("Cs",))), min_size=1))
def test_plain_fields_are_split_at_every_pipe(fields: list[str]) -> None:
    assert split_fields("|".join(fields)) == fields


def test_entries_of_data_sets_may_be_quoted() -> None:
    assert entries_of("a=1 b='x y' c=\"p q\" d={k v} e") == {
        "a": "1",
        "b": "x y",
        "c": "p q",
        "d": "{k v}",
        "e": "UNAVAILABLE",
    }


@pytest.mark.parametrize("heartbeat_s", [0.0, 0.001, 999_999.999])
def test_a_heartbeat_that_no_adapter_keeps_is_not_believed(heartbeat_s: float) -> None:
    link = AdapterLink("127.0.0.1", 7878, timeout_s=1.0, legacy_timeout_s=600.0)
    link.keep_heartbeat(heartbeat_s)
    assert link.heartbeat_s == 0.0
