#include "tests/component/sql_stage.h"
#include "tests/fixture/kafka_reader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

const std::string pipelines =
    "[ingest.rows]\ntopic = \"written\"\ntable = \"rows\"\n"
    "[ingest.marks]\ntopic = \"marks\"\ntable = \"marks\"\nformat = \"csv\"\n"
    "columns = { part = \"@partition\", id = 1, note = 2, raw = 3 }\n"
    "[ingest.both]\ntopic = \"alerts\"\n[[ingest.both.into]]\ntable = \"rows\"\n"
    "[[ingest.both.into]]\ntable = \"marks\"\n"
    "[ingest.spans]\ntopic = \"spans\"\ntable = \"spans\"\n"
    "[ingest.both.schedule]\nrun = \"03:00-03:01\"\n";
const std::string writable =
    "sql_writable = [\"written\", \"marks\", \"alerts\", \"spans\", \"nowhere\"]\n";

/// Topics that may be written, "written" as JSON and "marks" as CSV by their pipelines, "alerts" by
/// none, and "secrets", that may not.
class Stage : public SqlStage {
public:
    Stage() : SqlStage("writable_tables") {
        exec(
            "create table rows (id int, note text, price numeric, at timestamptz);"
            "create table marks (part int, id int, note text, raw bytea);"
            "create table spans (id int, days date[], valid tstzrange, gap interval)");
        for (const char* const topic : {"written", "marks", "alerts", "spans", "secrets"})
            shared_broker().admin().create_topic(topic, 3);
        write_configuration(writable, pipelines);
        start();
    }
};

Stage& stage() {
    static Stage only;
    return only;
}

std::vector<ReadRecord> records_of(const std::string& topic) {
    return read_topic(shared_broker().client(), topic);
}

std::size_t count_of(const std::string& topic) {
    std::size_t count = 0;
    for (const std::int64_t end : shared_broker().admin().end_offsets(topic))
        count += static_cast<std::size_t>(end);
    return count;
}

/// Of "alerts": value and the rest of the message, NULL.
std::string alert(const std::string& value) {
    return value + ",,,,\n";
}

BlockAnswer post(const SegmentAsks& asks, std::uint64_t number, const std::string& block,
                 bool is_last = false) {
    return post_block(stage().port, asks, number, block, is_last);
}

std::string alerts() {
    return stage().path({"--topic", "alerts", "--writable"});
}

/// What the INSERT of one such block comes to.
BlockAnswer insert_alert(const std::string& block) {
    const SegmentAsks asks = stage().statement(alerts());
    return write_as_segments(stage().port, {{.asks = asks, .blocks = {block}}}).front();
}

}  // namespace

TEST_CASE("writable tables: rows of all segments become messages that the pipeline reads so") {
    const std::string path = stage().path({"rows", "--writable"});
    CHECK(stage().printed.find(
              "CREATE WRITABLE EXTERNAL TABLE \"public\".\"rows_messages\" (\"id\" integer, "
              "\"note\" text, \"price\" numeric, \"at\" timestamp with time zone, \"kafka_key\" "
              "text, \"kafka_partition\" integer, \"kafka_headers\" text, \"kafka_timestamp\" "
              "timestamp with time zone) LOCATION ('") != std::string::npos);
    CHECK(stage().printed.find("COMMENT ON TABLE \"public\".\"rows_messages\" IS 'Rows") !=
          std::string::npos);
    CHECK(stage().printed.find("-- INSERT sends at once, at least once, and no ROLLBACK takes it "
                               "back; for exactly once insert into an outbox table.") !=
          std::string::npos);
    constexpr int segments = 3;
    constexpr int blocks = 5;
    constexpr int in_each = 100;
    std::vector<SegmentWrites> writes;
    for (const SegmentAsks& asks : segments_of(stage().statement(path), segments)) {
        writes.push_back({.asks = asks});
        for (int block = 0; block < blocks; ++block) {
            std::string& rows = writes.back().blocks.emplace_back();
            for (int row = 0; row < in_each; ++row) {
                const std::string id =
                    std::to_string((asks.segment * blocks + block) * in_each + row);
                rows += id +
                        ",\"a \"\"quoted\"\", note\nof two lines\",1.50,2026-01-31 "
                        "12:00:00.5+01,k" +
                        id + ",1,\"{\"\"trace\"\": \"\"" + id + "\"\"}\",2026-01-31 11:00:00+00\n";
            }
        }
    }
    for (const BlockAnswer& answer : write_as_segments(stage().port, writes))
        CHECK_MESSAGE(answer.status == 200, answer.why);
    constexpr std::size_t all = std::size_t{segments} * blocks * in_each;
    CHECK(count_of("written") == all);
    std::set<std::string> keys;
    for (const ReadRecord& record : records_of("written")) {
        keys.insert(record.key.value());
        const std::string id = record.key.value().substr(1);
        CHECK(record.partition == 1);
        CHECK(record.timestamp_ms == 1769857200000);
        REQUIRE(record.headers.size() == 1);
        CHECK(record.headers[0].first == "trace");
        CHECK(record.headers[0].second == id);
        CHECK(record.value.value().starts_with("{\"id\":" + id + ",\"note\":\"a \\\"quoted\\\""));
    }
    CHECK(keys.size() == all);
    wait_until([&] { return stage().value("select count(*) from rows") == std::to_string(all); },
               patient(60s), "the rows in the pipeline's table");
    CHECK(stage().value("select count(*) from rows where note = E'a \"quoted\", note\\nof two "
                        "lines' and price = 1.5 and at = '2026-01-31 11:00:00.5+00'") ==
          std::to_string(all));
    CHECK(stage().metric("sluice_sql_written_rows_total{topic=\"written\"}") ==
          std::to_string(all));
    CHECK(stage().metric("sluice_sql_write_statements_total{topic=\"written\"}") == "1");
    CHECK(stage().metric("sluice_sql_write_failures_total{topic=\"written\"}") == "0");
    wait_until([&] { return stage().is_logged("has written 1500 rows to topic written"); },
               patient(30s), "the log");
}

