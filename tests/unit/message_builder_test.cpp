#include "produce/message_builder.h"

#include "pipeline/errors.h"
#include "produce/row_reader.h"
#include "produce/session_form.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::produce;

namespace {

std::string show(const std::optional<std::string_view>& text) {
    return text ? std::string(*text) : "NULL";
}

/// "value", then what else is set: " key=k partition=1 time=5 a=b"; or "! position: problem".
std::string build(const MessagePlan& plan, const std::string& row) {
    MessageBuilder builder(plan, 3);
    const std::string padded = row + std::string(RowReader::padding, '\0');
    Message message;
    const auto outcome = builder.build(std::string_view(padded).substr(0, row.size()), message);
    if (outcome == MessageBuilder::Outcome::nothing) return "nothing";
    if (outcome == MessageBuilder::Outcome::problem) {
        return "! " + std::to_string(builder.problem().position) + ": " + builder.problem().text;
    }
    std::string shown = show(message.value);
    if (message.key) shown += " key=" + show(message.key);
    if (message.partition) shown += " partition=" + std::to_string(*message.partition);
    if (message.timestamp_ms >= 0) shown += " time=" + std::to_string(message.timestamp_ms);
    for (const Header& header : message.headers) {
        shown += " " + std::string(header.name) + "=" + show(header.value);
    }
    return shown;
}

std::string problem_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const WrongConfiguration& error) {
        return error.what();
    }
    return "none";
}

Column column(const std::string& name, ColumnType type) {
    Column made;
    made.name = name;
    made.type = type;
    made.type_name = name;
    return made;
}

ColumnPlan plan_of(const std::string& name, ColumnType type, config::Source source,
                   config::Conversion as = config::Conversion::none) {
    ColumnPlan plan;
    plan.column = column(name, type);
    plan.source = std::move(source);
    plan.as = as;
    return plan;
}

config::Source field(std::vector<std::string> path) {
    config::Source source;
    source.path = std::move(path);
    return source;
}

config::Source of(config::Source::Kind kind, const std::string& name = "") {
    config::Source source;
    source.kind = kind;
    source.name = name;
    return source;
}

config::Source position(int number) {
    config::Source source;
    source.kind = config::Source::Kind::position;
    source.position = number;
    return source;
}

}  // namespace

TEST_CASE("produce: a line of JSON is the value as it is") {
    const MessagePlan plan = plan_lines(Input::json, {});
    CHECK(build(plan, R"({"a": [1, 2.50]} )") == R"({"a": [1, 2.50]} )");
    CHECK(build(plan, "17") == "17");
    CHECK(build(plan, " ") == "nothing");
    CHECK(build(plan, "{\"a\" 1}").starts_with("! 5: not valid JSON: "));
}

TEST_CASE("produce: key, partition, timestamp and headers come from fields of a line") {
    const MessagePlan plan = plan_lines(Input::json, {.key = "id",
                                                      .partition = "/to/partition",
                                                      .timestamp = "at",
                                                      .headers = {{"trace", "t"}, {"who", "w"}}});
    CHECK(build(plan, R"({"id":"k\n1","to":{"partition":2},"at":5,"t":"x","w":null})") ==
          R"({"id":"k\n1","to":{"partition":2},"at":5,"t":"x","w":null})"
          " key=k\n1 partition=2 time=5 trace=x who=NULL");
    CHECK(build(plan, R"({"id":{"a":1},"to":{"partition":null},"at":null})") ==
          R"({"id":{"a":1},"to":{"partition":null},"at":null} key={"a":1})");
    CHECK(
        build(plan, R"({"id":1,"to":{"partition":3},"at":null})")
            .starts_with("! 26: /to/partition: \"3\" is no partition of the topic; it has 0 to 2"));
    CHECK(build(plan, R"({"id":1,"to":{},"at":null})").find("no such field") != std::string::npos);
    CHECK(build(plan, R"({"id":1,"to":{"partition":0},"at":"soon"})").find("no time") !=
          std::string::npos);
    CHECK(build(plan, R"({"id":1,"to":{"partition":0},"at":"1969-12-31T23:59:59.9999Z"})")
              .find("no time since 1970") != std::string::npos);
    CHECK(build(plan, "[1]").starts_with("! 0: not valid JSON: not an object"));
}

TEST_CASE("produce: a value can be one field of a line") {
    const MessagePlan plan = plan_lines(Input::json, {.value = "v"});
    CHECK(build(plan, R"({"v":"a\"b"})") == "a\"b");
    CHECK(build(plan, R"({"v":{"x":1}})") == R"({"x":1})");
    CHECK(build(plan, R"({"v":null})") == "NULL");
    const Choices of_text{.key = "x"};
    CHECK(problem_of([&] {
              static_cast<void>(plan_lines(Input::text, of_text));
          }).find("no fields") != std::string::npos);
}

