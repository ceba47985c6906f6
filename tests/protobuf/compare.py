"""Random messages of random schemas, written by Google's Protobuf, read by ours: the same values.

compare.py PROTOBUF_FIELDS [SEED [SCHEMAS]]
"""

import base64
import datetime
import json
import math
import random
import struct
import subprocess
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf import any_pb2, duration_pb2, field_mask_pb2, struct_pb2  # noqa: F401
from google.protobuf import timestamp_pb2, wrappers_pb2  # noqa: F401

RECORDS = 12
DEEP_PATHS = 12  # into maps, lists and Google's structures, besides names
F = descriptor_pb2.FieldDescriptorProto
INTEGERS = {
    F.TYPE_INT32: (-(2**31), 2**31 - 1), F.TYPE_SINT32: (-(2**31), 2**31 - 1),
    F.TYPE_SFIXED32: (-(2**31), 2**31 - 1), F.TYPE_INT64: (-(2**63), 2**63 - 1),
    F.TYPE_SINT64: (-(2**63), 2**63 - 1), F.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    F.TYPE_UINT32: (0, 2**32 - 1), F.TYPE_FIXED32: (0, 2**32 - 1),
    F.TYPE_UINT64: (0, 2**64 - 1), F.TYPE_FIXED64: (0, 2**64 - 1),
}
NAMES = {F.TYPE_DOUBLE: "double", F.TYPE_FLOAT: "float", F.TYPE_BOOL: "bool",
         F.TYPE_STRING: "string", F.TYPE_BYTES: "bytes", F.TYPE_INT32: "int32",
         F.TYPE_SINT32: "sint32", F.TYPE_SFIXED32: "sfixed32", F.TYPE_INT64: "int64",
         F.TYPE_SINT64: "sint64", F.TYPE_SFIXED64: "sfixed64", F.TYPE_UINT32: "uint32",
         F.TYPE_FIXED32: "fixed32", F.TYPE_UINT64: "uint64", F.TYPE_FIXED64: "fixed64"}
SCALARS = list(NAMES)
WRAPPERS = ["DoubleValue", "FloatValue", "Int64Value", "UInt64Value", "Int32Value",
            "UInt32Value", "BoolValue", "StringValue", "BytesValue"]
GOOGLE = ["Timestamp", "Duration", "Struct", "Value", "ListValue", "FieldMask", "Any"] + WRAPPERS
FILES = ["timestamp", "duration", "struct", "wrappers", "any", "field_mask"]


