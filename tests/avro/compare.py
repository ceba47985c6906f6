"""compare.py AVRO_FIELDS: random schemas and values, thousands, written by fastavro; what our
decoder finds in them is what was put there. A number as second argument is the seed."""

import datetime
import io
import json
import random
import struct
import subprocess
import sys
import uuid
from decimal import Decimal, getcontext

import fastavro

SCHEMAS = 700
RECORDS = 8
DAY = 86_400_000_000
FIRST = -62_135_596_800_000_000  # the years 1 to 9999, in microseconds
LAST = 253_402_300_799_999_999
getcontext().prec = 100


class Typed:
    """A value with a type: `text` as the database would write it, or a number."""

    def __init__(self, value):
        self.value = value


class Bytes:
    def __init__(self, value):
        self.value = value


def short(number):
    """As float32 holds it."""
    return struct.unpack("<f", struct.pack("<f", number))[0]


def clock(microseconds):
    seconds, fraction = divmod(microseconds, 1_000_000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return text + f".{fraction:06}".rstrip("0") if fraction else text


def moment(microseconds, zone):
    days, rest = divmod(microseconds, DAY)
    day = datetime.date(1970, 1, 1) + datetime.timedelta(days)
    return f"{day.isoformat()} {clock(rest)}{zone}"


class Schemas:
    def __init__(self, rng):
        self.rng = rng
        self.names = 0

    def name(self, kind):
        self.names += 1
        return f"{kind}{self.names}"

    def annotated(self, type_, **more):
        """In one of the places where writers put it."""
        place = self.rng.randrange(2)
        return {"type": type_, **more} if place == 0 else {"type": {"type": type_}, **more}

    def logical(self):
        rng = self.rng
        return rng.choice([
            lambda: self.annotated("int", logicalType="date"),
            lambda: self.annotated("int", logicalType="time-millis"),
            lambda: self.annotated("long", logicalType="time-micros"),
            lambda: self.annotated("long", logicalType="timestamp-millis"),
            lambda: self.annotated("long", logicalType="timestamp-micros"),
            lambda: self.annotated("long", logicalType="timestamp-nanos"),
            lambda: self.annotated("long", logicalType="local-timestamp-millis"),
            lambda: self.annotated("long", logicalType="local-timestamp-micros"),
            lambda: {"type": "int", "connect.name": "io.debezium.time.Date"},
            lambda: {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"},
            lambda: {"type": "long", "connect.name": "io.debezium.time.MicroTime"},
            lambda: {"type": "bytes", "logicalType": "decimal", "precision": 38,
                     "scale": rng.randrange(10)},
            lambda: {"type": "fixed", "name": self.name("d"), "size": rng.choice([4, 8, 9, 16, 20]),
                     "logicalType": "decimal", "precision": 9, "scale": rng.randrange(9)},
            lambda: {"type": "fixed", "name": self.name("u"), "size": 16, "logicalType": "uuid"},
            lambda: {"type": "fixed", "name": self.name("i"), "size": 12,
                     "logicalType": "duration"},
            lambda: {"type": "string", "logicalType": "uuid"},
            lambda: {"type": "long", "logicalType": "no-such-type"},
        ])()

    def type(self, depth):
        rng = self.rng
        choice = rng.randrange(20)
        if choice < 8 or depth > 3:
            return rng.choice(["null", "boolean", "int", "long", "float", "double", "bytes",
                               "string", "string", "long"])
        if choice < 12:
            return self.logical()
        if choice < 13:
            return {"type": "enum", "name": self.name("e"),
                    "symbols": [f"S{i}" for i in range(rng.randrange(1, 90))]}
        if choice < 14:
            return {"type": "fixed", "name": self.name("f"), "size": rng.randrange(0, 20)}
        if choice < 16:
            return {"type": "array", "items": self.type(depth + 1)}
        if choice < 17:
            return {"type": "map", "values": self.type(depth + 1)}
        if choice < 18:
            return self.record(depth + 1)
        return self.union(depth)

    def union(self, depth):
        """Of kinds that fastavro can tell apart by the value alone."""
        rng = self.rng
        groups = [
            lambda: rng.choice(["int", "long"]) if rng.random() < 0.5 else rng.choice(
                ["float", "double"]),
            lambda: "string",
            lambda: "boolean",
            lambda: "bytes" if rng.random() < 0.5 else {
                "type": "array", "items": self.type(depth + 2)},
            lambda: self.record(depth + 2) if rng.random() < 0.5 else {
                "type": "map", "values": self.type(depth + 2)},
        ]
        branches = [make() for make in rng.sample(groups, rng.choice([1, 1, 1, 2, 3]))]
        if rng.random() < 0.8:
            branches.insert(rng.randrange(len(branches) + 1), "null")
        return branches

    def record(self, depth=0):
        return {"type": "record", "name": self.name("r"), "fields": [
            {"name": f"f{i}", "type": self.type(depth)} for i in range(self.rng.randrange(1, 9))]}


def unwrapped(schema):
    """As fastavro takes it: a type within a type is that type."""
    if isinstance(schema, list):
        return [unwrapped(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "name" not in schema and isinstance(schema.get("type"), dict):
        return unwrapped(schema["type"])
    return {key: unwrapped(part) for key, part in schema.items()}


class Values:
    """A value to write, and what is to be found."""

    def __init__(self, rng):
        self.rng = rng

    def integer(self, bits):
        rng = self.rng
        size = rng.randrange(1, bits)
        return rng.choice([0, -1, 2**(bits - 1) - 1, -2**(bits - 1), rng.randrange(-2**size, 2**size)
                           if size < bits - 1 else rng.randrange(-2**(bits - 1), 2**(bits - 1))])

    def text(self):
        letters = self.rng.choice(["abc", 'a"\\\n/', "äöü😀z", "\x01x\x7f"])
        return "".join(self.rng.choices(letters, k=self.rng.choice([0, 1, 7, 8, 9, 30])))

    def some_bytes(self, size=None):
        return self.rng.randbytes(self.rng.randrange(12) if size is None else size)

    def real(self):
        return self.rng.choice([0.0, 1.5, -2.25, 1e30, 1e-30, float("inf"), self.rng.random()])

    def of(self, type_):
        if isinstance(type_, list):
            return self.of(self.rng.choice(type_))
        if isinstance(type_, dict):
            inner = type_["type"]
            if isinstance(inner, dict):
                return self.of({**type_, "type": inner["type"]})
            meaning = type_.get("logicalType") or type_.get("connect.name", "").split(".")[-1]
            special = getattr(self, "of_" + meaning.replace("-", "_"), None)
            if special is not None:
                return special(type_)
            return getattr(self, "of_" + inner)(type_)
        return getattr(self, "of_" + type_)(None)

    def of_null(self, _):
        return None, None

    def of_boolean(self, _):
        value = self.rng.random() < 0.5
        return value, Typed(value)

    def of_int(self, _):
        value = self.integer(32)
        return value, Typed(value)

    def of_long(self, _):
        value = self.integer(64)
        return value, Typed(value)

    def of_float(self, _):
        value = short(self.real())
        return value, Typed("Infinity" if value == float("inf") else ("float32", value))

    def of_double(self, _):
        value = self.real()
        return value, Typed("Infinity" if value == float("inf") else ("float64", value))

    def of_bytes(self, _):
        value = self.some_bytes()
        return value, Bytes(value)

    def of_string(self, _):
        value = self.text()
        return value, value

    def of_fixed(self, type_):
        value = self.some_bytes(type_["size"])
        return value, Bytes(value)

    def of_enum(self, type_):
        value = self.rng.choice(type_["symbols"])
        return value, value

    def of_array(self, type_):
        pairs = [self.of(type_["items"]) for _ in range(self.rng.choice([0, 1, 2, 5]))]
        return [written for written, _ in pairs], [found for _, found in pairs]

    def of_map(self, type_):
        pairs = {f"k{i}": self.of(type_["values"]) for i in range(self.rng.randrange(4))}
        return ({key: written for key, (written, _) in pairs.items()},
                {key: found for key, (_, found) in pairs.items()})

    def of_record(self, type_):
        pairs = {field["name"]: self.of(field["type"]) for field in type_["fields"]}
        return ({key: written for key, (written, _) in pairs.items()},
                {key: found for key, (_, found) in pairs.items()})

    def of_date(self, _):
        days = self.rng.randrange(FIRST // DAY + 1, LAST // DAY)
        return days, Typed((datetime.date(1970, 1, 1) + datetime.timedelta(days)).isoformat())

    of_Date = of_date

    def of_time_millis(self, _):
        value = self.rng.randrange(86_400_000)
        return value, Typed(clock(value * 1000))

    def of_time_micros(self, _):
        value = self.rng.randrange(DAY)
        return value, Typed(clock(value))

    of_MicroTime = of_time_micros

    def of_timestamp_millis(self, _, zone="+00"):
        value = self.rng.randrange(FIRST // 1000 + 1, LAST // 1000)
        return value, Typed(moment(value * 1000, zone))

    def of_timestamp_micros(self, _, zone="+00"):
        value = self.rng.randrange(FIRST, LAST)
        return value, Typed(moment(value, zone))

    def of_timestamp_nanos(self, _):
        value = self.rng.randrange(-2**63, 2**63)
        return value, Typed(moment(value // 1000, "+00"))

    def of_local_timestamp_millis(self, _):
        return self.of_timestamp_millis(_, "")

    def of_local_timestamp_micros(self, _):
        return self.of_timestamp_micros(_, "")

    of_MicroTimestamp = of_local_timestamp_micros

    def of_decimal(self, type_):
        value = self.some_bytes(type_.get("size"))
        whole = int.from_bytes(value, "big", signed=True)
        return value, Typed(Decimal(whole).scaleb(-type_["scale"]))

    def of_uuid(self, type_):
        value = self.some_bytes(16)
        text = str(uuid.UUID(bytes=value))
        return (text, text) if type_["type"] == "string" else (value, Typed(text))

    def of_duration(self, _):
        months, days, ms = (self.rng.choice([0, 1, 400, 2**31 - 1]) for _ in range(3))
        text = f"{months} mons " if months else ""
        text += f"{days} days " if days else ""
        return struct.pack("<III", months, days, ms), Typed(text + clock(ms * 1000))


def equal(found, expected):
    """What stands in JSON against what belongs there."""
    if isinstance(expected, Typed):
        value = expected.value
        if isinstance(value, tuple):
            width, number = value
            return isinstance(found, (Decimal, int)) and not isinstance(found, bool) and (
                short(float(found)) if width == "float32" else float(found)) == number
        if isinstance(value, (bool, str)):
            return found == value and isinstance(found, type(value))
        return isinstance(found, (Decimal, int)) and not isinstance(found, bool) and found == value
    if isinstance(expected, Bytes):
        return found == "\\x" + expected.value.hex()
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(
            map(equal, found, expected))
    if isinstance(expected, dict):
        return isinstance(found, dict) and list(found) == list(expected) and all(
            equal(found[key], expected[key]) for key in expected)
    return found == expected and isinstance(found, type(expected))


def fits(answer, expected):
    kind = answer[0]
    if expected is None:
        return kind == "null"
    if isinstance(expected, (dict, list)):
        return kind == "json" and equal(answer[1], expected)
    if isinstance(expected, Bytes):
        return kind == "bytes" and answer[1] == expected.value.hex()
    if isinstance(expected, Typed):
        return kind == "typed" and equal(answer[1], expected)
    return kind == "text" and answer[1] == expected


MISSING = object()


def at(path, expected):
    """What a JSON Pointer leads to."""
    for token in path.split("/")[1:]:
        if isinstance(expected, dict) and token in expected:
            expected = expected[token]
        elif isinstance(expected, list) and token.isdigit() and int(token) < len(expected):
            expected = expected[int(token)]
        else:
            return MISSING
    return expected


def paths_into(expected, path=""):
    inner = []
    if isinstance(expected, dict):
        inner = [(f"{path}/{key}", value) for key, value in expected.items()]
    elif isinstance(expected, list):
        inner = [(f"{path}/{i}", value) for i, value in enumerate(expected)]
    for place, value in inner:
        yield place
        yield from paths_into(value, place)


def main():
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rng = random.Random(seed)
    lines, cases = [], []
    for _ in range(SCHEMAS):
        schema = Schemas(rng).record()
        pairs = [Values(rng).of(schema) for _ in range(RECORDS)]
        known = sorted({path for _, expected in pairs for path in paths_into(expected)})
        paths = rng.sample(known, min(len(known), rng.choice([1, 5, 40])))
        parsed = fastavro.parse_schema(unwrapped(schema))
        lines += ["S" + json.dumps(schema), "W" + "\t".join(paths)]
        for written, expected in pairs:
            to = io.BytesIO()
            fastavro.schemaless_writer(to, parsed, written)
            lines.append("R" + to.getvalue().hex())
            cases.append((schema, paths, lines[-1], expected))
    answers = subprocess.run([sys.argv[1]], input="\n".join(lines) + "\n", check=True, text=True,
                             stdout=subprocess.PIPE).stdout.splitlines()
    assert len(answers) == len(cases), f"{len(answers)} answers to {len(cases)} records"
    values = 0
    for answer, (schema, paths, record, expected) in zip(answers, cases):
        found = json.loads(answer, parse_float=Decimal)
        for i, path in enumerate(paths):
            wanted = at(path, expected)
            fine = isinstance(found, list) and (
                found[i][0] == "missing" if wanted is MISSING else fits(found[i], wanted))
            values += 1
            if not fine:
                sys.exit(f"seed {seed}: {path} of record {record[1:]}\nof schema "
                         f"{json.dumps(schema)}\nholds {vars(wanted) if hasattr(wanted, '__dict__') else wanted}"
                         f"\nfound: {found[i] if isinstance(found, list) else found}")
    print(f"{len(cases)} records of {SCHEMAS} schemas, {values} values: all as they were written")


if __name__ == "__main__":
    main()
