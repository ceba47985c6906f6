#include "config/pipeline.h"
#include "pipeline/errors.h"
#include "pipeline/mapping/record_router.h"
#include "tests/fakes/fake_registry.h"
#include "tests/fakes/partitions.h"
#include "tests/unit/avro_bytes_setup.h"
#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace sluice {
namespace {

using Outcome = RowMapper::Outcome;
using Names = std::vector<std::string>;

/// Gives columns in memory.
struct FakeGrowth : SchemaGrowth {
    explicit FakeGrowth(std::shared_ptr<Targets> all) : targets(std::move(all)) {}
    bool wants_column(const Targets::Target& target, const schemas::RowFields& fields) override {
        ++asked;
        return !missing(target, fields).empty();
    }
    std::string grow(const std::string& topic, TargetId id,
                     const schemas::RowFields& fields) override {
        std::vector<Targets::Target> all;
        for (const TargetId each : targets->of_topic(topic)) {
            all.push_back((*targets)[each]);
            if (each != id) continue;
            for (const std::string& name : missing(all.back(), fields)) {
                Column column;
                column.name = name;
                column.type = ColumnType::text;
                column.type_name = "text";
                all.back().table.columns.push_back(column);
                added.push_back(all.back().table.name + "." + name);
            }
        }
        targets->set(topic, std::move(all));
        return {};
    }
    static Names missing(const Targets::Target& target, const schemas::RowFields& fields) {
        Names names;
        for (const schemas::RowField& field : fields.fields)
            if (std::ranges::find(target.table.columns, field.name, &Column::name) ==
                target.table.columns.end())
                names.push_back(field.name);
        return names;
    }
    const std::shared_ptr<Targets> targets;
    Names added;
    int asked = 0;
};

struct Routing {
    explicit Routing(const std::string& keys) {
        const config::Ingest ingest = config::test::accepted_pipeline(keys);
        std::vector<Targets::Target> all;
        for (const config::Ingest& target : config::targets_of(ingest)) {
            Column id;
            id.name = "id";
            id.type = ColumnType::text;
            id.type_name = "text";
            Table table{.schema = "public",
                        .name = "t" + std::to_string(all.size()),
                        .columns = {id},
                        .primary_key = {},
                        .indexes = {}};
            all.push_back({target, table, all.size()});
        }
        targets->set("orders", std::move(all));
    }
    /// As a lane does it.
    Outcome map(const std::string& value) {
        Record record;
        record.from = fakes::orders(0);
        record.offset = next++;
        record.value = value;
        for (;;) {
            const auto index = batch.records.append(record);
            try {
                return router.map(index, batch);
            } catch (const FieldsWithoutColumn& lacking) {
                batch.records.take_back();
                CHECK(batch.rejects.size() == rejects);
                CHECK(router.grow(lacking).empty());
            }
        }
    }
    void add(std::uint64_t id, schemas::SchemaType type, const std::string& text) const {
        registry->schemas[fakes::confluent(id)] = {.type = type, .text = text, .references = {}};
    }

    std::shared_ptr<Targets> targets = std::make_shared<Targets>();
    std::shared_ptr<fakes::FakeRegistry> registry = std::make_shared<fakes::FakeRegistry>();
    std::shared_ptr<FakeGrowth> growth = std::make_shared<FakeGrowth>(targets);
    RecordRouter router{targets, registry, growth};
    Batch batch;
    Offset next = 0;
    std::size_t rejects = 0;  ///< so many there are before a record
};

/// As Confluent's clients write it.
std::string framed(char schema, const std::string& bytes) {
    return std::string(4, '\0') + schema + bytes;
}

const std::string with_registry = "\n[registry]\nurl = 'http://r'\n";
const std::string avro_keys =
    "format = 'avro'\nschema = 'registry'\non_extra = 'add_column'\n" + with_registry;

std::string avro_record(const std::string& more = "") {
    return R"({"type":"record","name":"o","fields":[{"name":"id","type":"string"})" + more + "]}";
}

}  // namespace

TEST_CASE("schema growth: a column is asked for before a record of the schema has a row, once") {
    Routing routing(avro_keys);
    routing.add(1, schemas::SchemaType::avro, avro_record());
    routing.add(2, schemas::SchemaType::avro, avro_record(R"(,{"name":"city","type":"string"})"));
    const std::string old_one = framed(1, avro::sized("a"));
    const std::string new_one = framed(2, avro::sized("b") + avro::sized("Bern"));
    CHECK(routing.map(old_one) == Outcome::row);
    CHECK(routing.growth->added.empty());
    CHECK(routing.map(new_one) == Outcome::row);
    CHECK(routing.growth->added == Names{"t0.city"});
    const int asked = routing.growth->asked;
    for (int i = 0; i < 10; ++i) {
        CHECK(routing.map(old_one) == Outcome::row);
        CHECK(routing.map(new_one) == Outcome::row);
    }
    CHECK(routing.growth->asked <= asked + 2);
    // A target that has grown is another one.
    CHECK(routing.batch.targets.at(0).size() == 1);
    CHECK(routing.batch.targets.at(1).size() == 21);
}

