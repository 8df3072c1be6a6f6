"""The statements of the specification about what stands in payloads."""

from __future__ import annotations

import dataclasses

import pytest
from stage import NODE_ID, T0, T0_MS, S, Stage, values
from statements import statements

from workcell_sensors.sparkplug.births import BirthTable
from workcell_sensors.sparkplug.codec import decode, encode
from workcell_sensors.sparkplug.datatypes import BASIC_TYPES, PROPERTY_TYPES, DataType
from workcell_sensors.sparkplug.payload import (
    DataSet,
    Metric,
    Parameter,
    Payload,
    Property,
    Template,
    Value,
    make_metric,
    quality_property,
)
from workcell_sensors.sparkplug.schema import PayloadMessage
from workcell_sensors.sparkplug.topic import MessageType, Topic

TABLE = DataSet(("a", "b"), (DataType.INT8, DataType.STRING), ((-1, "x"), (None, "y")))


def wire(metric: Metric) -> object:
    """Returns a metric's protobuf message as it is sent."""
    return PayloadMessage.FromString(encode(Payload((metric,)))).metrics[0]


@statements("payloads-propertyset-keys-array-size", "payloads-propertyset-values-array-size")
def test_a_property_set_has_as_many_keys_as_values(statement: str) -> None:
    properties = (Property("low", DataType.DOUBLE, 1.0), Property("note", DataType.STRING, None))
    message = wire(make_metric("m", DataType.INT8, 1, properties=properties))
    assert list(message.properties.keys) == ["low", "note"]  # type: ignore[attr-defined]
    assert len(message.properties.values) == 2  # type: ignore[attr-defined]
    message.properties.keys.append("alone")  # type: ignore[attr-defined]
    payload = PayloadMessage()
    payload.metrics.append(message)
    with pytest.raises(ValueError, match="neither a value"):
        decode(payload.SerializeToString()).metrics[0].value(DataType.INT8)


@statements("payloads-metric-propertyvalue-type-type", "payloads-metric-propertyvalue-type-value")
@pytest.mark.parametrize("kind", sorted(set(DataType) - PROPERTY_TYPES))
def test_a_property_has_one_of_the_types_for_properties(statement: str, kind: DataType) -> None:
    with pytest.raises(ValueError, match=r"type|value"):
        encode(Payload((make_metric("m", DataType.INT8, 1, properties=(Property("p", kind, b""),)),)))  # type: ignore[arg-type]


@statements("payloads-dataset-column-size", "payloads-dataset-column-num-headers", "payloads-dataset-types-def",
            "payloads-dataset-types-num", "payloads-dataset-types-type", "payloads-dataset-types-value",
            "payloads-dataset-parameter-type-req", "payloads-template-dataset-value")  # fmt: skip
def test_a_data_set_says_its_columns_and_their_types(statement: str) -> None:
    message = wire(make_metric("t", DataType.DATA_SET, TABLE))
    sent = message.dataset_value  # type: ignore[attr-defined]
    assert (sent.num_of_columns, list(sent.columns), list(sent.types)) == (2, ["a", "b"], [1, 12])
    assert [[e.WhichOneof("value") for e in row.elements] for row in sent.rows] == [
        ["int_value", "string_value"],
        [None, "string_value"],
    ]
    for types in ((), (DataType.INT8,)):
        with pytest.raises(ValueError, match="types"):
            dataclasses.replace(TABLE, types=types)


@pytest.mark.parametrize("kind", sorted(set(DataType) - BASIC_TYPES - {DataType.UNKNOWN, DataType.UUID}))
def test_a_column_of_no_basic_type_is_refused(kind: DataType) -> None:
    with pytest.raises(ValueError, match=r"value|type"):
        encode(Payload((make_metric("t", DataType.DATA_SET, DataSet(("a",), (kind,), ((1,),))),)))


# -- templates: the cell's edge node publishes none, a host application reads those of others

MOTOR = Template(
    metrics=(make_metric("speed", DataType.DOUBLE, 0.0), make_metric("on", DataType.BOOLEAN, None)),
    parameters=(Parameter("maker", DataType.STRING, "none"), Parameter("poles", DataType.INT32)),
    version="1.0",
    is_definition=True,
)
INSTANCE = dataclasses.replace(MOTOR, is_definition=False, template_ref="Motor", version=None)


@statements("payloads-template-is-definition", "payloads-template-is-definition-definition",
            "payloads-template-definition-is-definition", "payloads-template-definition-ref",
            "payloads-template-ref-definition", "payloads-template-version",
            "payloads-template-definition-parameters-default")  # fmt: skip
