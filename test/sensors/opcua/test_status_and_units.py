"""Tables against asyncua's, which come from the OPC Foundation's own files."""

from __future__ import annotations

from typing import Any

import asyncua.ua
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_sensors.reading import Quality
from workcell_sensors.sources.opcua_address import parse_address
from workcell_sensors.sources.opcua_status import NAMES, SPECIAL, name_of, overflowed, qualities_of
from workcell_sensors.sources.opcua_units import CODES, unit_id_of, unit_of
from workcell_sensors.units import conversion

ua: Any = asyncua.ua
FIELD_CODES = {
    "Good": Quality.GOOD,
    "GoodClamped": Quality.GOOD,
    "GoodLocalOverride": Quality.UNCERTAIN,
    "UncertainLastUsableValue": Quality.STALE,
    "UncertainNoCommunicationLastUsableValue": Quality.STALE,
    "UncertainSensorNotAccurate": Quality.UNCERTAIN,
    "UncertainSubNormal": Quality.UNCERTAIN,
    "UncertainInitialValue": Quality.BAD,
    "BadSensorFailure": Quality.BAD,
    "BadDeviceFailure": Quality.BAD,
    "BadNotConnected": Quality.BAD,
    "BadNoCommunication": Quality.BAD,
    "BadOutOfService": Quality.BAD,
    "BadWaitingForInitialData": Quality.BAD,
}


@pytest.mark.parametrize("name", sorted(FIELD_CODES))
def test_codes_that_field_values_carry(name: str) -> None:
    code = getattr(ua.StatusCodes, name)
    assert qualities_of(np.array([code], dtype=np.uint32)).tolist() == [FIELD_CODES[name]]


def test_every_name_and_special_code_is_the_standards() -> None:
    for code, name in NAMES.items():
        assert getattr(ua.StatusCodes, name) == code
    standard = {value for key, value in vars(ua.StatusCodes).items() if not key.startswith("_")}
    assert SPECIAL.keys() <= standard


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1))
def test_no_code_is_better_than_its_severity(codes: list[int]) -> None:
    qualities = qualities_of(np.array(codes, dtype=np.uint32)).tolist()
    for code, quality in zip(codes, qualities, strict=True):
        assert quality >= min(code >> 30, Quality.BAD)


def test_bits_that_tell_of_limits_and_of_lost_values() -> None:
    codes = np.array([0x0400, 0x0480, 0x0500, 0x0600, 0x0700], dtype=np.uint32)
    assert qualities_of(codes).tolist() == [0, 0, 1, 1, 0]
    assert overflowed(codes) == 1
    assert name_of(0x12345678) == "0x12345678"


@pytest.mark.parametrize("unit", sorted(CODES))
def test_every_unit_is_one_the_tag_table_knows_and_survives_the_way_there_and_back(unit: str) -> None:
    assert unit_of(unit_id_of(unit)) == unit
    if unit not in ("%", "degree/s"):
        conversion(unit, unit)


@given(st.integers(-(2**31), 2**31 - 1))
def test_no_unit_number_fails(unit_id: int) -> None:
    assert isinstance(unit_of(unit_id), str)


def test_an_address_by_uri_follows_the_namespace_wherever_it_goes() -> None:
    address = parse_address("nsu=urn:plant;s=a;b=[3];index=2")
    assert (address.identifier, address.element) == ("s=a;b=[3]", 2)
    assert address.index_in(["x", "urn:plant"]) == 1
    assert address.index_in(["x", "y", "urn:plant"]) == 2
    with pytest.raises(LookupError, match="no namespace urn:plant; it has x, y"):
        address.index_in(["x", "y"])


def test_an_address_by_index_is_pinned_to_the_uri_it_meant_first() -> None:
    pinned = parse_address("ns=1;i=5").pinned(["x", "urn:plant"])
    assert pinned.index_in(["x", "new", "urn:plant"]) == 2
    assert parse_address("i=2258").pinned(["x"]).index_in(["x"]) == 0


@pytest.mark.parametrize("text", ["", "s=", "ns=70000;s=a", "i=5000000000", "i=1;index=", "g=12", "nsu=;s=a"])
def test_what_is_no_address_is_told_what_one_is(text: str) -> None:
    with pytest.raises(ValueError, match="valid: nsu="):
        parse_address(text)