TEST_CASE("writable tables: CSV goes where the pipeline reads it, and NULL lets Kafka choose") {
    const std::string path = stage().path({"marks", "--writable"});
    const SegmentAsks asks = stage().statement(path);
    const auto answers = write_as_segments(
        stage().port,
        {{.asks = asks,
          .blocks = {"0,5464565,in partition 0,\\x00ff,,,\n,1,\"\",,key,,\n2,,,,,,\n"}}});
    CHECK_MESSAGE(answers.front().status == 200, answers.front().why);
    wait_until([&] { return stage().value("select count(*) from marks") == "3"; }, patient(60s),
               "the rows in the pipeline's table");
    CHECK(
        stage().value("select part || note || encode(raw, 'hex') from marks where id = 5464565") ==
        "0in partition 000ff");
    CHECK(stage().value("select count(*) from marks where id = 1 and note = '' and raw is null") ==
          "1");
    CHECK(stage().value("select count(*) from marks where part = 2 and id is null") == "1");
    const auto escaped = write_as_segments(
        stage().port,
        {{.asks = stage().statement(path), .blocks = {"0,1,bytea_output,\\000a,,,\n"}}});
    CHECK(escaped.front().status == 400);
    CHECK(escaped.front().why.find("raw: \"\\000a\" is not as bytea_output = 'hex' writes it") !=
          std::string::npos);
}

TEST_CASE(
    "writable tables: what a session's settings change is refused in arrays and ranges, too") {
    const std::string path = stage().path({"spans", "--writable"});
    const auto insert = [&](const std::string& row) {
        return write_as_segments(stage().port,
                                 {{.asks = stage().statement(path), .blocks = {row + "\n"}}})
            .front();
    };
    CHECK(insert("1,{2026-02-01},\"[\"\"2026-02-01 00:00:00+00\"\",)\",-1 days -02:00:00,,,,")
              .status == 200);
    const std::vector<std::pair<std::string, std::string>> refused = {
        {"2,{01.02.2026},,,,,,", "days: \"{01.02.2026}\" is not as DateStyle = 'ISO' writes it"},
        {"3,,\"[\"\"01/02/2026 00:00:00 CET\"\",)\",,,,,", "SET DateStyle = 'ISO' in the session"},
        {"4,,,-1 2:00:00,,,,",
         "gap: \"-1 2:00:00\" is not as IntervalStyle = 'postgres' writes it"}};
    for (const auto& [row, why] : refused) {
        const BlockAnswer answer = insert(row);
        CHECK(answer.status == 400);
        CHECK_MESSAGE(answer.why.find(why) != std::string::npos, answer.why);
    }
    wait_until([&] { return stage().value("select count(*) from spans") == "1"; }, patient(60s),
               "the row in the pipeline's table");
    CHECK(stage().value("select count(*) from spans where days = '{2026-02-01}' and valid @> "
                        "timestamptz '2026-02-02 00:00+00' and gap = '-26:00'") == "1");
}