def test_a_definition_says_that_it_is_one_and_refers_to_none(statement: str) -> None:
    sent = wire(make_metric("Motor", DataType.TEMPLATE, MOTOR)).template_value  # type: ignore[attr-defined]
    assert (sent.HasField("is_definition"), sent.is_definition, sent.HasField("template_ref")) == (True, True, False)
    assert (sent.version, sent.parameters[0].string_value, sent.parameters[1].WhichOneof("value")) == (
        "1.0",
        "none",
        None,
    )
    with pytest.raises(ValueError, match="template_ref"):
        dataclasses.replace(MOTOR, template_ref="Motor")


@statements("payloads-template-is-definition-instance", "payloads-template-instance-is-definition",
            "payloads-template-instance-ref", "payloads-template-ref-instance",
            "payloads-template-instance-parameters")  # fmt: skip
def test_an_instance_says_that_it_is_one_and_of_what(statement: str) -> None:
    sent = wire(make_metric("pump", DataType.TEMPLATE, INSTANCE)).template_value  # type: ignore[attr-defined]
    assert (sent.HasField("is_definition"), sent.is_definition, sent.template_ref) == (True, False, "Motor")
    with pytest.raises(ValueError, match="template_ref"):
        dataclasses.replace(INSTANCE, template_ref=None)


@statements("payloads-template-parameter-name-required", "payloads-template-parameter-name-type",
            "payloads-template-parameter-value-type", "payloads-template-parameter-type-value",
            "payloads-template-parameter-type-req", "payloads-template-parameter-value")  # fmt: skip
def test_a_parameter_has_a_name_and_a_basic_type(statement: str) -> None:
    sent = wire(make_metric("Motor", DataType.TEMPLATE, MOTOR)).template_value.parameters  # type: ignore[attr-defined]
    assert [(parameter.name, parameter.type) for parameter in sent] == [("maker", 12), ("poles", 3)]
    for name, kind in (("", DataType.INT8), ("p", DataType.BYTES), ("p", 0), ("p", 99)):
        with pytest.raises(ValueError, match=r"name|type"):
            Parameter(name, kind)


def births(*metrics: Metric) -> list[tuple[str, object]]:
    stage = Stage()
    topic = str(Topic(MessageType.NBIRTH, NODE_ID))
    return values(stage.host.message(0, topic, encode(Payload(metrics, T0_MS, 0)), T0).events)


def test_members_of_an_instance_are_metrics_of_their_own_and_definitions_are_none() -> None:
    motor, pump = make_metric("Motor", DataType.TEMPLATE, MOTOR), make_metric("pump", DataType.TEMPLATE, INSTANCE)
    assert births(motor, pump) == [("plant/cell1#pump/speed", 0.0), ("plant/cell1#pump/on", None)]


@statements("payloads-template-instance-members-data")
def test_data_may_have_some_members_only_by_alias_or_name(statement: str) -> None:
    stage = Stage()
    pump = make_metric("pump", DataType.TEMPLATE, INSTANCE, alias=7, timestamp_ms=T0_MS)
    stage.host.message(0, str(Topic(MessageType.NBIRTH, NODE_ID)), encode(Payload((pump,), T0_MS, 0)), T0)
    part = dataclasses.replace(INSTANCE, metrics=(make_metric("speed", DataType.DOUBLE, 9.0),))
    for seq, (name, alias) in enumerate(((None, 7), ("pump", None), ("pump", 7)), start=1):
        data = make_metric(name, DataType.TEMPLATE, part, alias=alias, timestamp_ms=T0_MS + seq)
        payload = encode(Payload((data,), T0_MS, seq))
        outcome = stage.host.message(0, str(Topic(MessageType.NDATA, NODE_ID)), payload, T0 + S)
        assert values(outcome.events) == [("plant/cell1#pump/speed", 9.0)]


def test_a_template_nested_without_end_is_refused() -> None:
    value: Value = make_metric("leaf", DataType.INT8, 1).value()
    metric = make_metric("leaf", DataType.INT8, value)
    for _ in range(12):
        metric = make_metric("t", DataType.TEMPLATE, Template((metric,), template_ref="T"))
    updates, refused = BirthTable("plant/cell1").declare(Payload((metric,)))
    assert (updates, refused) == ([], 1)


def test_what_a_birth_says_twice_or_without_a_type_is_refused() -> None:
    metrics = (
        make_metric("a", DataType.INT8, 1, alias=1),
        make_metric("a", DataType.INT8, 2, alias=2),
        make_metric("b", DataType.INT8, 1, alias=1),
        make_metric("c", DataType.INT8, 1)._replace(datatype=None),
        make_metric(None, DataType.INT8, 1, alias=5),
    )
    table = BirthTable("plant/cell1")
    updates, refused = table.declare(Payload(metrics))
    assert ([update.declared.name for update in updates], refused) == (["a"], 4)


def test_quality_comes_with_the_value() -> None:
    metric = make_metric("m", DataType.DOUBLE, 1.0, properties=quality_property(500))
    assert decode(encode(Payload((metric,)))).metrics[0].quality() == 500
