#include "tests/component/sql_stage.h"
#include "tests/fixture/kafka_producer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

constexpr int in_each = 400;

/// Topic "rows" with three partitions, in each of which one record is no row.
class Stage : public SqlStage {
public:
    Stage() : SqlStage("sql_tables") {
        exec(
            "create table rows (id int, note text);"
            "create table pairs (id int primary key, note text);"
            "create table masked (id text);"
            "create table mixed (id int, note text)");
        for (const char* const topic : {"rows", "pairs", "large"})
            shared_broker().admin().create_topic(topic, 3);
        KafkaProducer producer(shared_broker().client());
        for (int i = 0; i < in_each; ++i)
            for (const int partition : {0, 1, 2})
                producer.produce(
                    "rows", partition,
                    i == 7 ? R"({"id": "x"})"
                           : R"({"id": )" + std::to_string(i) + R"(, "note": "a\tb\\c\nd"})");
        producer.produce(
            {.topic = "pairs", .partition = 0, .key = R"({"id": 1})", .value = R"({"note": "n"})"});
        producer.produce(
            {.topic = "pairs", .partition = 0, .key = R"({"id": 1})", .value = std::nullopt});
        producer.flush();
        configure();
        start();
    }

    void configure(const std::string& keys = "", const std::string& more = "") const {
        write_configuration(keys,
                            "[ingest.rows]\ntopic = \"rows\"\ntable = \"rows\"\n"
                            "[ingest.pairs]\ntopic = \"pairs\"\ntable = \"pairs\"\n"
                            "mode = \"merge\"\ndelete_when = \"@tombstone\"\n"
                            "columns = { id = \"@key/id\", note = \"note\" }\n"
                            "[ingest.masked]\ntopic = \"rows\"\ntable = \"masked\"\n"
                            "columns = { id = { from = \"/id\", mask = 1 } }\n"
                            "[ingest.mixed]\ntopic = [\"rows\", \"pairs\"]\ntable = \"mixed\"\n" +
                                more);
    }
};

Stage& stage() {
    static Stage only;
    return only;
}

/// "0 17": of all that were read whole; fails where one came twice.
std::set<std::string> places(const std::vector<SegmentRead>& reads) {
    std::set<std::string> all;
    for (const SegmentRead& read : reads) {
        CHECK_MESSAGE(read.whole, read.error);
        std::size_t line = 0;
        while (line < read.rows.size()) {
            const std::size_t tab = read.rows.find('\t', line);
            const std::size_t next = read.rows.find('\t', tab + 1);
            CHECK(all.insert(read.rows.substr(line, tab - line) + " " +
                             read.rows.substr(tab + 1, next - tab - 1))
                      .second);
            line = read.rows.find('\n', line) + 1;
        }
    }
    return all;
}

std::string error_of(const std::vector<SegmentRead>& reads) {
    return reads.front().error;
}

}  // namespace

TEST_CASE("sql tables: segments of one statement share the topic's rows, each once") {
    const std::string path = stage().path({"rows"});
    CHECK(stage().printed.find("CREATE READABLE EXTERNAL TABLE \"public\".\"rows_topic\" "
                               "(\"kafka_partition\" integer, \"kafka_offset\" bigint, \"id\" "
                               "integer, \"note\" text) LOCATION ('") != std::string::npos);
    const std::string before = stage().metric("sluice_sql_rejects_total{pipeline=\"rows\"}");
    const auto reads = stage().read(stage().statement(path));
    CHECK(places(reads).size() == 3 * (in_each - 1));
    CHECK(!places(reads).contains("1 7"));
    CHECK(before.empty());
    CHECK(stage().metric("sluice_sql_rejects_total{pipeline=\"rows\"}") == "3");
    std::string rows;
    for (const SegmentRead& read : reads) rows += read.rows;
    CHECK(rows.find("0\t8\t8\ta\\tb\\\\c\\nd\n") != std::string::npos);
    // More segments than blocks, and again: another statement sees all of it anew.
    CHECK(places(stage().read(stage().statement(path), 64)).size() == 3 * (in_each - 1));
}

