#include "pipeline/decode/registry/wire_format.h"

#include "pipeline/decode/registry/registry_decoder.h"
#include "tests/fakes/fake_registry.h"
#include "tests/unit/avro_bytes_setup.h"
#include "tests/unit/protobuf_bytes_setup.h"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::avro;
using namespace sluice::fakes;
using Kind = SchemaId::Kind;

namespace {

using config::OnUnknownSchema;
using schemas::SchemaType;

/// Decodes the field "f" of records that name their schemas.
struct Reading {
    explicit Reading(OnUnknownSchema on_unknown = OnUnknownSchema::dead_letter,
                     SchemaType type = SchemaType::avro)
        : decoder({.source = registry,
                   .type = type,
                   .part = PartOfRecord::value,
                   .on_unknown = on_unknown,
                   .wanted = Decoding::wanted({{"f"}})}) {
        registry->schemas[confluent(1)] = {{}, one_field("\"long\""), {}};
        registry->schemas[confluent(2)] = {{}, one_field("\"string\""), {}};
    }
    bool decode(const std::string& bytes, const std::vector<Header>& headers = {}) {
        record = bytes + std::string(RecordLog::padding, '\0');
        value = {};
        return decoder.decode({std::string_view(record).substr(0, bytes.size()), headers},
                              {&value, 1}, nullptr);
    }

    std::shared_ptr<FakeRegistry> registry = std::make_shared<FakeRegistry>();
    RegistryDecoder decoder;
    Value value;
    std::string record;
};

}  // namespace

TEST_CASE("wire format: five bytes before the payload name its schema") {
    const std::string bytes = raw("\0\0\0\1\2body");
    const Framed framed = unframe({bytes, {}}, PartOfRecord::value);
    CHECK(framed.schema == confluent(258));
    CHECK(framed.body == "body");
    CHECK(framed.has_prefix);
    CHECK_FALSE(unframe({"\1\0\0\0\1", {}}, PartOfRecord::value).schema);
    CHECK_FALSE(unframe({raw("\0\0\0"), {}}, PartOfRecord::value).schema);
    CHECK_FALSE(unframe({"", {}}, PartOfRecord::value).schema);
}

TEST_CASE("wire format: headers name a schema, each client's in its way, for value and key") {
    const std::string guid = "\1" + std::string(16, 'g');
    const std::string number = raw("\0\0\0\0\7");
    const std::string eight = raw("\0\0\0\0\0\0\1\0");
    const std::vector<Header> headers = {{"__key_schema_id", number}, {"__value_schema_id", guid}};
    const std::string bytes = number + "x";
    const Framed value = unframe({bytes, headers}, PartOfRecord::value);
    CHECK(value.schema->kind == Kind::guid);
    CHECK(value.schema->guid[15] == 'g');
    CHECK(value.body == bytes);
    CHECK(unframe({"x", headers}, PartOfRecord::key).schema == confluent(7));

    const std::vector<Header> global = {{"apicurio.value.globalId", eight}};
    CHECK(unframe({"x", global}, PartOfRecord::value).schema == SchemaId{Kind::global_id, 256, {}});
    CHECK_FALSE(unframe({"x", global}, PartOfRecord::key).schema);
    const std::vector<Header> content = {{"apicurio.key.contentId", eight}};
    CHECK(unframe({"x", content}, PartOfRecord::key).schema == SchemaId{Kind::content_id, 256, {}});

    const std::vector<Header> json = {{"apicurio.value.encoding", "JSON"},
                                      {"apicurio.value.globalId", eight}};
    CHECK_FALSE(unframe({"x", json}, PartOfRecord::value).schema);
    const std::vector<Header> strange = {{"__value_schema_id", "?"}};
    CHECK_FALSE(unframe({number, strange}, PartOfRecord::value).schema);
}

