"""consume.py BROKERS REGISTRY TOPIC KIND: a topic's records by confluent-kafka's deserializers, a line
of JSON each, by their number. KIND: avro, protobuf (shop.Order of produce.py)."""

import json
import sys

from confluent_kafka import Consumer, KafkaError
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.serialization import MessageField, SerializationContext

from produce import protobuf_order


def deserializer_of(kind, registry):
    if kind == "avro":
        from confluent_kafka.schema_registry.avro import AvroDeserializer

        return AvroDeserializer(registry)
    from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
    from google.protobuf.json_format import MessageToDict

    # It asks registries for descriptors, which not all of them have.
    deserializer = ProtobufDeserializer(protobuf_order(), {"use.deprecated.format": False})
    return lambda value, context: MessageToDict(deserializer(value, context))


def values(brokers, topic):
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "consume." + topic,
                         "auto.offset.reset": "earliest", "enable.partition.eof": True})
    partitions = len(consumer.list_topics(topic).topics[topic].partitions)
    consumer.subscribe([topic])
    ended = set()
    while len(ended) < partitions:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error() is None:
            yield message.value()
        elif message.error().code() == KafkaError._PARTITION_EOF:
            ended.add(message.partition())
        else:
            sys.exit(str(message.error()))
    consumer.close()


def main():
    brokers, url, topic, kind = sys.argv[1:5]
    deserialize = deserializer_of(kind, SchemaRegistryClient({"url": url}))
    context = SerializationContext(topic, MessageField.VALUE)
    records = [deserialize(value, context) for value in values(brokers, topic)]
    for record in sorted(records, key=lambda record: int(record["id"])):
        print(json.dumps(record, default=str, ensure_ascii=False, sort_keys=True))


if __name__ == "__main__":
    main()