TEST_CASE("schema growth: a reject asks as a row does, and what is filtered does not") {
    Routing routing("filter = \"city = 'Bern'\"\non_missing = 'reject'\n" + avro_keys);
    routing.add(2, schemas::SchemaType::avro, avro_record(R"(,{"name":"city","type":"string"})"));
    routing.add(3, schemas::SchemaType::avro,
                R"({"type":"record","name":"o","fields":[{"name":"city","type":"string"},
                   {"name":"n","type":"int"}]})");
    CHECK(routing.map(framed(2, avro::sized("b") + avro::sized("Basel"))) == Outcome::filtered);
    CHECK(routing.growth->added.empty());
    CHECK(routing.map(framed(3, avro::sized("Bern") + avro::number(1))) == Outcome::rejected);
    CHECK(routing.growth->added == Names{"t0.city", "t0.n"});
    CHECK(routing.batch.rejects.size() == 1);
}

TEST_CASE("schema growth: Protobuf's messages, and JSON Schema's ids") {
    Routing protobuf("format = 'protobuf'\nschema = 'registry'\non_extra = 'add_column'\n" +
                     with_registry);
    protobuf.add(1, schemas::SchemaType::protobuf,
                 "syntax = \"proto3\"; message A { int32 x = 1; } message O { string id = 1; "
                 "int64 n = 2; }");
    // Message 1 of the file: indexes [1].
    CHECK(protobuf.map(framed(1, std::string("\x02\x02") + "\x0a\x01z")) == Outcome::row);
    CHECK(protobuf.growth->added == Names{"t0.n"});

    Routing json("schema = 'registry'\non_extra = 'add_column'\n" + with_registry);
    json.add(1, schemas::SchemaType::json,
             R"({"type":"object","properties":{"id":{"type":"string"},"n":{"type":"integer"}}})");
    CHECK(json.map(R"({"id":"plain","n":1})") == Outcome::row);
    CHECK(json.growth->added.empty());
    CHECK(json.map(framed(1, R"({"id":"x","n":1})")) == Outcome::row);
    CHECK(json.growth->added == Names{"t0.n"});
    json.registry->is_away = true;
    CHECK_THROWS_AS(static_cast<void>(json.map(framed(7, R"({"id":"x"})"))), TroubleOfTheWorld);
}

TEST_CASE("schema growth: a JSON Schema that the registry does not know yet is asked for again") {
    const std::string schema =
        R"({"type":"object","properties":{"id":{"type":"string"},"n":{"type":"integer"}}})";
    const std::string value = framed(9, R"({"id":"x","n":1})");
    const std::string keys = "schema = 'registry'\non_extra = 'add_column'\n";
    Routing stops(keys + with_registry);
    CHECK_THROWS_AS(static_cast<void>(stops.map(value)), WrongConfiguration);
    Routing letters(keys + "on_unknown_schema = 'dead_letter'\n" + with_registry);
    CHECK(letters.map(value) == Outcome::rejected);
    letters.rejects = 1;
    CHECK(describe(letters.batch.rejects.back().reasons) ==
          "into public.t0: the value is of schema 9, which the registry does not know");
    for (Routing* routing : {&stops, &letters}) {
        routing->add(9, schemas::SchemaType::json, schema);
        CHECK(routing->map(value) == Outcome::row);
        CHECK(routing->growth->added == Names{"t0.n"});
        const int asked = routing->registry->asked;
        CHECK(routing->map(value) == Outcome::row);
        CHECK(routing->map(R"({"id":"plain"})") == Outcome::row);
        CHECK(routing->map(value) == Outcome::row);
        CHECK(routing->registry->asked == asked);
    }
}

TEST_CASE("schema growth: change events in JSON, by the schema beside them") {
    Routing routing("envelope = 'debezium'\non_extra = 'add_column'\n");
    const auto event = [](const std::string& fields, const std::string& row) {
        return R"({"schema":{"type":"struct","fields":[{"field":"after","type":"struct","fields":[)" +
               fields + R"(]},{"field":"op","type":"string"}]},"payload":{"op":"c","after":)" +
               row + "}}";
    };
    const std::string id = R"({"field":"id","type":"string"})";
    CHECK(routing.map(event(id, R"({"id":"a"})")) == Outcome::row);
    CHECK(routing.map(R"({"op":"c","after":{"id":"b","n":1}})") == Outcome::row);
    CHECK(routing.growth->added.empty());
    CHECK(routing.map(event(id + R"(,{"field":"n","type":"int64"})", R"({"id":"b","n":1})")) ==
          Outcome::row);
    CHECK(routing.growth->added == Names{"t0.n"});
}

}  // namespace sluice