TEST_CASE("wire format: ids are told in words") {
    CHECK(describe(confluent(7)) == "schema 7");
    CHECK(describe(SchemaId{Kind::global_id, 7, {}}) == "schema with global id 7");
    SchemaId guid{Kind::guid, 0, {}};
    guid.guid[0] = 0xab;
    CHECK(describe(guid) == "schema ab000000-0000-0000-0000-000000000000");
}

TEST_CASE("avro: each record is read by the schema that it names, in any order") {
    Reading reading;
    for (int round = 0; round < 3; ++round) {
        REQUIRE(reading.decode(raw("\0\0\0\0\1") + number(5)));
        CHECK(reading.value.integer == 5);
        REQUIRE(reading.decode(raw("\0\0\0\0\2") + sized("x")));
        CHECK(reading.value.text == "x");
    }
    CHECK(reading.registry->asked == 2);
    CHECK_FALSE(reading.decode(raw("\0\0\0\0\1\xff")));
    CHECK(reading.decoder.error().text ==
          "not valid Avro: field \"f\": the record ends within it at byte 6");
}

TEST_CASE("avro: a schema uses what it refers to") {
    Reading reading;
    reading.registry->schemas[confluent(3)] = {
        {}, one_field("\"a.e\""), {{"e.avsc", R"({"type":"enum","name":"a.e","symbols":["X"]})"}}};
    REQUIRE(reading.decode(raw("\0\0\0\0\3\0")));
    CHECK(reading.value.text == "X");
}

TEST_CASE("avro: a registry that is away is no reject, and is asked again") {
    Reading reading;
    reading.registry->is_away = true;
    CHECK_THROWS_AS(static_cast<void>(reading.decode(raw("\0\0\0\0\1") + number(5))),
                    TroubleOfTheWorld);
    reading.registry->is_away = false;
    CHECK(reading.decode(raw("\0\0\0\0\1") + number(5)));
}

TEST_CASE("avro: a schema that the registry does not know stops, or makes a reject") {
    Reading reading;
    CHECK_FALSE(reading.decode(raw("\0\0\0\0\x9x")));
    CHECK(reading.decoder.error().text == "of schema 9, which the registry does not know");
    Reading strict(OnUnknownSchema::stop);
    CHECK_THROWS_AS(static_cast<void>(strict.decode(raw("\0\0\0\0\x9x"))), WrongConfiguration);
}

TEST_CASE("avro: schemas of other kinds, or that are none, stop, or make rejects that say so") {
    Reading reading;
    reading.registry->schemas[confluent(4)] = {schemas::SchemaType::protobuf, "message X {}", {}};
    reading.registry->schemas[confluent(5)] = {{}, "{", {}};
    CHECK_FALSE(reading.decode(raw("\0\0\0\0\4x")));
    CHECK(reading.decoder.error().text == "of schema 4: it is Protobuf");
    CHECK_FALSE(reading.decode(raw("\0\0\0\0\5x")));
    CHECK(reading.decoder.error().text.starts_with("of schema 5: not an Avro schema: not JSON"));
    reading.registry->schemas[confluent(6)] = {schemas::SchemaType::other, "<a/>", {}};
    CHECK_FALSE(reading.decode(raw("\0\0\0\0\6x")));
    CHECK(reading.decoder.error().text == "of schema 6: it is of a type that Sluice does not know");
    Reading strict(OnUnknownSchema::stop);
    strict.registry->schemas = reading.registry->schemas;
    CHECK_THROWS_WITH_AS(static_cast<void>(strict.decode(raw("\0\0\0\0\4x"))),
                         "schema 4 of the registry: it is Protobuf; on_unknown_schema = "
                         "\"dead_letter\" makes dead letters of such records",
                         WrongConfiguration);
    CHECK_THROWS_AS(static_cast<void>(strict.decode(raw("\0\0\0\0\5x"))), WrongConfiguration);
    CHECK_FALSE(reading.decode("{}"));
    CHECK(reading.decoder.error().text.starts_with("not in the registry's wire format"));
}