TEST_CASE("produce: CSV becomes JSON objects, columns being fields or pointers") {
    const MessagePlan plan = plan_csv({"id", "/to/city", "name", "/to/zip", "-", "part", "doc"}, {},
                                      {.key = "id", .partition = "part", .json = {"id", "doc"}});
    CHECK(build(plan, R"(1,"a ""b""",x,,gone,2,"{""q"": [1]}")") ==
          R"({"id":1,"to":{"city":"a \"b\"","zip":null},"name":"x","doc":{"q": [1]}})"
          " key=1 partition=2");
    CHECK(build(plan, "1,2,3,4,5,,null") ==
          R"({"id":1,"to":{"city":"2","zip":"4"},"name":"3","doc":null} key=1)");
    CHECK(build(plan, "1,2,3,4,5,,nul").starts_with("! 11: doc: \"nul\" is not JSON"));
    CHECK(build(plan, "1,2,3").starts_with("! 0: has 3 fields, not 7"));
    CHECK(build(plan, "1,\"2").starts_with("! 2: not valid CSV: a quote that does not end"));
    CHECK(problem_of([] {
              static_cast<void>(plan_csv({"id", "name"}, {}, {.key = "nam"}));
          }) == "--key: the file has no column \"nam\"; did you mean \"name\"?");
    CHECK(problem_of([] {
              static_cast<void>(plan_csv({"a", "a"}, {}, {}));
          }).find("there twice") != std::string::npos);
}

TEST_CASE("produce: a table's columns go where its pipeline reads them") {
    using Kind = config::Source::Kind;
    using config::Conversion;
    config::Ingest ingest;
    ingest.name = "orders";
    const std::vector<ColumnPlan> mapping = {
        plan_of("id", ColumnType::int8, field({"id"})),
        plan_of("city", ColumnType::text, field({"to", "city"})),
        plan_of("paid", ColumnType::boolean, field({"paid"})),
        plan_of("doc", ColumnType::jsonb, field({"doc"})),
        plan_of("at", ColumnType::timestamptz, field({"ts"}), Conversion::epoch_ms),
        plan_of("raw", ColumnType::bytea, field({"raw"}), Conversion::base64),
        plan_of("kpart", ColumnType::int4, of(Kind::partition)),
        plan_of("koffset", ColumnType::int8, of(Kind::offset)),
        plan_of("ktime", ColumnType::timestamptz, of(Kind::timestamp)),
        plan_of("trace", ColumnType::text, of(Kind::header, "trace-id")),
        [] {
            config::Source source = field({"buyer"});
            source.kind = Kind::key_field;
            return plan_of("buyer", ColumnType::text, source);
        }()};
    const std::vector<std::string> columns = {"id",    "city",    "paid",  "doc",   "at",   "raw",
                                              "kpart", "koffset", "ktime", "trace", "buyer"};
    const MessagePlan plan = plan_csv_for(ingest, mapping, columns, {}, {});
    CHECK(build(plan, R"(7,Bonn,t,"{""a"":1}",2026-01-31 12:00:00.5+01,\x00ff41,1,99,)"
                      "1970-01-01 00:00:01+00,abc,me") ==
          R"({"id":7,"to":{"city":"Bonn"},"paid":true,"doc":{"a":1},"ts":1769857200500,)"
          R"("raw":"AP9B"} key={"buyer":"me"} partition=1 time=1000 trace-id=abc)");
    CHECK(build(plan, "NaN,,,,1769857200500,QUJD,,,,,") ==
          R"({"id":"NaN","to":{"city":null},"paid":null,"doc":null,"ts":1769857200500,)"
          R"("raw":"QUJD"} key={"buyer":null} trace-id=NULL)");
    CHECK(problem_of([&] {
              static_cast<void>(plan_csv_for(ingest, mapping, {"id", "citi"}, {}, {}));
          }).starts_with("[ingest.orders] loads no column \"citi\"; did you mean \"city\"?"));
    // A column that only the message needs.
    CHECK(build(plan_csv_for(ingest, mapping, {"id", "who"}, {}, {.key = "who"}), "1,x") ==
          R"({"id":1} key=x)");
}

TEST_CASE("produce: a pipeline's CSV has its own style and its own order") {
    config::Ingest ingest;
    ingest.name = "readings";
    ingest.format = config::Format::csv;
    ingest.csv = {.delimiter = ';', .quote = '"', .escape = '"', .null = "NULL"};
    const std::vector<ColumnPlan> mapping = {
        plan_of("sensor", ColumnType::text, position(1)),
        plan_of("value", ColumnType::float8, position(4)),
        plan_of("at", ColumnType::timestamptz, position(2), config::Conversion::epoch_s)};
    const MessagePlan plan = plan_csv_for(ingest, mapping, {"value", "sensor", "at"}, {}, {});
    CHECK(build(plan, "1.5,a;b,1970-01-01 00:00:01.25Z") == "\"a;b\";1.25;NULL;1.5");
    CHECK(build(plan, ",NULL,") == "\"NULL\";NULL;NULL;NULL");
    CHECK(build(plan, ",\"\",0") == ";0;NULL;NULL");
    CHECK(build(plan, ",x,yesterday").starts_with("! 3: at: \"yesterday\" is neither a number"));
}

TEST_CASE("produce: whole values and all headers") {
    using Kind = config::Source::Kind;
    config::Ingest ingest;
    ingest.name = "raw";
    ingest.format = config::Format::binary;
    const std::vector<ColumnPlan> mapping = {plan_of("payload", ColumnType::bytea, of(Kind::value)),
                                             plan_of("k", ColumnType::bytea, of(Kind::key)),
                                             plan_of("h", ColumnType::jsonb, of(Kind::headers))};
    const MessagePlan plan = plan_csv_for(ingest, mapping, {"k", "payload", "h"}, {}, {});
    CHECK(build(plan, R"(\x4142,\x0a43,"{""a"": ""x\u0041"", ""b"": null, ""n"": 1}")") ==
          "\nC key=AB a=xA b=NULL n=1");
    CHECK(build(plan, ",,") == "NULL");
    CHECK(build(plan, ",,{}") == "NULL");
    CHECK(build(plan, ",,7").find("neither an object nor an array") != std::string::npos);
    CHECK(build(plan, ",,{a}").find("are no headers") != std::string::npos);
    CHECK(problem_of([&] {
              static_cast<void>(plan_csv_for(ingest, mapping, {"k"}, {}, {}));
          }).find("--value") != std::string::npos);
}

TEST_CASE("produce: what a session's settings would make ambiguous is refused") {
    config::Ingest ingest;
    const std::vector<ColumnPlan> mapping = {plan_of("at", ColumnType::timestamptz, field({"at"})),
                                             plan_of("raw", ColumnType::bytea, field({"raw"}))};
    MessagePlan plan = plan_csv_for(ingest, mapping, {"at", "raw"}, {}, {});
    CHECK(build(plan, "01/02/2024,x") == R"({"at":"01/02/2024","raw":"x"})");  // of a file
    plan.fields[0].written = Field::Written::times;
    plan.fields[1].written = Field::Written::bytea;
    for (const char* const time : {"2024-02-01", "2024-02-01 03:04:05.5+01", "12024-02-01",
                                   "0044-03-15 BC", "infinity", "-infinity"})
        CHECK(build(plan, std::string(time) + ",\\x00") ==
              R"({"at":")" + std::string(time) + R"(","raw":"\\x00"})");
    for (const char* const time :
         {"01.02.2024", "01/02/2024", "02-01-2024", "Thu Feb 01", "24-2-1"})
        CHECK(build(plan, std::string(time) + ",\\x00")
                  .find("is not as DateStyle = 'ISO' writes it; SET DateStyle = 'ISO' in") !=
              std::string::npos);
    CHECK(build(plan, "2024-02-01,\\000").find("bytea_output = 'hex'") != std::string::npos);
    CHECK(build(plan, ",") == R"({"at":null,"raw":null})");
}

TEST_CASE("produce: what a session's settings would make ambiguous is refused in arrays, too") {
    using Written = Field::Written;
    for (const char* const times :
         {"{}", "{2024-02-01,NULL}", "{\"2024-02-01 03:04:05\",\"infinity\"}",
          "[0:1]={2024-02-01,12024-02-01}", "[2024-02-01,2024-02-03)", "(,2024-02-03)", "empty",
          "[\"2024-02-01 00:00:00+01\",\"0044-03-15 00:00:00+01 BC\")",
          "{\"[2024-02-01,)\",\"[\\\"2024-02-01 00:00:00\\\",)\"}"})
        CHECK_MESSAGE(set_otherwise(Written::times, times) == nullptr, times);
    for (const char* const times :
         {"{01.02.2024}", "{2024-02-01,01/02/2024}", "[2024-02-01,03.02.2024)", "(,02-01-2024]",
          "{\"[\\\"Thu Feb 01 00:00:00 2024\\\",)\"}", "[0:0]={01.02.2024}"}) {
        const char* const setting = set_otherwise(Written::times, times);
        REQUIRE_MESSAGE(setting != nullptr, times);
        CHECK(setting == std::string("DateStyle = 'ISO'"));
    }
    for (const char* const intervals :
         {"-1 days -02:03:00", "-02:03:00", "-2:03:00", "1 2:03:00", "-1-2", "-1-2 +3 -4:05:06",
          "P-1DT-2H", "@ 1 day 2 hours ago", "{}", "{\"-1 days +02:00:00\",NULL,-1-2}"})
        CHECK_MESSAGE(set_otherwise(Written::intervals, intervals) == nullptr, intervals);
    for (const char* const intervals : {"-1 2:03:00", "{\"1 2:03:00\",\"-1 2:03:00\"}"}) {
        const char* const setting = set_otherwise(Written::intervals, intervals);
        REQUIRE_MESSAGE(setting != nullptr, intervals);
        CHECK(setting == std::string("IntervalStyle = 'postgres'"));
    }
}