TEST_CASE("sql tables: of several topics, a row says of which it is") {
    const std::string path = stage().path({"mixed"});
    CHECK(
        stage().printed.find("\"mixed_topic\" (\"kafka_topic\" text, \"kafka_partition\" integer, "
                             "\"kafka_offset\" bigint, \"id\"") != std::string::npos);
    std::string rows;
    for (const SegmentRead& read : stage().read(stage().statement(path))) {
        CHECK_MESSAGE(read.whole, read.error);
        rows += read.rows;
    }
    CHECK(rows.find("rows\t0\t8\t8\ta") != std::string::npos);
    CHECK(rows.find("pairs\t0\t0\t\\N\tn\n") != std::string::npos);
}

TEST_CASE("sql tables: only what is asked for is read") {
    const std::string path =
        stage().path({"rows", "--where",
                      "(partition = 0 and offset > 100) or (partition = 1 and offset > 397)"});
    const auto found = places(stage().read(stage().statement(path)));
    CHECK(found.size() == 299 + 2);
    CHECK(found.contains("0 101"));
    CHECK(found.contains("1 399"));
    const std::string all = stage().path({"rows"});
    CHECK(places(stage().read(stage().statement(all + "&where=id%20in%20(3,5)"))).size() == 6);
    CHECK(places(stage().read(stage().statement(all + "&where=partition%20%3D%209"))).empty());
    CHECK(error_of(stage().read(stage().statement(all + "&where=id%20is"))).find("where") !=
          std::string::npos);
    CHECK(stage().read(stage().statement(all + "&what=1")).front().status == 400);
}

TEST_CASE("sql tables: what a column hides where= may not ask for, by whatever name") {
    const std::string all = stage().path({"masked"});
    for (const char* const asked :
         {"id%3D1", "%22%2Fid%22%3D1", "value%20like%20%27%25%27", "%22VALUE%22%20like%20%27%25%27",
          "%40value%20like%20%27%25%27"}) {
        const std::string error =
            error_of(stage().read(stage().statement(all + "&where=" + asked)));
        CHECK_MESSAGE(error.find("which a column of [ingest.masked] hides") != std::string::npos,
                      asked, ": ", error);
    }
    const auto reads = stage().read(stage().statement(all + "&where=note%20is%20not%20null"));
    CHECK(places(reads).size() == 3 * (in_each - 1));
}

TEST_CASE("sql tables: segments of another cluster get nothing of this one's statement") {
    const SegmentAsks asks = stage().statement(stage().path({"rows"}));
    auto reads = std::vector{segments_of(asks, 2).front(), segments_of(asks, 3)[1]};
    auto mixed = read_as_segments(stage().port, {reads.front()});
    CHECK(mixed.front().whole);
    mixed = read_as_segments(stage().port, {reads.back()});
    CHECK(mixed.front().status == 409);
}

TEST_CASE("sql tables: statements that are over keep no thread of the system's") {
    const auto mappings = [] {
        std::ifstream maps("/proc/" + std::to_string(stage().daemon->pid()) + "/maps");
        return std::count(std::istreambuf_iterator<char>(maps), {}, '\n');
    };
    const std::string path = stage().path({"rows", "--where", "offset < 3"});
    const auto run = [&](int times) {
        for (int time = 0; time < times; ++time)
            CHECK(stage().read(stage().statement(path), 1).front().whole);
    };
    run(3);
    const auto before = mappings();
    constexpr int times = 20;
    run(times);
    CHECK(mappings() < before + times);  // two of each thread that nobody joins
}