class Schema:
    """As .proto text, from which Google's side has a descriptor of its own making."""

    def __init__(self, rng):
        self.rng = rng
        self.proto2 = rng.random() < 0.3
        self.file = descriptor_pb2.FileDescriptorProto(
            name=f"m{rng.getrandbits(60)}.proto", package=f"p{rng.getrandbits(60)}",
            syntax="proto2" if self.proto2 else "proto3",
            dependency=[f"google/protobuf/{name}.proto" for name in FILES])
        enumeration = self.file.enum_type.add(name="E")
        for number, name in enumerate(["ZERO", "ONE", "TWO"]):
            enumeration.value.add(name=name, number=number)
        self.text = [f'syntax = "{self.file.syntax}"; package {self.file.package};']
        self.text += [f'import "{name}";' for name in self.file.dependency]
        self.text.append("enum E { ZERO = 0; ONE = 1; TWO = 2; }")
        names = ["M", "A", "B"]
        for name in names:
            self.message(name, names)
        pool = descriptor_pool.Default()
        pool.Add(self.file)
        self.descriptor = pool.FindMessageTypeByName(f"{self.file.package}.M")

    def spelled(self):
        if self.rng.random() < 0.5:
            return "\n".join(self.text)
        return base64.b64encode(self.file.SerializeToString()).decode()

    def message(self, name, others):
        rng = self.rng
        message = self.file.message_type.add(name=name)
        self.text.append(f"message {name} {{")
        numbers = rng.sample([1, 2, 3, 4, 5, 15, 16, 17, 100, 2047, 2048, 5000, 2**29 - 1],
                             rng.randint(1, 9))
        for index, number in enumerate(numbers):
            self.field(message, f"f_{index}", number, others)
        if rng.random() < 0.6:
            message.oneof_decl.insert(0, descriptor_pb2.OneofDescriptorProto(name="choice"))
            for field in message.field:
                if field.HasField("oneof_index"):
                    field.oneof_index += 1
            self.text.append("oneof choice {")
            for index, number in enumerate([6, 7, 8]):
                kind, type_name, spelled = self.type(others)
                message.field.add(name=f"o_{index}", number=number, type=kind,
                                  type_name=type_name, label=F.LABEL_OPTIONAL, oneof_index=0)
                self.text.append(f"{spelled} o_{index} = {number};")
            self.text.append("}")
        self.text.append("}")

    def type(self, others):
        rng, package = self.rng, self.file.package
        pick = rng.random()
        if pick < 0.6:
            kind = rng.choice(SCALARS)
            return kind, None, NAMES[kind]
        if pick < 0.7:
            return F.TYPE_ENUM, f".{package}.E", "E"
        if pick < 0.85:
            name = rng.choice(others)
            return F.TYPE_MESSAGE, f".{package}.{name}", name
        name = rng.choice(GOOGLE)
        return F.TYPE_MESSAGE, f".google.protobuf.{name}", f"google.protobuf.{name}"

    def field(self, message, name, number, others):
        rng = self.rng
        kind, type_name, spelled = self.type(others)
        field = message.field.add(name=name, number=number, type=kind, type_name=type_name,
                                  label=F.LABEL_OPTIONAL)
        pick = rng.random()
        if pick < 0.25:
            field.label = F.LABEL_REPEATED
            options = ""
            if kind not in (F.TYPE_STRING, F.TYPE_BYTES, F.TYPE_MESSAGE) and rng.random() < 0.5:
                field.options.packed = rng.random() < 0.5
                options = f" [packed = {str(field.options.packed).lower()}]"
            self.text.append(f"repeated {spelled} {name} = {number}{options};")
        elif pick < 0.4:
            key = rng.choice([F.TYPE_STRING, F.TYPE_INT32, F.TYPE_UINT64, F.TYPE_BOOL,
                              F.TYPE_SINT64, F.TYPE_FIXED32])
            entry = message.nested_type.add(name="".join(
                part.capitalize() for part in name.split("_")) + "Entry")
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, type=key, label=F.LABEL_OPTIONAL)
            entry.field.add(name="value", number=2, type=kind, type_name=type_name,
                            label=F.LABEL_OPTIONAL)
            field.label = F.LABEL_REPEATED
            field.type = F.TYPE_MESSAGE
            field.type_name = f".{self.file.package}.{message.name}.{entry.name}"
            self.text.append(f"map<{NAMES[key]}, {spelled}> {name} = {number};")
        elif self.proto2:
            default = ""
            if kind in INTEGERS and rng.random() < 0.5:
                field.default_value = str(rng.choice(INTEGERS[kind]))
                default = f" [default = {field.default_value}]"
            self.text.append(f"optional {spelled} {name} = {number}{default};")
        elif pick < 0.6 and kind != F.TYPE_MESSAGE:
            field.proto3_optional = True
            field.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name="_" + name)
            self.text.append(f"optional {spelled} {name} = {number};")
        else:
            self.text.append(f"{spelled} {name} = {number};")


