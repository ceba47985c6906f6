#include "sinks/books/ledger_upkeep.h"
#include "sinks/verify/verify.h"
#include "tests/component/sink_setup.h"
#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

/// A pipeline's part of the database: partition 0 of "orders", the id is the offset.
class Books {
public:
    Books() { setup.anchor(0, 0); }

    [[nodiscard]] ResumePoint point() {
        const PartitionId zero = 0;
        return progress.read({&zero, 1}).front();
    }
    bool set(const ResumePoint& now, Offset to) {
        const ProgressMove move{now.partition, now, to};
        return progress.set({&move, 1});
    }
    /// As a lane would that was opened there.
    CommitResult load(const ResumePoint& at, std::size_t count) {
        Batch batch;
        add_rows(batch, 0, at.next, plain_rows(at.next, count));
        batch.slice(0, at.next).incarnation = at.incarnation;
        return sink.commit(batch);
    }
    void load(std::size_t count) { REQUIRE(committed(load(point(), count))); }

    Verification verified() {
        Session session(setup.dsn, "test");
        return verify(session, {.schema = "sluice",
                                .pipeline = "p",
                                .topics = "orders",
                                .table = setup.table,
                                .partition_column = "part",
                                .offset_column = "id",
                                .topic_column = std::nullopt});
    }
    /// The problems of partition 0, then its notes.
    std::string said() {
        const Verification all = verified();
        std::string text;
        for (const std::string& problem : all.partitions.front().problems)
            text += "problem: " + problem + ". ";
        for (const std::string& note : all.partitions.front().notes) text += note + ". ";
        return text;
    }

    SinkSetup setup{"id bigint, city text, part int DEFAULT 0"};
    CloudberrySink sink = setup.sink();
    CloudberryProgress progress = setup.progress();
};

TEST_CASE("rewind: what is loaded again is explained, whether the old rows are there or not") {
    Books books;
    books.load(100);
    REQUIRE(books.set(books.point(), 50));
    CHECK(books.setup.list("SELECT next_offset, anchor_offset, incarnation FROM sluice.progress") ==
          "50|50|1");
    CHECK(books.said() ==
          "rewound to 50, so offsets 50 to 99 are read once more: the same records, or others "
          "where the log was cut off. 50 rows from before a rewind "
          "are still there. ");
    books.load(20);
    CHECK(books.said() ==
          "rewound to 50, so offsets 50 to 99 are read once more: the same records, or others "
          "where the log was cut off. 50 rows from before a rewind "
          "are still there. ");
    SUBCASE("the old rows stay") {
        books.load(50);
        CHECK(books.said().find("50 rows from before a rewind are still there") !=
              std::string::npos);
    }
    SUBCASE("the old rows were deleted") {
        books.setup.exec("DELETE FROM t WHERE id >= 70");
        books.load(50);
        CHECK(books.said().find("20 rows from before a rewind are still there") !=
              std::string::npos);
    }
    const Verification all = books.verified();
    CHECK(all.fine());
    CHECK(all.partitions.front().loaded == 170);
    CHECK(all.partitions.front().next == 120);
}

TEST_CASE("rewind: what is missing, doubled or from nowhere is still seen") {
    Books books;
    books.load(100);
    REQUIRE(books.set(books.point(), 50));
    books.setup.exec("DELETE FROM t WHERE id >= 50");
    books.load(30);
    CHECK(books.verified().fine());
    SUBCASE("missing where it was loaded again") {
        books.setup.exec("DELETE FROM t WHERE id = 60");
        CHECK(books.said().find("problem: 1 loaded records are missing in the table: 60") !=
              std::string::npos);
    }
    SUBCASE("missing before") {
        books.setup.exec("DELETE FROM t WHERE id = 10");
        CHECK(books.said().find("problem: 1 loaded records are missing in the table: 10") !=
              std::string::npos);
    }
    SUBCASE("doubled before") {
        books.setup.exec("INSERT INTO t VALUES (10, 'again')");
        CHECK(books.said().find("problem: 1 rows are doubled: 10") != std::string::npos);
    }
    SUBCASE("beyond all that was ever loaded") {
        books.setup.exec("INSERT INTO t VALUES (100, 'x')");
        CHECK(books.said().find("problem: 1 rows are at offsets") != std::string::npos);
    }
}

