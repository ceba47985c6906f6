"""typed_row.py BROKERS TOPIC FOLDER avro|protobuf: one record with a field for each row of the table of
types in docs/formats.md, by fastavro or Google's Protobuf, to the topic; its schema to the folder.
Prints a line for each column: its name, its field, its type, and its text in the database."""

import base64
import io
import json
import pathlib
import struct
import sys
import uuid

import fastavro
from confluent_kafka import Producer

UUID = "00112233-4455-6677-8899-aabbccddeeff"
SCALED = {"type": "record", "name": "io.debezium.data.VariableScaleDecimal", "fields": [
    {"name": "scale", "type": "int"}, {"name": "value", "type": "bytes"}]}
POINT = {"type": "record", "name": "point", "fields": [
    {"name": "x", "type": "int"}, {"name": "name", "type": ["null", "string"]}]}


def logical(type_, meaning, **more):
    return {"type": type_, "logicalType": meaning, **more}


def connect(type_, name):
    return {"type": type_, "connect.name": "io.debezium." + name}


# name, type, what fastavro writes, then each column's type and text; NULL is its text.
AVRO = [
    ("nothing", "null", None, ("int", "NULL"), ("text", "NULL")),
    ("union_null", ["null", "int"], None, ("int", "NULL")),
    ("whole", "int", -7, ("smallint", "-7"), ("int", "-7"), ("numeric", "-7"), ("text", "-7")),
    ("large", "long", 2**63 - 1, ("bigint", "9223372036854775807"),
     ("numeric(20,1)", "9223372036854775807.0"), ("double precision", "9.223372036854776e+18")),
    ("short", "float", 0.1, ("real", "0.1"), ("double precision", "0.1"), ("numeric", "0.1")),
    ("real", "double", -1.5e300, ("double precision", "-1.5e+300")),
    ("nan", "double", float("nan"), ("double precision", "NaN"), ("numeric", "NaN")),
    ("yes", "boolean", True, ("boolean", "true"), ("text", "true")),
    ("words", "string", 'a "ü" \\', ("text", 'a "ü" \\'), ("varchar(10)", 'a "ü" \\')),
    ("digits", "string", "12.50", ("numeric", "12.50")),
    ("symbol", {"type": "enum", "name": "e", "symbols": ["A", "B"]}, "B", ("text", "B")),
    ("raw", "bytes", b"\x00\xff", ("bytea", "\\x00ff")),
    ("raw_text", "bytes", "ü".encode(), ("text", "ü"), ("bytea", "\\xc3bc")),
    ("fixed", {"type": "fixed", "name": "f", "size": 2}, b"\x00\xff", ("bytea", "\\x00ff")),
    ("amount", logical("bytes", "decimal", precision=40, scale=2), (-12345).to_bytes(3, "big", signed=True),
     ("numeric", "-123.45"), ("numeric(10,1)", "-123.5"), ("text", "-123.45")),
    ("fixed_amount", logical("fixed", "decimal", name="d", size=9, precision=20, scale=3),
     (10**20).to_bytes(9, "big", signed=True), ("numeric", "100000000000000000.000")),
    ("scaled", SCALED, {"scale": 1, "value": b"\x7b"}, ("numeric", "12.3")),
    ("day", logical("int", "date"), -1, ("date", "1969-12-31"), ("text", "1969-12-31")),
    ("debezium_day", connect("int", "time.Date"), 0, ("date", "1970-01-01")),
    ("millis", logical("int", "time-millis"), 86_399_999, ("time", "23:59:59.999")),
    ("micros", logical("long", "time-micros"), 1, ("time", "00:00:00.000001")),
    ("at_millis", logical("long", "timestamp-millis"), -1, ("timestamptz", "1969-12-31 23:59:59.999+00")),
    ("at_micros", logical("long", "timestamp-micros"), 1_769_860_800_123_456,
     ("timestamptz", "2026-01-31 12:00:00.123456+00"), ("timestamp", "2026-01-31 12:00:00.123456")),
    ("at_nanos", logical("long", "timestamp-nanos"), 1_769_860_800_123_456_789,
     ("timestamptz", "2026-01-31 12:00:00.123456+00")),
    ("local", logical("long", "local-timestamp-millis"), 1_769_860_800_123, ("timestamp", "2026-01-31 12:00:00.123")),
    ("debezium_at", connect("long", "time.MicroTimestamp"), 1_769_860_800_123_456,
     ("timestamp", "2026-01-31 12:00:00.123456")),
    ("debezium_nanos", connect("long", "time.NanoTimestamp"), 1_769_860_800_123_456_789,
     ("timestamp", "2026-01-31 12:00:00.123456")),
    ("token", logical("fixed", "uuid", name="u", size=16), uuid.UUID(UUID).bytes, ("uuid", UUID), ("text", UUID)),
    ("token_text", "string", UUID, ("uuid", UUID)),
    ("length", logical("fixed", "duration", name="l", size=12), struct.pack("<III", 14, 3, 90_500),
     ("interval", "1 year 2 mons 3 days 00:01:30.5")),
    ("micro_length", connect("long", "time.MicroDuration"), 90_500_000, ("interval", "00:01:30.5")),
    ("numbers", {"type": "array", "items": "long"}, [1, -2], ("bigint[]", "{1,-2}"), ("jsonb", "[1, -2]"),
     ("json", "[1,-2]"), ("text", "[1,-2]")),
    ("labels", {"type": "array", "items": ["null", "string"]}, ["x, y", None], ("text[]", '{"x, y",NULL}')),
    ("counts", {"type": "map", "values": "int"}, {"a": 1}, ("jsonb", '{"a": 1}')),
    ("point", POINT, {"x": 5, "name": None}, ("jsonb", '{"x": 5, "name": null}'), ("text", '{"x":5,"name":null}')),
    ("point/x", None, None, ("int", "5")),
    ("several", ["int", "string", "boolean"], "12", ("int", "12"), ("text", "12")),
    ("unknown", logical("long", "no-such-type"), 3, ("int", "3")),
]


