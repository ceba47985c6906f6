"""random_rows.py BROKERS REGISTRY TOPIC avro|protobuf SEED SCHEMAS FILE: records of random schemas, by
fastavro or Google's Protobuf, in a registry's wire format. FILE gets what is to be found, for COPY: the
record's number, which is its key, and its JSON."""

import base64
import importlib.util
import io
import json
import pathlib
import random
import struct
import sys

from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError


def others(folder):
    """What the decoders by themselves are compared by."""
    path = pathlib.Path(__file__).parent.parent / folder / "compare.py"
    spec = importlib.util.spec_from_file_location(folder + "_compare", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shortest(number):
    """A float's shortest text that is read as the same float."""
    for digits in range(1, 10):
        text = f"{number:.{digits}g}"
        if struct.pack("f", float(text)) == struct.pack("f", number):
            return float(text)
    return number


def avro(rng):
    import fastavro

    compare = others("avro")

    def found(value):
        if isinstance(value, compare.Bytes):
            return "\\x" + value.value.hex()
        if isinstance(value, compare.Typed):
            value = value.value
            if isinstance(value, tuple):
                return shortest(value[1]) if value[0] == "float32" else value[1]
            return value
        if isinstance(value, list):
            return [found(each) for each in value]
        if isinstance(value, dict):
            return {key: found(each) for key, each in value.items()}
        return value

    def schema():
        written = compare.Schemas(rng).record()
        parsed = fastavro.parse_schema(compare.unwrapped(written))

        def record():
            value, expected = compare.Values(rng).of(written)
            to = io.BytesIO()
            fastavro.schemaless_writer(to, parsed, value)
            return to.getvalue(), found(expected)

        return json.dumps(written), record

    return schema


def protobuf(rng):
    from google.protobuf import message_factory

    compare = others("protobuf")

    def found(value):
        if isinstance(value, float):
            try:
                is_short = struct.unpack("f", struct.pack("f", value))[0] == value
            except OverflowError:
                is_short = False
            return shortest(value) if is_short else value
        if isinstance(value, list):
            return [found(each) for each in value]
        if isinstance(value, dict):
            return {key: found(each) for key, each in value.items()}
        return value

    def schema():
        made = compare.Schema(rng)
        Message = message_factory.GetMessageClass(made.descriptor)

        def record():
            message = Message()
            compare.fill(rng, message)
            bytes_ = message.SerializeToString()
            read = Message()
            read.ParseFromString(bytes_)
            return b"\0" + bytes_, found(compare.message_as_json(read))

        return base64.b64encode(made.file.SerializeToString()).decode(), record

    return schema


def marked(value):
    """Decimals so that they can be made numbers, with all their digits."""
    if type(value).__name__ == "Decimal":
        return "\ufdd0" + format(value, "f") + "\ufdd0"
    if isinstance(value, list):
        return [marked(each) for each in value]
    if isinstance(value, dict):
        return {key: marked(each) for key, each in value.items()}
    return value


def as_json(value):
    text = json.dumps(marked(value), ensure_ascii=False)
    return text.replace('"\ufdd0', "").replace('\ufdd0"', "")


def main():
    brokers, url, topic, kind, seed, schemas, file = sys.argv[1:8]
    rng = random.Random(int(seed))
    make = avro(rng) if kind == "avro" else protobuf(rng)
    registry = SchemaRegistryClient({"url": url})
    producer = Producer({"bootstrap.servers": brokers})
    number = 0
    with open(file, "w", encoding="utf-8") as expected:
        for _ in range(int(schemas)):
            text, record = make()
            # Each is a subject's first version: none has to fit the one before.
            try:
                id_ = registry.register_schema(f"{topic}-{number}", Schema(text, kind.upper()))
            except SchemaRegistryError:
                continue  # Apicurio's own reading of Avro knows fewer schemas
            for _ in range(8):
                bytes_, found = record()
                producer.produce(topic, b"\0" + struct.pack(">I", id_) + bytes_, key=str(number))
                producer.poll(0)
                escaped = as_json(found).replace("\\", "\\\\").replace("\t", "\\t")
                expected.write(f"{number}\t{escaped}\n")
                number += 1
    if producer.flush(30) != 0:
        sys.exit("not all of it was delivered")
    print(number)


main()
