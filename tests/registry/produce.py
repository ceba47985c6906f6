"""produce.py BROKERS REGISTRY TOPIC KIND FIRST COUNT [GATE]: records by confluent-kafka's serializers.

KIND: avro1, avro2 (a later version of its schema), protobuf. Each record holds its number, and what
follows from it, so that a reader can tell whether it came through as it was. With GATE, a file's
path: when all is serialized, GATE.ready is made, and what follows waits until there is a GATE.
"""

import datetime
import decimal
import pathlib
import sys
import time
import uuid

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.serialization import MessageField, SerializationContext

AVRO = """{"type": "record", "name": "Order", "namespace": "shop", "fields": [
  {"name": "id", "type": "long"},
  {"name": "city", "type": ["null", "string"], "default": null},
  {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
  {"name": "day", "type": {"type": "int", "logicalType": "date"}},
  {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
  {"name": "token", "type": {"type": "string", "logicalType": "uuid"}},
  {"name": "tags", "type": {"type": "array", "items": "string"}}%s]}"""
AVRO_LATER = ', {"name": "note", "type": "string", "default": ""}'

EPOCH = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def order(number, later):
    record = {
        "id": number,
        "city": None if number % 3 == 0 else f"city {number} ä",
        "amount": decimal.Decimal(number * 7 - 1000) / 100,
        "day": (EPOCH + datetime.timedelta(days=number % 365)).date(),
        "at": EPOCH + datetime.timedelta(microseconds=number * 1001),
        "token": uuid.UUID(int=number),
        "tags": [str(number), "x, y"],
    }
    if later:
        record["note"] = f"note {number}"
    return record


def avro_serializer(registry, later):
    from confluent_kafka.schema_registry.avro import AvroSerializer

    serializer = AvroSerializer(registry, AVRO % (AVRO_LATER if later else ""))
    return lambda number, context: serializer(order(number, later), context)


def protobuf_order():
    """The class of shop.Order."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from google.protobuf import timestamp_pb2  # noqa: F401: the pool needs it

    file = descriptor_pb2.FileDescriptorProto(
        name="shop/order.proto", package="shop", syntax="proto3",
        dependency=["google/protobuf/timestamp.proto"])
    field = descriptor_pb2.FieldDescriptorProto
    file.message_type.add(name="Other").field.add(
        name="x", number=1, type=field.TYPE_INT32, label=field.LABEL_OPTIONAL)
    message = file.message_type.add(name="Order")
    for name, number, kind, label in [
            ("id", 1, field.TYPE_INT64, field.LABEL_OPTIONAL),
            ("city", 2, field.TYPE_STRING, field.LABEL_OPTIONAL),
            ("tags", 3, field.TYPE_STRING, field.LABEL_REPEATED)]:
        message.field.add(name=name, number=number, type=kind, label=label)
    message.field.add(name="at", number=4, type=field.TYPE_MESSAGE, label=field.LABEL_OPTIONAL,
                      type_name=".google.protobuf.Timestamp")
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Order"))


def protobuf_serializer(registry):
    from confluent_kafka.schema_registry.protobuf import ProtobufSerializer

    Order = protobuf_order()
    serializer = ProtobufSerializer(Order, registry, {"use.deprecated.format": False})

    def serialize(number, context):
        record = Order(id=number, city=f"city {number} ä", tags=[str(number), "x, y"])
        record.at.FromDatetime(EPOCH + datetime.timedelta(microseconds=number * 1001))
        return serializer(record, context)

    return serialize


def main():
    brokers, url, topic, kind, first, count = sys.argv[1:7]
    registry = SchemaRegistryClient({"url": url})
    serialize = (protobuf_serializer(registry) if kind == "protobuf"
                 else avro_serializer(registry, kind == "avro2"))
    context = SerializationContext(topic, MessageField.VALUE)
    records = [(number, serialize(number, context))
               for number in range(int(first), int(first) + int(count))]
    if len(sys.argv) > 7:
        pathlib.Path(sys.argv[7] + ".ready").touch()
        while not pathlib.Path(sys.argv[7]).exists():
            time.sleep(0.02)
    producer = Producer({"bootstrap.servers": brokers})
    for number, value in records:
        producer.produce(topic, value, key=str(number))
        producer.poll(0)
    if producer.flush(30) != 0:
        sys.exit("not all of it was delivered")


if __name__ == "__main__":
    main()