def avro(folder):
    fields = [(name, type_, value) for name, type_, value, *_ in AVRO if "/" not in name]
    schema = {"type": "record", "name": "row", "fields": [
        {"name": name, "type": type_} for name, type_, _ in fields]}
    (folder / "row.avsc").write_text(json.dumps(schema))
    bytes_ = io.BytesIO()
    # Without meanings: what is written are the numbers that they stand on.
    plain = {**schema, "fields": [{"name": name, "type": without_meaning(type_)}
                                  for name, type_, _ in fields]}
    fastavro.schemaless_writer(bytes_, fastavro.parse_schema(plain),
                               {name: value for name, _, value in fields})
    return bytes_.getvalue(), [(name, columns) for name, _, _, *columns in AVRO]


def without_meaning(type_):
    if isinstance(type_, dict):
        kept = {key: value for key, value in type_.items() if key not in ("logicalType", "connect.name")}
        return kept if "name" in kept or "items" in kept or "values" in kept else kept["type"]
    return type_


# name, Protobuf's type, what is set, columns.
PROTOBUF = [
    ("i32", "int32", -7, ("int", "-7")),
    ("s32", "sint32", -7, ("int", "-7")),
    ("sf32", "sfixed32", -7, ("int", "-7")),
    ("u32", "uint32", 2**32 - 1, ("bigint", "4294967295")),
    ("f32", "fixed32", 2**32 - 1, ("bigint", "4294967295")),
    ("i64", "int64", -2**63, ("bigint", "-9223372036854775808")),
    ("s64", "sint64", -2**63, ("bigint", "-9223372036854775808")),
    ("sf64", "sfixed64", -2**63, ("bigint", "-9223372036854775808")),
    ("u64", "uint64", 2**64 - 1, ("numeric", "18446744073709551615")),
    ("f64", "fixed64", 2**64 - 1, ("numeric", "18446744073709551615"), ("text", "18446744073709551615")),
    ("real", "double", -1.5e300, ("double precision", "-1.5e+300")),
    ("short", "float", 0.1, ("real", "0.1"), ("double precision", "0.1")),
    ("yes", "bool", True, ("boolean", "true")),
    ("words", "string", "ü", ("text", "ü")),
    ("zero", "int32", None, ("int", "0")),
    ("empty", "string", None, ("text", "")),
    ("absent", "optional int32", None, ("int", "NULL")),
    ("raw", "bytes", b"\x00\xff", ("bytea", "\\x00ff")),
    ("color", "Color", 7, ("text", "BLUE")),
    ("no_color", "Color", 12, ("text", "12")),
    ("at", "google.protobuf.Timestamp", (1_769_860_800, 123_456_789), ("timestamptz", "2026-01-31 12:00:00.123456+00")),
    ("length", "google.protobuf.Duration", (90, 500_000_000), ("interval", "00:01:30.5")),
    ("wrapped", "google.protobuf.Int64Value", 5, ("bigint", "5")),
    ("no_wrapped", "google.protobuf.Int64Value", None, ("bigint", "NULL")),
    ("packed", "repeated int32", [1, -2], ("int[]", "{1,-2}"), ("jsonb", "[1, -2]")),
    ("labels", "repeated string", ["x, y", ""], ("text[]", '{"x, y",""}'), ("text", '["x, y",""]')),
    ("counts", "map", {"a": 1}, ("jsonb", '{"a": 1}')),
    ("point", "Point", 5, ("jsonb", '{"x": 5}'), ("text", '{"x":5}')),
    ("point/x", None, None, ("int", "5")),
    ("no_point", "Point", None, ("jsonb", "NULL")),
    ("one", "oneof int32", None, ("int", "NULL")),
    ("other", "oneof string", "x", ("text", "x")),
    ("doc", "google.protobuf.Struct", {"a": [1, None]}, ("jsonb", '{"a": [1, null]}')),
    ("anything", "google.protobuf.Value", 1.5, ("jsonb", "1.5")),
    ("list", "google.protobuf.ListValue", [True], ("jsonb", "[true]")),
    ("any", "google.protobuf.Any", None, ("jsonb", '{"x": 6, "@type": "type.googleapis.com/Point"}')),
]


