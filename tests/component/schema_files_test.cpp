#include "tests/component/admin_stage.h"
#include "tests/unit/avro_bytes_setup.h"
#include "tests/unit/protobuf_bytes_setup.h"

using namespace sluice;
using namespace sluice::fixture;

namespace {

const std::string avro_schema = R"({"type":"record","name":"item","fields":[
  {"name":"id","type":"int"},
  {"name":"big","type":"long"},
  {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},
  {"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
  {"name":"day","type":{"type":"int","logicalType":"date"}},
  {"name":"ref","type":{"type":"string","logicalType":"uuid"}},
  {"name":"raw","type":"bytes"},
  {"name":"doc","type":{"type":"map","values":"int"}},
  {"name":"tags","type":{"type":"array","items":"string"}},
  {"name":"note","type":["null","string"]}]})";

std::string avro_item(int id) {
    using namespace sluice::avro;
    return number(id) + number(5'000'000'000) + sized(raw("\x04\xd2")) +
           number(1'769'860'800'123'456) + number(20'484) +
           sized("6ba7b810-9dad-11d1-80b4-00c04fd430c8") + sized(raw("\x00\xff")) + number(1) +
           sized("a") + number(1) + number(0) +                            // the map
           number(2) + sized("x y") + sized("z") + number(0) + number(0);  // array, null
}

const std::string proto_schema = R"(syntax = "proto3";
import "google/protobuf/timestamp.proto";
package shop;
message Other {}
message Item {
  int32 id = 1;
  uint64 big = 2;
  string price = 3;
  google.protobuf.Timestamp at = 4;
  string day = 5;
  string ref = 6;
  bytes raw = 7;
  map<string, int32> doc = 8;
  repeated string tags = 9;
  optional string note = 10;
})";

std::string proto_item(int id) {
    using namespace sluice::protobuf_bytes;
    return number(1, id) + number(2, 5'000'000'000) + sized(3, "12.34") +
           sized(4, number(1, 1'769'860'800) + number(2, 123'456'000)) + sized(5, "2026-01-31") +
           sized(6, "6ba7b810-9dad-11d1-80b4-00c04fd430c8") + sized(7, avro::raw("\x00\xff")) +
           sized(8, sized(1, "a") + number(2, 1)) + sized(9, "x y") + sized(9, "z");
}

struct Stage {
    explicit Stage(const std::string& name, const std::string& format, const std::string& schema)
        : topic("schema_files_" + name) {
        shared_broker().admin().create_topic(topic, 1);
        shared_postgres().exec(
            "create table " + topic +
            " (id int, big bigint, price numeric, at timestamptz, day date, ref uuid, raw bytea, "
            "doc jsonb, tags text[], note text)");
        write_file(dir.path() / "item.avsc", avro_schema);
        write_file(dir.path() / "item.proto", proto_schema);
        write_file(file, "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                             "\"\n[cloudberry]\ndsn = \"" + shared_postgres().dsn() +
                             "\"\n[admin]\nlisten = \"\"\n[ingest." + topic + "]\ntopic = \"" +
                             topic + "\"\ntable = \"" + topic + "\"\nformat = \"" + format +
                             "\"\nschema = " + schema + "\n");
    }
    ~Stage() { shared_postgres().exec("drop table " + topic); }

    void produce(const std::string& value) const {
        KafkaProducer producer(shared_broker().client());
        producer.produce(topic, 0, value);
        producer.flush();
    }
    [[nodiscard]] std::string row(int id) const {
        const SqlRows rows = shared_postgres().query("set timezone = 'UTC'; select t::text from " +
                                                     topic + " t where id = " + std::to_string(id));
        return rows.empty() ? "" : rows[0][0].value_or("");
    }

    const std::string topic;
    TempDir dir{"schema_files"};
    const std::filesystem::path file = dir.path() / "sluice.toml";
};

constexpr const char* loaded =
    R"(5000000000,12.34,"2026-01-31 12:00:00.123456+00",2026-01-31,)"
    R"(6ba7b810-9dad-11d1-80b4-00c04fd430c8,"\\x00ff","{""a"": 1}","{""x y"",z}",))";

/// Loads three records, one of them cut off, and peeks at them.
void check(const Stage& stage, const std::string& prefix, const std::string& first,
           const std::string& second) {
    stage.produce(prefix + first);
    stage.produce(prefix + first.substr(0, first.size() - 4));
    stage.produce(prefix + second);
    const RunResult checked = run_sluice({"check", "-c", stage.file.string()});
    CHECK_MESSAGE(checked.exit_code == 0, checked.out << checked.err);
    Daemon daemon(stage.file);
    wait_until([&] { return !stage.row(2).empty(); }, patient(30s), "the second row");
    CHECK(daemon.stop() == 0);
    CHECK(stage.row(1) == "(1," + std::string(loaded));
    CHECK(stage.row(2) == "(2," + std::string(loaded));
    const RunResult peeked =
        run_sluice({"peek", stage.topic, "-c", stage.file.string(), "--output", "json"});
    CHECK(peeked.exit_code == 0);
    CHECK_MESSAGE(contains(peeked.out, R"("price":"12.34")"), peeked.out << peeked.err);
    CHECK_MESSAGE(contains(peeked.out, "at byte "), peeked.out);
    const RunResult letters =
        run_sluice({"dead-letters", "retry", stage.topic, "--yes", "-c", stage.file.string()});
    CHECK_MESSAGE(letters.exit_code == 1, letters.out << letters.err);
}

}  // namespace

TEST_CASE("schema files: Avro loads with its types, and peek shows it") {
    const Stage stage("avro", "avro", "{ file = \"item.avsc\" }");
    check(stage, "", avro_item(1), avro_item(2));
}

TEST_CASE("schema files: Protobuf of a registry's client loads with its types") {
    const Stage stage("protobuf", "protobuf",
                      "{ file = \"item.proto\", message = \"Item\", wire = \"registry\" }");
    check(stage, avro::raw("\0\0\0\0\7\2\2"), proto_item(1), proto_item(2));
}