TEST_CASE("writable tables: a topic that no pipeline reads has the message as it is") {
    const std::string path = alerts();
    CHECK(stage().printed.find("EXTERNAL TABLE \"alerts_messages\" (\"kafka_value\" text, "
                               "\"kafka_key\" text, \"kafka_partition\" integer, "
                               "\"kafka_headers\" text, \"kafka_timestamp\" timestamp with time "
                               "zone) LOCATION ('") != std::string::npos);
    const std::size_t before = count_of("alerts");
    CHECK(insert_alert(",gone,2,,\n\"\",\"\",2,\"{\"\"a\"\": null, \"\"b\"\": \"\"x\"\"}\",\n")
              .status == 200);
    auto records = records_of("alerts");
    CHECK(records.size() == before + 2);
    const std::vector<ReadRecord> last(records.end() - 2, records.end());
    CHECK(!last[0].value);
    CHECK(last[0].key == "gone");
    CHECK(last[1].value == "");
    CHECK(last[1].key == "");
    REQUIRE(last[1].headers.size() == 2);
    CHECK(!last[1].headers[0].second);
    CHECK(last[1].headers[1].second == "x");
}

TEST_CASE("writable tables: a block that comes again is taken once") {
    const SegmentAsks asks = stage().statement(alerts());
    const std::size_t before = count_of("alerts");
    for (int time = 0; time < 2; ++time) CHECK(post(asks, 1, "").status == 200);
    for (int time = 0; time < 3; ++time) CHECK(post(asks, 2, alert("two")).status == 200);
    CHECK(post(asks, 3, alert("three")).status == 200);
    CHECK(post(asks, 2, alert("two")).status == 200);
    for (int time = 0; time < 2; ++time) CHECK(post(asks, 3, "", true).status == 200);
    CHECK(count_of("alerts") == before + 2);
    CHECK(stage().metric("sluice_sql_repeated_blocks_total{topic=\"alerts\"}") == "4");
    SegmentAsks other = asks;
    other.sn = "1";  // of another scan it is another block
    CHECK(post(other, 1, "").status == 200);
    CHECK(post(other, 2, alert("two")).status == 200);
    CHECK(count_of("alerts") == before + 3);
}

TEST_CASE("writable tables: a block that was cut, or never answered, is taken once all the same") {
    const SegmentAsks asks = stage().statement(alerts());
    const std::size_t before = count_of("alerts");
    CHECK(post(asks, 1, "").status == 200);
    const std::string whole = segment_post(asks, 2, alert("cut"));
    TcpClient(stage().port).send(whole.substr(0, whole.size() - 3));
    TcpClient(stage().port).send(whole);  // and does not hear the answer
    CHECK(post(asks, 2, alert("cut")).status == 200);
    CHECK(post(asks, 2, "", true).status == 200);
    CHECK(count_of("alerts") == before + 1);
    // Twice at once: the second waits for what becomes of the first.
    const SegmentAsks twice = stage().statement(alerts());
    BlockAnswer first;
    std::thread other([&] { first = post(twice, 1, alert("both")); });
    const BlockAnswer second = post(twice, 1, alert("both"));
    other.join();
    CHECK(first.status == 200);
    CHECK(second.status == 200);
    CHECK(count_of("alerts") == before + 2);
}

TEST_CASE("writable tables: what is missing in between fails the statement, for all of it") {
    const auto segments = segments_of(stage().statement(alerts()), 2);
    CHECK(post(segments[0], 1, "").status == 200);
    CHECK(post(segments[1], 1, "").status == 200);
    const BlockAnswer wrong = post(segments[0], 3, alert("three"));
    CHECK(wrong.status == 400);
    CHECK(
        wrong.why ==
        "block 3 of segment 0 came where the one behind block 1 was to come; run the INSERT again");
    CHECK(post(segments[1], 2, alert("two")).why == wrong.why);
    // One that has said that it has no more.
    const SegmentAsks done = stage().statement(alerts());
    CHECK(post(done, 1, "").status == 200);
    CHECK(post(done, 1, "", true).status == 200);
    const BlockAnswer again = post(done, 1, alert("late"));
    CHECK(again.status == 409);
    CHECK(again.why == "block 1 of segment 0 came when it had said that there are no more");
    CHECK(post(done, 2, alert("late")).why.find("none was to come any more") != std::string::npos);
    // As a daemon that was started anew sees it.
    const SegmentAsks unknown = stage().statement(alerts());
    const BlockAnswer amid = post(unknown, 7, alert("seven"));
    CHECK(amid.status == 409);
    CHECK(amid.why.find("run the INSERT again") != std::string::npos);
    CHECK(post(unknown, 7, "", true).status == 200);
    CHECK(post(unknown, 7, alert("eight"), true).status == 409);
}