def protobuf(folder):
    from google.protobuf import (any_pb2, descriptor_pb2, descriptor_pool, duration_pb2,  # noqa: F401
                                 message_factory, struct_pb2, timestamp_pb2, wrappers_pb2)

    of = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="row.proto", syntax="proto3", dependency=[
        f"google/protobuf/{name}.proto" for name in ("any", "duration", "struct", "timestamp", "wrappers")])
    colors = file.enum_type.add(name="Color")
    colors.value.add(name="RED", number=0)
    colors.value.add(name="BLUE", number=7)
    row = file.message_type.add(name="Row")
    file.message_type.add(name="Point").field.add(
        name="x", number=1, type=of.TYPE_INT32, label=of.LABEL_OPTIONAL)
    row.oneof_decl.add(name="choice")
    entry = row.nested_type.add(name="CountsEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=of.TYPE_STRING, label=of.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=of.TYPE_INT32, label=of.LABEL_OPTIONAL)
    for number, (name, type_, *_) in enumerate(PROTOBUF, 1):
        if type_ is None:
            continue
        how, _, bare = type_.rpartition(" ")
        field = row.field.add(name=name, number=number, label=of.LABEL_OPTIONAL)
        if how == "repeated" or bare == "map":
            field.label = of.LABEL_REPEATED
        if bare == "map":
            field.type, field.type_name = of.TYPE_MESSAGE, ".Row.CountsEntry"
        elif bare == "Color":
            field.type, field.type_name = of.TYPE_ENUM, ".Color"
        elif bare == "Point" or bare.startswith("google"):
            field.type, field.type_name = of.TYPE_MESSAGE, "." + bare
        else:
            field.type = getattr(of, "TYPE_" + bare.upper())
        if how == "oneof":
            field.oneof_index = 0
        if how == "optional":
            field.proto3_optional = True
            field.oneof_index = 1
    row.oneof_decl.add(name="_absent")
    pool = descriptor_pool.Default()
    pool.Add(file)
    Row = message_factory.GetMessageClass(pool.FindMessageTypeByName("Row"))
    Point = message_factory.GetMessageClass(pool.FindMessageTypeByName("Point"))
    record = Row()
    for name, type_, value, *_ in PROTOBUF:
        if name == "any":
            record.any.Pack(Point(x=6))
        if value is None:
            continue
        place = getattr(record, name)
        if name in ("at", "length"):
            place.seconds, place.nanos = value
        elif name == "wrapped":
            place.value = value
        elif name == "point":
            place.x = value
        elif name in ("doc", "counts"):
            place.update(value)
        elif name == "anything":
            place.number_value = value
        elif name in ("list", "packed", "labels"):
            place.extend(value)
        else:
            setattr(record, name, value)
    (folder / "row.proto").write_text(base64.b64encode(file.SerializeToString()).decode())
    return record.SerializeToString(), [(name, columns) for name, _, _, *columns in PROTOBUF]


def main():
    brokers, topic, folder, kind = sys.argv[1:5]
    record, fields = (avro if kind == "avro" else protobuf)(pathlib.Path(folder))
    for name, columns in fields:
        for number, (type_, text) in enumerate(columns):
            column = name.replace("/", "_") + f"_{number}"
            source = "/" + name if "/" in name else name
            print(column, source, type_, text, sep="\t")
    producer = Producer({"bootstrap.servers": brokers})
    producer.produce(topic, record)
    if producer.flush(30) != 0:
        sys.exit("not delivered")


main()