TEST_CASE("protobuf: each record says by which message of its schema it is read") {
    Reading reading(OnUnknownSchema::stop, SchemaType::protobuf);
    reading.registry->schemas[confluent(6)] = {
        SchemaType::protobuf,
        "syntax = 'proto3'; import 'c.proto'; message A { int64 f = 1; } "
        "message B { message N { string f = 2; } message M { Colour f = 1; } }",
        {{"c.proto", "syntax = 'proto3'; enum Colour { RED = 0; BLUE = 1; }"}}};
    const std::string id = raw("\0\0\0\0\6");
    const std::string five = protobuf_bytes::number(1, 5);
    REQUIRE(reading.decode(id + raw("\0") + five));
    CHECK(reading.value.integer == 5);
    REQUIRE(reading.decode(id + raw("\4\2\0") + protobuf_bytes::sized(2, "x")));
    CHECK(reading.value.text == "x");
    REQUIRE(reading.decode(id + raw("\4\2\2") + protobuf_bytes::number(1, 1)));
    CHECK(reading.value.text == "BLUE");
    CHECK(reading.registry->asked == 1);
    CHECK_FALSE(reading.decode(id + raw("\2\x14") + five));
    CHECK(reading.decoder.error().text ==
          "of schema 6: it lacks the message that the record names");
    // However a record spells the way to a message, it is the same one; and of those that are not
    // there, few are remembered.
    REQUIRE(reading.decode(id + raw("\x82\0\x80\0") + five));
    CHECK(reading.value.integer == 5);
    CHECK(reading.registry->asked == 1);
    // More than a file can have within each other are none.
    CHECK_FALSE(reading.decode(id + raw("\x42") + std::string(33, '\0') + five));
    CHECK(reading.decoder.error().text.starts_with("not in the registry's wire format: which"));
    for (char index = 3; index < 120; ++index)
        CHECK_FALSE(reading.decode(id + "\2" +
                                   std::string(1, static_cast<char>(2 * (index % 60 + 2))) + five));
    REQUIRE(reading.decode(id + raw("\0") + five));
    CHECK_FALSE(reading.decode(id + raw("\x80")));
    CHECK(reading.decoder.error().text.starts_with("not in the registry's wire format: which"));
    CHECK_FALSE(reading.decode(id + raw("\0\x0a\x05x")));
    CHECK(
        reading.decoder.error().text ==
        "not valid Protobuf: field \"f\": cut short: 5 bytes are announced and 1 are left at byte "
        "8");
}

TEST_CASE("protobuf: a header names the message, by Confluent's indexes or by Apicurio's name") {
    Reading reading(OnUnknownSchema::stop, SchemaType::protobuf);
    const schemas::SchemaText schema{
        SchemaType::protobuf,
        "syntax = 'proto3'; message A { int64 f = 1; } message B { string f = 1; }",
        {}};
    SchemaId guid{Kind::guid, 0, {}};
    guid.guid[15] = 7;
    reading.registry->schemas[guid] = schema;
    reading.registry->schemas[{Kind::global_id, 8, {}}] = schema;
    const std::string in_header = '\1' + std::string(15, '\0') + '\7';
    REQUIRE(reading.decode(protobuf_bytes::sized(1, "x"),
                           {{"__value_schema_id", in_header + raw("\2\2")}}));
    CHECK(reading.value.text == "x");
    REQUIRE(reading.decode(protobuf_bytes::number(1, 3), {{"__value_schema_id", in_header}}));
    CHECK(reading.value.integer == 3);
    REQUIRE(reading.decode(protobuf_bytes::sized(1, "y"),
                           {{"apicurio.value.globalId", raw("\0\0\0\0\0\0\0\x8")},
                            {"apicurio.value.protobuf.type", "B"}}));
    CHECK(reading.value.text == "y");
}