TEST_CASE("rewind: twice, to below the anchor, and folded, it still adds up") {
    Books books;
    books.setup.exec("UPDATE sluice.anchor SET anchor_offset = 40");
    books.load(60);
    REQUIRE(books.set(books.point(), 10));
    books.load(50);
    REQUIRE(books.set(books.point(), 30));
    books.load(10);
    REQUIRE(books.set(books.point(), 30 + 10 + 5));
    books.load(20);
    CHECK(books.setup.list("SELECT kind, from_offset, to_offset, lost, incarnation"
                           " FROM sluice.ledger WHERE kind <> 'batch' ORDER BY incarnation") ==
          "rewound|100|100|0|0 rewound|60|60|0|1 moved|40|45|5|2");
    CHECK(books.verified().fine());
    Session session(books.setup.dsn, "test");
    CHECK(fold_ledger(session, "sluice", "p", std::chrono::seconds(0)).rows > 0);
    CHECK(books.setup.value("SELECT count(*) FROM sluice.ledger WHERE kind = 'rewound'") == "2");
    CHECK(books.verified().fine());
}

TEST_CASE("rewind: who still runs, hidden or frozen, is fenced") {
    Books books;
    books.load(100);
    const ResumePoint old = books.point();
    REQUIRE(books.set(old, 50));
    CHECK(fenced(books.load(old, 10)) == "0");
    books.load(50);
    REQUIRE(books.point().next == old.next);
    CHECK(fenced(books.load(old, 10)) == "0");
    CHECK(books.verified().fine());
}

TEST_CASE("rewind: who reads progress, and is overtaken before moving it, moves nothing") {
    Books books;
    books.load(100);
    const ResumePoint read = books.point();
    books.load(10);
    CHECK_FALSE(books.set(read, 50));
    REQUIRE(books.set(books.point(), 50));
    books.load(50);
    REQUIRE(books.point().next == read.next);
    CHECK_FALSE(books.set(read, 20));
    CHECK(books.setup.next(0) == 100);
    CHECK(books.verified().fine());
}

TEST_CASE("rewind: several partitions move together, or none does") {
    Books books;
    books.load(100);
    const ResumePoint zero = books.point();
    const Position start{1, 7};
    books.progress.anchor({&start, 1});
    const PartitionId one = 1;
    const ResumePoint read = books.progress.read({&one, 1}).front();
    const auto all = [&](const ResumePoint& of_one) {
        return std::vector<ProgressMove>{{0, zero, 50}, {1, of_one, 20}, {2, std::nullopt, 5}};
    };
    ResumePoint overtaken = read;
    overtaken.next = 6;
    CHECK_FALSE(books.progress.set(all(overtaken)));
    CHECK(books.setup.list("SELECT kafka_partition, next_offset FROM sluice.progress ORDER BY 1") ==
          "0|100 1|7");
    CHECK(books.setup.value("SELECT count(*) FROM sluice.ledger WHERE kind <> 'batch'") == "0");
    CHECK(books.progress.set(all(read)));
    CHECK(books.setup.list("SELECT kafka_partition, next_offset FROM sluice.progress ORDER BY 1") ==
          "0|50 1|20 2|5");
    CHECK_FALSE(books.progress.set(all(read)));  // partition 2 has progress by now
    CHECK(books.setup.value("SELECT count(*) FROM sluice.ledger WHERE kind <> 'batch'") == "2");
}

TEST_CASE("rewind: forward, what is skipped is in the ledger as lost") {
    Books books;
    books.load(10);
    REQUIRE(books.set(books.point(), 25));
    books.load(5);
    const Verification all = books.verified();
    CHECK(all.fine());
    CHECK(all.partitions.front().lost == 15);
    CHECK(all.partitions.front().incarnations == 1);
}

/// The program, a broker and a daemon.
struct Stage {
    Stage() {
        broker.admin().create_topic("orders", 2);
        server.create_database("rewind");
        server.exec("create table orders (id int, kpart int, koffset bigint)", "rewind");
        fixture::write_file(config, "[kafka]\nbrokers = \"" + broker.bootstrap() +
                                        "\"\n[cloudberry]\ndsn = \"" + server.dsn("rewind") +
                                        "\"\n[ingest.orders]\ntopic = \"orders\"\n"
                                        "table = \"orders\"\nbatch = { delay = \"20ms\" }\n"
                                        "[ingest.orders.columns]\nid = \"id\"\n"
                                        "kpart = \"@partition\"\nkoffset = \"@offset\"\n");
    }