TEST_CASE("sql tables: who has no token gets nothing, and learns nothing") {
    const std::string path = stage().path({"rows"});
    std::string wrong = path;
    const std::size_t last = path.find('?') - 1;
    wrong[last] = wrong[last] == '0' ? '1' : '0';
    const std::string other = stage().path({"rows", "--table", "other"});
    std::string of_other = other;
    of_other.replace(of_other.find("/other/"), 7, "/public.rows_topic/");
    for (const std::string& guess :
         {wrong, of_other, path.substr(0, last - 3), std::string("/sql"),
          std::string("/sql/rows/t/"), std::string("/sql/nothing/t/") + std::string(64, '0')})
        CHECK(stage().read(stage().statement(guess)).front().status == 404);
    CHECK(stage().daemon->log().find(path.substr(path.rfind('/') + 1, 64)) == std::string::npos);
}

TEST_CASE(
    "sql tables: a segment that asks twice is refused, and one that comes late gets nothing") {
    auto segments = segments_of(stage().statement(stage().path({"rows"})), 4);
    SegmentAsks asks = segments.back();
    segments.pop_back();
    CHECK(places(read_as_segments(stage().port, segments)).size() == 3 * (in_each - 1));
    CHECK(read_as_segments(stage().port, segments).front().status == 409);
    const auto late = read_as_segments(stage().port, {asks});
    CHECK(late.front().whole);
    CHECK(late.front().rows.empty());
    asks.sn = "1";  // another scan of the same statement
    CHECK(places(read_as_segments(stage().port, {asks})).size() == 3 * (in_each - 1));
}

TEST_CASE("sql tables: what one segment leaves, as LIMIT has it, the others read") {
    const SegmentAsks asks = stage().statement(stage().path({"rows"}));
    auto segments = segments_of(asks, 3);
    TcpClient(stage().port).send(segment_request(segments.front()));
    TcpClient scanner(stage().port);  // who says nothing
    segments.erase(segments.begin());
    for (const SegmentRead& read : read_as_segments(stage().port, segments))
        CHECK_MESSAGE(read.whole, read.error);
}

TEST_CASE("sql tables: a record that is no row fails the statement where that is asked for") {
    const std::string path = stage().path({"rows"});
    const std::string why = error_of(stage().read(stage().statement(path + "&rejects=fail"), 1));
    CHECK_MESSAGE(why.find("a record cannot become a row: rows[0]") == 0, why);
    CHECK(why.find("column \"id\"") != std::string::npos);
    CHECK(why.find("rejects=skip") != std::string::npos);
}

TEST_CASE("sql tables: changes say whether their row comes or goes") {
    const std::string path = stage().path({"pairs"});
    const auto reads = stage().read(stage().statement(path), 1);
    CHECK(reads.front().rows == "0\t0\tupsert\t1\tn\n0\t1\tdelete\t1\t\\N\n");
}

TEST_CASE("sql tables: other columns than the table has are told, not shifted") {
    std::string path = stage().path({"rows"});
    const std::size_t at = path.find("columns=") + 8;
    path[at] = path[at] == '0' ? '1' : '0';
    CHECK(error_of(stage().read(stage().statement(path))).find("make it anew: sluice sql rows") !=
          std::string::npos);
}

TEST_CASE("sql tables: a pipeline's progress and its group notice nothing") {
    const auto books = [&] {
        return shared_postgres().value(
            "select count(*) || ' ' || coalesce(sum(loaded), 0) from"
            " sluice.ledger where pipeline = 'rows'",
            "sql_tables");
    };
    wait_until(
        [&] {
            return shared_postgres().value("select count(*) from rows", "sql_tables") ==
                   std::to_string(3 * (in_each - 1));
        },
        patient(60s), "the rows in the table");
    const std::string before = books();
    static_cast<void>(stage().read(stage().statement(stage().path({"rows"}))));
    CHECK(books() == before);
    CHECK(shared_postgres().value("select count(*) from rows", "sql_tables") ==
          std::to_string(3 * (in_each - 1)));
}