def scalar(rng, field):
    kind = field.type
    if kind in INTEGERS:
        low, high = INTEGERS[kind]
        return rng.choice([low, high, 0, 1, rng.randint(low, high), rng.randint(0, 300)])
    if kind == F.TYPE_DOUBLE:
        return rng.choice([0.0, -0.0, 1.5, math.inf, -math.inf, math.nan, 1e300, rng.random()])
    if kind == F.TYPE_FLOAT:
        number = rng.choice([0.0, 0.1, math.inf, math.nan, 1e30, rng.random()])
        return struct.unpack("f", struct.pack("f", number))[0]
    if kind == F.TYPE_BOOL:
        return rng.random() < 0.5
    if kind == F.TYPE_BYTES:
        return rng.randbytes(rng.randint(0, 20))
    if kind == F.TYPE_ENUM:
        return rng.randint(0, 2) if field.enum_type.is_closed else rng.randint(-1, 4)
    return "".join(rng.choice('ab"\\\n\x01zäß漢😀') for _ in range(rng.randint(0, 30)))


def fill_google(rng, message, depth):
    name = message.DESCRIPTOR.name
    if name == "Timestamp":
        message.seconds = rng.randint(-62135596800, 253402300799)
        message.nanos = rng.choice([0, 1, 999_999_999, 123_000_000, rng.randint(0, 999_999_999)])
    elif name == "Duration":
        sign = rng.choice([-1, 1])
        message.seconds = sign * rng.randint(0, 10**9)
        message.nanos = sign * rng.choice([0, 1, 500_000_000, rng.randint(0, 999_999_999)])
    elif name == "FieldMask":
        message.paths.extend(rng.sample(["a", "b.c", "long_name"], rng.randint(0, 3)))
    elif name == "Any":
        message.Pack(timestamp_pb2.Timestamp(seconds=rng.randint(0, 2**31)))
    else:
        return False
    return True


def fill(rng, message, depth=0):
    if fill_google(rng, message, depth):
        return
    fields = list(message.DESCRIPTOR.fields)
    if message.DESCRIPTOR.full_name == "google.protobuf.Value":
        fields = [rng.choice(fields[:4] if depth > 3 else fields)]
    for field in fields:
        if rng.random() < 0.3 and len(fields) > 1:
            continue
        if depth > 4 and field.message_type is not None:
            continue
        many = rng.randint(0, 4) if depth < 3 else 1
        value = getattr(message, field.name)
        if field.is_repeated and field.message_type and field.message_type.GetOptions().map_entry:
            key_field, value_field = field.message_type.fields
            for _ in range(many):
                key = scalar(rng, key_field)
                if value_field.message_type is not None:
                    fill(rng, value[key], depth + 1)
                else:
                    value[key] = scalar(rng, value_field)
        elif field.is_repeated:
            for _ in range(many):
                if field.message_type is not None:
                    fill(rng, value.add(), depth + 1)
                else:
                    value.append(scalar(rng, field))
        elif field.message_type is not None:
            value.SetInParent()
            fill(rng, value, depth + 1)
        elif field.full_name == "google.protobuf.Value.null_value":
            message.null_value = 0
        else:
            setattr(message, field.name, scalar(rng, field))


def is_map(field):
    return (field.is_repeated and field.message_type is not None
            and field.message_type.GetOptions().map_entry)


def as_json(field, value):
    """One value as it shall stand in JSON."""
    if field.type in (F.TYPE_DOUBLE, F.TYPE_FLOAT) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if field.type == F.TYPE_BYTES:
        return "\\x" + value.hex()
    if field.type == F.TYPE_ENUM:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else value
    return message_as_json(value) if field.message_type is not None else value


def key_as_json(key):
    return str(key).lower() if isinstance(key, bool) else str(key)


def all_as_json(message, field):
    value = getattr(message, field.name)
    if is_map(field):
        of = field.message_type.fields_by_name["value"]
        return {key_as_json(key): as_json(of, value[key]) for key in value}
    if field.is_repeated:
        return [as_json(field, each) for each in value]
    return as_json(field, value)


def is_shown(message, field):
    if field.is_repeated or not field.has_presence or field.has_default_value:
        return True
    return message.HasField(field.name)


def clock(micros):
    seconds, fraction = divmod(micros, 10**6)
    digits = f".{fraction:06}".rstrip("0") if fraction else ""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{digits}"