    void produce(int count) {
        fixture::KafkaProducer producer(broker.client());
        for (int i = 0; i < count; ++i)
            producer.produce("orders", i % 2, "{\"id\": " + std::to_string(i) + "}");
        producer.flush();
    }
    [[nodiscard]] std::string value(const std::string& sql) const {
        return server.value(sql, "rewind");
    }
    void wait_for_rows(const std::string& count) const {
        fixture::wait_until([&] { return value("select count(*) from orders") == count; },
                            fixture::patient(60s), count + " rows");
    }
    fixture::RunResult sluice(std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"-c", config.string()});
        return fixture::run_sluice(arguments);
    }

    fixture::KafkaBroker broker;
    fixture::Postgres& server = fixture::shared_postgres();
    fixture::TempDir dir{"rewind"};
    std::filesystem::path config = dir.path() / "sluice.toml";
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST_CASE(
    "progress: set is refused while the pipeline runs; then it loads again, and verify explains") {
    Stage stage;
    stage.produce(200);
    const std::vector<std::string> rewind = {"progress", "set",      "orders", "--partition",
                                             "1",        "--offset", "40",     "--yes"};
    {
        fixture::Daemon daemon(stage.config);
        stage.wait_for_rows("200");
        const auto refused = stage.sluice(rewind);
        CAPTURE(refused.err);
        CHECK(refused.exit_code == 1);
        CHECK(has(refused.err, "pipeline \"orders\" is running: group \"sluice.orders\""));
        CHECK(stage.value("select max(incarnation) from sluice.progress") == "0");
        // Nor does peek disturb it.
        CHECK(stage.sluice({"peek", "orders", "--limit", "3", "--output", "json"}).exit_code == 0);
        CHECK(daemon.stop() == 0);
    }
    auto unasked = rewind;
    unasked.pop_back();
    CHECK(stage.sluice(unasked).exit_code == 2);
    const auto made = stage.sluice(rewind);
    CAPTURE(made.err);
    CHECK(made.exit_code == 0);
    CHECK(has(made.out, "offsets 40 to 99 are read again"));
    const auto shown = stage.sluice({"progress", "show", "orders", "--output", "json"});
    CHECK(has(shown.out, R"("partition":1,"next_offset":40,"anchor_offset":40,"incarnation":1)"));
    CHECK(has(shown.out, R"("topic_begins":0,"topic_ends":100)"));

    fixture::Daemon daemon(stage.config);
    stage.wait_for_rows("260");
    stage.produce(20);
    stage.wait_for_rows("280");
    CHECK(daemon.stop() == 0);
    const auto verified = stage.sluice({"verify"});
    CAPTURE(verified.out);
    CHECK(verified.exit_code == 0);
    CHECK(has(verified.out, "every offset is accounted for, once"));
    CHECK(has(verified.out, "rewound to 40, so offsets 40 to 99 are read once more: the same"));
}

TEST_CASE("progress: set without progress anchors, and says what cannot be") {
    Stage stage;
    stage.produce(20);
    CHECK(stage.sluice({"schema", "--apply"}).exit_code == 0);
    const auto set = [&](const std::string& partition, const std::string& offset) {
        return stage.sluice(
            {"progress", "set", "orders", "--partition", partition, "--offset", offset, "--yes"});
    };
    CHECK(has(set("0", "11").err, "orders[0] holds offsets 0 to 10"));
    CHECK(has(set("7", "0").err, "has no partition 7"));
    CHECK(has(set("0", "soon").err, "--offset takes a number, earliest, latest, or a time"));
    CHECK(set("0", "soon").exit_code == 2);
    const auto anchored = set("all", "latest");
    CHECK(anchored.exit_code == 0);
    CHECK(has(anchored.out, "reading begins there"));
    CHECK(stage.value("select string_agg(next_offset || ' ' || anchor_offset, ',')"
                      " from sluice.progress") == "10 10,10 10");
    CHECK(has(set("all", "latest").out, "it is there already"));
    CHECK(has(set("0", "1970-01-01T00:00:01Z").out, "offsets 0 to 9 are read again"));
    CHECK(stage.sluice({"progress", "set", "orders"}).exit_code == 2);
    CHECK(stage.sluice({"progress", "reset", "orders"}).exit_code == 2);
}

}  // namespace
}  // namespace sluice::test