TEST_CASE("sql tables: what cannot be is told before a table is made") {
    CHECK(stage().refusal({"rows", "--where", "offset >"}).find("where") != std::string::npos);
    CHECK(stage().refusal({"rows", "--apply"}).find("has no external tables") != std::string::npos);
    CHECK(stage().refusal({"rows", "--at", "nowhere"}).find("HOST:PORT") != std::string::npos);
    CHECK(stage().refusal({"rows", "--table", "a b"}).find("schema.table") != std::string::npos);
    CHECK(stage().path({"rows", "--at", "127.0.0.1:" + std::to_string(stage().port)}) ==
          stage().path({"rows"}));
}

namespace {

constexpr int large_records = 3000;
const std::string large_pipeline = "[ingest.large]\ntopic = \"large\"\ntable = \"rows\"\n";

/// More than any buffer between the topic and a segment that does not read.
void fill_large() {
    KafkaProducer producer(shared_broker().client());
    for (int i = 0; i < large_records; ++i)
        producer.produce(
            "large", 0,
            R"({"id": )" + std::to_string(i) + R"(, "note": ")" + std::string(10'000, 'x') + "\"}");
    producer.flush();
}

}  // namespace

TEST_CASE("sql tables: a statement reads no more bytes, and no longer, than is permitted") {
    Stage& site = stage();
    fill_large();
    site.until_adopted([&] { site.configure("sql_bytes = \"1MiB\"\n", large_pipeline); });
    const std::string path = site.path({"large"});
    const std::string bytes = error_of(site.read(site.statement(path)));
    CHECK_MESSAGE(bytes.find("1MiB of the topic, the most that sql_bytes of [segments] permits") !=
                      std::string::npos,
                  bytes);
    const std::string few = site.path({"large", "--where", "partition = 0 and offset < 50"});
    CHECK(places(site.read(site.statement(few))).size() == 50);

    site.until_adopted([&] { site.configure("timeout = \"1s\"\n", large_pipeline); });
    TcpClient sleeper(site.port);
    sleeper.send(segment_request(site.statement(path)));
    wait_until([&] { return site.is_logged("the longest that timeout of [segments] permits"); },
               patient(30s), "the time limit");
    const SegmentRead late = read_answer(sleeper.receive(patient(30s)));
    CHECK(!late.whole);
    CHECK(late.error.find("ask for less by where=") != std::string::npos);
}

TEST_CASE("sql tables: a segment that reads slowly gets it all, and holds up no other statement") {
    Stage& site = stage();
    site.until_adopted([&] { site.configure("sql_statements = 1\n", large_pipeline); });
    const std::string path = site.path({"large"});
    TcpClient slow(site.port);
    slow.send(segment_request(site.statement(path)));
    const SegmentAsks other = site.statement(path);
    wait_until([&] { return site.read(other, 1).front().status == 503; }, patient(30s),
               "the limit of statements");
    CHECK(site.read(site.statement(path), 1).front().error.find("sql_statements") !=
          std::string::npos);
    const SegmentRead all = read_answer(slow.receive(patient(60s)));
    CHECK_MESSAGE(all.whole, all.error);
    CHECK(places({all}).size() == large_records);
    // With room for two, it holds up nobody.
    site.until_adopted([&] { site.configure("sql_statements = 2\n", large_pipeline); });
    TcpClient another(site.port);
    another.send(segment_request(site.statement(path)));
    CHECK(places(site.read(site.statement(site.path({"rows"})))).size() == 3 * (in_each - 1));
    CHECK(read_answer(another.receive(patient(60s))).whole);
}

TEST_CASE("sql tables: of a pipeline that is gone nothing is read, and no series stays") {
    Stage& site = stage();
    site.until_adopted([&] { site.configure("", large_pipeline); });
    const std::string path = site.path({"large", "--where", "offset < 3"});
    const std::string rows = "sluice_sql_rows_total{pipeline=\"large\"}";
    CHECK(places(site.read(site.statement(path))).size() == 3);
    CHECK(!site.metric(rows).empty());
    site.until_adopted([&] { site.configure(); });
    CHECK(site.read(site.statement(path)).front().status == 404);
    CHECK(site.metric(rows).empty());
    CHECK(!site.metric("sluice_sql_rows_total{pipeline=\"rows\"}").empty());
}