TEST_CASE("writable tables: who may not write does not, and learns nothing") {
    const std::string path = alerts();
    const std::size_t before = count_of("alerts");
    std::string wrong = path;
    const std::size_t last = path.find('?') - 1;
    wrong[last] = wrong[last] == '0' ? '1' : '0';
    std::string to_read = stage().path({"rows"});
    std::string read_token = path;
    read_token.replace(last - 63, 64, to_read.substr(to_read.find('?') - 64, 64));
    std::string other_topic = path;
    other_topic.replace(path.find("/alerts/"), 8, "/secrets/");
    for (const std::string& guess :
         {wrong, read_token, other_topic, std::string("/write"), std::string("/write/alerts/t/")})
        CHECK(post(stage().statement(guess), 1, alert("no")).status == 404);
    CHECK(post(stage().statement(to_read), 1, "").status == 405);
    CHECK(stage().read(stage().statement(path), 1).front().status == 405);
    CHECK(stage().read(stage().statement(wrong), 1).front().status == 404);
    CHECK(!stage().is_logged(path.substr(last - 63, 64)));
    CHECK(count_of("alerts") == before);
    CHECK(stage()
              .refusal({"--topic", "secrets", "--writable"})
              .find("sql_writable of [segments] does not name topic \"secrets\"") !=
          std::string::npos);
}

