#include "pipeline/decode/wire_format.h"

#include "pipeline/errors.h"
#include "tests/unit/avro_bytes_setup.h"

#include <doctest/doctest.h>

#include <map>

using namespace sluice;
using namespace sluice::avro;
using Kind = SchemaId::Kind;

namespace {

struct FakeRegistry : SchemaSource {
    std::map<SchemaId, schemas::SchemaText> schemas;
    bool is_away = false;
    int asked = 0;

    std::shared_ptr<const schemas::SchemaText> find(const SchemaId& id) override {
        ++asked;
        if (is_away) throw TroubleOfTheWorld("away");
        const auto found = schemas.find(id);
        if (found == schemas.end()) return nullptr;
        return std::make_shared<schemas::SchemaText>(found->second);
    }
};

SchemaId confluent(std::uint64_t number) {
    return {Kind::id, number, {}};
}

/// Decodes the field "f" of records that name their schemas.
struct Reading {
    explicit Reading(AvroDecoder::OnUnknown on_unknown = AvroDecoder::OnUnknown::undecodable)
        : decoder(Decoding::wanted({{"f"}}), {registry, PartOfRecord::value, on_unknown}) {
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
    AvroDecoder decoder;
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
    Reading strict(AvroDecoder::OnUnknown::stop);
    CHECK_THROWS_AS(static_cast<void>(strict.decode(raw("\0\0\0\0\x9x"))), WrongConfiguration);
}

TEST_CASE("avro: schemas of other kinds, or that are none, make rejects that say so") {
    Reading reading;
    reading.registry->schemas[confluent(4)] = {schemas::SchemaType::protobuf, "message X {}", {}};
    reading.registry->schemas[confluent(5)] = {{}, "{", {}};
    CHECK_FALSE(reading.decode(raw("\0\0\0\0\4x")));
    CHECK(reading.decoder.error().text == "of schema 4, which is Protobuf");
    CHECK_FALSE(reading.decode(raw("\0\0\0\0\5x")));
    CHECK(reading.decoder.error().text.starts_with(
        "of schema 5, which is not an Avro schema: not JSON"));
    CHECK_FALSE(reading.decode("{}"));
    CHECK(reading.decoder.error().text.starts_with("not in the registry's wire format"));
}