def micros_of(message):
    """Cut: of a time downwards, of a duration towards none."""
    nanos = message.seconds * 10**9 + message.nanos
    if message.DESCRIPTOR.name == "Timestamp" or nanos > 0:
        return nanos // 1000
    return -(-nanos // 1000)


def time_as_json(message):
    days, micros = divmod(micros_of(message), 86400 * 10**6)
    day = datetime.date(1970, 1, 1) + datetime.timedelta(days=days)
    return f"{day.isoformat()} {clock(micros)}+00"


def message_as_json(message):
    name = message.DESCRIPTOR.full_name
    short = name.removeprefix("google.protobuf.")
    if short == name:
        return {field.name: all_as_json(message, field) for field in message.DESCRIPTOR.fields
                if is_shown(message, field)}
    if short == "Timestamp":
        return time_as_json(message)
    if short == "Duration":
        micros = micros_of(message)
        return ("-" if micros < 0 else "") + clock(abs(micros))
    if short in WRAPPERS:
        return all_as_json(message, message.DESCRIPTOR.fields[0])
    if short == "FieldMask":
        return json.loads(json_format.MessageToJson(message))
    if short == "Any":
        if not message.type_url:
            return {"@type": "", "value": "\\x"}
        inside = timestamp_pb2.Timestamp()
        message.Unpack(inside)
        return {"@type": message.type_url, "value": time_as_json(inside)}
    if short in ("Struct", "ListValue"):
        return all_as_json(message, message.DESCRIPTOR.fields[0])
    kind = message.WhichOneof("kind")
    if kind in (None, "null_value"):
        return None
    return all_as_json(message, message.DESCRIPTOR.fields_by_name[kind])


def scalar_slot(field, value):
    if field.type in INTEGERS:
        if value >= 2**63:
            return ["decimal", "00" + value.to_bytes(8, "big").hex()]
        return ["integer", value]
    if field.type == F.TYPE_BOOL:
        return ["boolean", int(value)]
    if field.type in (F.TYPE_DOUBLE, F.TYPE_FLOAT):
        return ["real", value]
    if field.type == F.TYPE_BYTES:
        return ["bytes", value.hex()]
    if field.type == F.TYPE_ENUM:
        shown = as_json(field, value)
        return ["text" if isinstance(shown, str) else "integer", shown]
    return ["text", value]


def slot(message, field):
    """The kind and the value that a column shall get."""
    if message is None or not is_shown(message, field):
        return ["null", 0]
    if field.is_repeated:
        return ["json", all_as_json(message, field)]
    return single_slot(field, getattr(message, field.name))


def single_slot(field, value):
    if field.message_type is None:
        return scalar_slot(field, value)
    name = field.message_type.full_name
    if name == "google.protobuf.Timestamp":
        return ["instant", micros_of(value)]
    if name == "google.protobuf.Duration":
        return ["interval", micros_of(value).to_bytes(8, "big", signed=True).hex() + "0" * 16]
    if name.removeprefix("google.protobuf.") in WRAPPERS and name.startswith("google."):
        return scalar_slot(field.message_type.fields[0], value.value)
    shown = message_as_json(value)
    return ["null", 0] if shown is None else ["json", shown]


def names_of(descriptor):
    """Names, the record itself, and a level below."""
    paths = {()}
    for field in descriptor.fields:
        paths.add((field.name,))
        if field.message_type is not None and not field.is_repeated:
            if not field.message_type.full_name.startswith("google."):
                paths |= {(field.name, inner.name) for inner in field.message_type.fields}
    return paths


def members(message):
    """What paths lead to within it: a name, its field, and the message that has it, or a value."""
    short = message.DESCRIPTOR.full_name.removeprefix("google.protobuf.")
    if short in ("Struct", "ListValue"):
        yield from elements(message, message.DESCRIPTOR.fields[0])
    elif short == "Value":
        kind = message.WhichOneof("kind")
        if kind in ("struct_value", "list_value"):
            yield from members(getattr(message, kind))
    elif not message.DESCRIPTOR.full_name.startswith("google."):
        for field in message.DESCRIPTOR.fields:
            yield field.name, field, message, True


def elements(message, field):
    values = getattr(message, field.name)
    if is_map(field):
        of = field.message_type.fields_by_name["value"]
        for key in values:
            yield key_as_json(key), of, values[key], False
    else:
        for index, value in enumerate(values):
            yield str(index), field, value, False


def below(_, field, found, is_member):
    if is_member and field.is_repeated:
        return elements(found, field)
    if field.message_type is None or (is_member and not found.HasField(field.name)):
        return ()
    return members(getattr(found, field.name) if is_member else found)


def paths_in(parts, path=()):
    for part in parts:
        name = part[0]
        if name.isprintable() and name != "" and not set(name) & set("/~\t"):
            yield (*path, name)
            if len(path) < 4:
                yield from paths_in(below(*part), (*path, name))


def expected(message, path):
    if not path:
        return ["json", message_as_json(message)]
    parts = members(message)
    for depth, token in enumerate(path):
        part = next((part for part in parts if part[0] == token), None)
        if part is None:
            return ["null", 0]
        if depth + 1 < len(path):
            parts = below(*part)
    _, field, found, is_member = part
    return slot(found, field) if is_member else single_slot(field, found)


def same(ours, theirs):
    if isinstance(theirs, float) and not isinstance(theirs, bool):
        number = float(ours)
        if math.isnan(theirs):
            return math.isnan(number)
        if number == theirs:
            return True
        try:
            return struct.pack("f", number) == struct.pack("f", theirs)
        except OverflowError:
            return False
    if isinstance(theirs, dict):
        return isinstance(ours, dict) and ours.keys() == theirs.keys() and all(
            same(ours[key], theirs[key]) for key in theirs)
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(ours) == len(theirs) and all(
            same(a, b) for a, b in zip(ours, theirs))
    return type(ours) is type(theirs) and ours == theirs


def main():
    program = sys.argv[1]
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 250
    rng = random.Random(seed)
    lines, wanted = [], []
    for _ in range(count):
        schema = Schema(rng)
        spelled = schema.spelled()
        cls = message_factory.GetMessageClass(schema.descriptor)
        records = []
        for _ in range(RECORDS):
            first, second = cls(), cls()
            fill(rng, first)
            record = first.SerializeToString()
            if rng.random() < 0.3:
                fill(rng, second)
                record += second.SerializeToString()
            read = cls()
            read.ParseFromString(record)
            records.append((record, read))
        deep = {path for _, read in records for path in paths_in(members(read))}
        paths = sorted(names_of(schema.descriptor) |
                       set(rng.sample(sorted(deep), min(len(deep), DEEP_PATHS))))
        lines.append("S" + spelled.encode().hex())
        lines.append("W" + "\t".join("/" + "/".join(path) for path in paths))
        for record, read in records:
            lines.append("R" + record.hex())
            wanted.append((spelled, record, read, paths))
    answer = subprocess.run([program], input="\n".join(lines) + "\n", text=True, check=True,
                            stdout=subprocess.PIPE).stdout.splitlines()
    if len(answer) != len(wanted):
        sys.exit(f"seed {seed}: {len(wanted)} records, {len(answer)} answers")
    wrong = values = 0
    for line, (spelled, record, read, paths) in zip(answer, wanted):
        ours = json.loads(line)
        for index, path in enumerate(paths):
            theirs = expected(read, path)
            values += 1
            if not isinstance(ours, str) and same(ours[index], theirs):
                continue
            wrong += 1
            if wrong <= 3:
                found = ours if isinstance(ours, str) else ours[index]
                print(f"/{'/'.join(path)} is {found}, not {theirs}\nrecord {record.hex()}\n{spelled}\n")
    print(f"seed {seed}: {len(wanted)} records, {values} values, {wrong} of them wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