TEST_CASE("writable tables: a bad row fails the INSERT, with the row and the reason") {
    const auto why = [&](const std::string& block) {
        const BlockAnswer answer = insert_alert(block);
        CHECK_MESSAGE(answer.status / 100 == 4, answer.status, " ", answer.why);
        return answer.why;
    };
    const std::string good = alert("good");
    const std::string partition = why(good + "v,,9,,\n");
    CHECK_MESSAGE(partition ==
                      "topic alerts, row 2 of block 2 of segment 0: kafka_partition: \"9\" is no "
                      "partition of the topic; it has 0 to 2, and NULL lets Kafka choose",
                  partition);
    CHECK(why("v,,,not json,\n").find("are no headers") != std::string::npos);
    CHECK(why("v,,,,yesterday\n").find("is no time since 1970") != std::string::npos);
    CHECK(why("v,,\n").find("has 3 fields, not 5; did somebody alter the table?") !=
          std::string::npos);
    CHECK(why("v,,,,\"\n").find("not valid CSV") != std::string::npos);
    CHECK(why(good + "v,,,,").find("block 2 of segment 0 ends within a row") != std::string::npos);
    CHECK(why(alert(std::string(2u << 20, 'x'))).find("message.max.bytes") != std::string::npos);
    CHECK(stage().is_logged("a statement that writes to topic alerts failed: " + partition));
    // A row that is larger than the buffer of a segment goes alone, and as a whole.
    CHECK(insert_alert(alert(std::string(500'000, 'y'))).status == 200);
    CHECK(records_of("alerts").back().value.value_or("").size() <= 500'000);
}

TEST_CASE(
    "writable tables: what cannot be is told by the first answer, and before a table is made") {
    const auto first = [&](const std::string& path) {
        return post(stage().statement(path), 1, "");
    };
    const std::string path = alerts();
    const std::string before = path.substr(0, path.find('?'));
    CHECK(first(before).why.find("pipeline=NAME&columns=LIST") != std::string::npos);
    CHECK(first(before + "?columns=kafka_value%2Cother").why.find("\"other\"") !=
          std::string::npos);
    CHECK(first(before + "?columns=kafka_key").why.find("kafka_value") != std::string::npos);
    CHECK(first(before + "?pipeline=rows&columns=id").why.find("no [ingest.rows] with topic") !=
          std::string::npos);
    const BlockAnswer nowhere = first(stage().path({"--topic", "nowhere", "--writable"}));
    CHECK(nowhere.status == 503);
    CHECK(nowhere.why.find("nowhere") != std::string::npos);
    CHECK(shared_broker().admin().partition_count("nowhere") == 0);
    CHECK(stage().refusal({"--writable"}).find("needs NAME") != std::string::npos);
    const std::string several = stage().refusal({"both", "--writable"});
    CHECK_MESSAGE(several.find("[ingest.both] has several tables") != std::string::npos, several);
    CHECK(several.find("--topic alerts") != std::string::npos);
    CHECK(stage().refusal({"--topic", "alerts"}).find("--writable") != std::string::npos);
    CHECK(stage().refusal({"rows", "--writable", "--where", "offset > 1"}).find("--where") !=
          std::string::npos);
    CHECK(stage().refusal({"rows", "--writable", "--topic", "alerts"}).find("does not read") !=
          std::string::npos);
    CHECK(stage().refusal({"rows", "--writable", "--apply"}).find("has no external tables") !=
          std::string::npos);
}

TEST_CASE("writable tables: two statements at once, and hundreds of segments, are kept apart") {
    const std::string path = alerts();
    const std::size_t before = count_of("alerts");
    std::vector<SegmentWrites> writes;
    for (const char* const name : {"a", "b"})
        for (const SegmentAsks& asks : segments_of(stage().statement(path), 300))
            writes.push_back({.asks = asks,
                              .blocks = {alert(name + std::to_string(asks.segment)),
                                         alert(std::string(name) + "-2-") + alert("more")}});
    const auto answers = write_as_segments(stage().port, writes);
    CHECK(std::ranges::count(answers, 200, &BlockAnswer::status) == 600);
    CHECK(count_of("alerts") == before + 600 * 3);
    std::set<std::string> values;
    for (const ReadRecord& record : records_of("alerts"))
        if (record.value) values.insert(*record.value);
    for (const std::string name : {"a", "b"})
        for (int segment = 0; segment < 300; ++segment)
            CHECK(values.contains(name + std::to_string(segment)));
}

TEST_CASE("writable tables: a segment that announces its block is told to go on") {
    const SegmentAsks asks = stage().statement(alerts());
    CHECK(post(asks, 1, "").status == 200);
    std::string head = segment_post(asks, 2, alert("announced"));
    const std::string body = head.substr(head.find("\r\n\r\n") + 4);
    head.resize(head.size() - body.size());
    head.insert(head.find("Content-Type"), "Expect: 100-continue\r\n");
    TcpClient client(stage().port);
    client.send(head);
    CHECK(client.receive(patient(200ms)) == "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(body);
    CHECK(client.receive(patient(10s)).starts_with("HTTP/1.0 200 ok"));
    // Without a length, and with one that is beyond all bounds.
    const auto told = [&](const std::string& length) {
        std::string bytes = segment_post(asks, 3, "");
        const std::size_t at = bytes.find("Content-Length: 0\r\n");
        bytes.replace(at, 19, length);
        TcpClient liar(stage().port);
        liar.send(bytes);
        return liar.receive(patient(10s));
    };
    CHECK(told("").find("HTTP/1.0 411 ") == 0);
    CHECK(told("Transfer-Encoding: chunked\r\n").find("HTTP/1.0 411 ") == 0);
    CHECK(told("Content-Length: 99999999999\r\n").find("HTTP/1.0 413 ") == 0);
    CHECK(post(asks, 2, "", true).status == 200);
}

TEST_CASE("writable tables: what the configuration permits no more is refused from then on") {
    Stage& site = stage();
    const std::string path = alerts();
    site.until_adopted(
        [&] { site.write_configuration("sql_writable = [\"written\"]\n", pipelines); });
    const BlockAnswer refused = post(site.statement(path), 1, "");
    CHECK(refused.status == 403);
    CHECK(refused.why.find("does not name topic alerts") != std::string::npos);
    CHECK(site.metric("sluice_sql_written_rows_total{topic=\"alerts\"}").empty());
    site.until_adopted(
        [&] { site.write_configuration(writable + "sql_statements = 1\n", pipelines); });
    const SegmentAsks one = site.statement(path);
    CHECK(post(one, 1, "").status == 200);
    const BlockAnswer second = post(site.statement(path), 1, "");
    CHECK(second.status == 503);
    CHECK(second.why.find("sql_statements") != std::string::npos);
    CHECK(post(one, 1, "", true).status == 200);
    wait_until([&] { return post(site.statement(path), 1, "").status == 200; }, patient(30s),
               "room for another statement");
    site.until_adopted([&] { site.write_configuration(writable, pipelines); });
}
