#include "config/load.h"
#include "tests/fixture/daemon.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/temp_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

using namespace sluice::fixture;

namespace {

using Arguments = std::vector<std::string>;

/// A database as users of kafka_fdw have it: the foreign table, the import's target and its
/// progress, and a topic of which a part was imported. The wrapper needs no library for that.
class Imported {
public:
    static constexpr int partitions = 4;
    static constexpr int records = 200;  // in each partition but the last, which has none

    explicit Imported(const std::string& name) : database_("fdw_" + name), topic_("fdw_" + name) {
        postgres_.create_database(database_);
        exec(
            "CREATE FOREIGN DATA WRAPPER kafka_fdw NO HANDLER;"
            "CREATE SERVER kafka_server FOREIGN DATA WRAPPER kafka_fdw"
            " OPTIONS (mpp_execute 'all segments', brokers '" +
            broker_.bootstrap() +
            "');"
            "CREATE USER MAPPING FOR PUBLIC SERVER kafka_server;"
            "CREATE FOREIGN TABLE kafka_test (part int OPTIONS (partition 'true'),"
            " offs bigint OPTIONS (offset 'true'), some_int int, some_text text, dropped text,"
            " some_date date, some_time timestamp) SERVER kafka_server OPTIONS (format 'csv',"
            " topic '" +
            topic_ +
            "', batch_size '1000', buffer_delay '100');"
            "ALTER FOREIGN TABLE kafka_test DROP COLUMN dropped;"
            "CREATE TABLE dest_table_fdw (part int, offs bigint, some_int int, some_text text,"
            " some_date date, some_time timestamp)");
        broker_.admin().create_topic(topic_, partitions);
        produce(0, records);
    }

    void produce(int from, int to) {
        KafkaProducer producer{broker_.client()};
        for (int partition = 0; partition + 1 < partitions; ++partition)
            for (int number = from; number < to; ++number)
                producer.produce(topic_, partition, value(partition, number));
        producer.flush();
    }

    /// What the documentation's import_kafka_data() does: rows and progress, max(offs) + 1.
    void import(int partition, int up_to) {
        if (value("SELECT to_regclass('kafka_test_import_progress') IS NULL") == "t")
            exec(
                "CREATE TABLE kafka_test_import_progress (part integer PRIMARY KEY,"
                " offs bigint NOT NULL)");
        const std::string part = std::to_string(partition);
        exec("INSERT INTO dest_table_fdw SELECT " + part + ", i, i, '" + part +
             "/' || i, '2026-01-31', '2026-01-31 12:00:00' FROM generate_series(0, " +
             std::to_string(up_to - 1) + ") i; INSERT INTO kafka_test_import_progress VALUES (" +
             part + ", " + std::to_string(up_to) + ")");
    }

    void exec(const std::string& sql) const { postgres_.exec(sql, database_); }
    [[nodiscard]] std::string value(const std::string& sql) const {
        return postgres_.value(sql, database_);
    }
    [[nodiscard]] std::string dsn() const { return postgres_.dsn(database_); }
    [[nodiscard]] const std::string& database() const { return database_; }
    [[nodiscard]] const std::string& topic() const { return topic_; }
    KafkaBroker& broker() { return broker_; }

private:
    [[nodiscard]] static std::string value(int partition, int number) {
        const std::string text = std::to_string(partition) + "/" + std::to_string(number);
        return std::to_string(number) + "," + text + ",2026-01-31,2026-01-31 12:00:00";
    }

    Postgres& postgres_ = shared_postgres();
    KafkaBroker& broker_ = shared_broker();
    std::string database_;
    std::string topic_;
};

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST_CASE("import-fdw: from kafka_fdw to a pipeline that goes on, no row lost or doubled") {
    Imported fdw{"moving"};
    fdw.import(0, 120);
    fdw.import(1, Imported::records);
    fdw.exec("INSERT INTO kafka_test_import_progress VALUES (2, 0)");  // seen, never imported
    TempDir dir{"fdw"};
    const std::string file = dir.path() / "sluice.toml";

    const RunResult made = run_sluice(
        {"import-fdw", "--dsn", fdw.dsn(), "--to", file, "kafka_test=public.dest_table_fdw"});
    REQUIRE_MESSAGE(made.exit_code == 0, made.err);
    CHECK(made.out + made.err == "");
    const auto loaded = sluice::config::load(file);
    REQUIRE(loaded.problems.empty());
    CHECK(loaded.config.ingest.at(0).columns.size() == 6);
    CHECK(loaded.config.ingest.at(0).columns[4].source.position == 3);
    // Nothing was touched so far.
    CHECK(fdw.value("SELECT to_regnamespace('sluice') IS NULL") == "t");

    const RunResult check = run_sluice({"check", "-c", file});
    CHECK_MESSAGE(check.exit_code == 0, check.out << check.err);

    const Arguments take_over = {"import-fdw", "-c", file, "--write-progress"};
    const RunResult taken = run_sluice(take_over);
    CHECK_MESSAGE(taken.exit_code == 0, taken.out << taken.err);
    const char* const offsets =
        "SELECT string_agg(kafka_partition || '@' || next_offset, ' ' ORDER BY 1)"
        " FROM sluice.progress WHERE next_offset = anchor_offset";
    CHECK(fdw.value(offsets) == "0@120 1@200");
    // Once more: the same answer, nothing moves.
    CHECK(run_sluice(take_over).exit_code == 0);
    CHECK(fdw.value(offsets) == "0@120 1@200");

    fdw.produce(Imported::records, Imported::records + 50);
    Daemon daemon{file};
    const std::string all = std::to_string(3 * (Imported::records + 50));
    wait_until([&] { return fdw.value("SELECT count(*) FROM dest_table_fdw") == all; },
               patient(std::chrono::seconds(30)), "all rows");
    CHECK(daemon.stop() == 0);
    CHECK(fdw.value("SELECT count(DISTINCT (part, offs, some_text)) FROM dest_table_fdw") == all);
    CHECK(fdw.value("SELECT count(*) FROM dest_table_fdw WHERE some_int = offs AND some_text ="
                    " part || '/' || offs AND some_date = '2026-01-31'") == all);
    const RunResult verify = run_sluice({"verify", "-c", file});
    CHECK_MESSAGE(verify.exit_code == 0, verify.out << verify.err);
    CHECK(contains(verify.out, "120 rows are from before the pipeline began"));
}

TEST_CASE("import-fdw: never writes over a file or over progress") {
    Imported fdw{"careful"};
    fdw.import(0, 120);
    fdw.import(1, 130);
    TempDir dir{"fdw"};
    const std::string file = dir.path() / "sluice.toml";
    const Arguments make = {"import-fdw", "--dsn", fdw.dsn(), "--to", file};
    REQUIRE(run_sluice(make).exit_code == 0);
    const std::string before = read_file(file);
    const RunResult again = run_sluice(make);
    CHECK(again.exit_code == 2);
    CHECK(contains(again.err, "is there already"));
    CHECK(read_file(file) == before);

    const Arguments take_over = {"import-fdw", "-c", file, "--write-progress"};
    REQUIRE(run_sluice(take_over).exit_code == 0);

    // A foreign table that is not in the configuration was left out of it on purpose, unless it is
    // asked for.
    fdw.exec(
        "CREATE FOREIGN TABLE unwanted (a int) SERVER kafka_server"
        " OPTIONS (format 'json', topic 'u')");
    const RunResult without = run_sluice(take_over);
    CHECK_MESSAGE(without.exit_code == 0, without.out << without.err);
    CHECK(contains(without.out, "unwanted: the configuration has no [ingest.unwanted]"));
    Arguments with = take_over;
    with.emplace_back("unwanted");
    CHECK(run_sluice(with).exit_code == 1);
    fdw.exec("DROP FOREIGN TABLE unwanted");
    fdw.exec(
        "INSERT INTO sluice.anchor SELECT pipeline, cluster_id, topic, kafka_partition,"
        " incarnation + 1, 5, moved_at, writer FROM sluice.progress WHERE kafka_partition = 1");
    const RunResult kept = run_sluice(take_over);
    CHECK(kept.exit_code == 1);
    CHECK(contains(kept.out, "has progress of its own, which was left as it is"));
    CHECK(fdw.value("SELECT next_offset FROM sluice.progress WHERE kafka_partition = 1") == "5");
}

TEST_CASE("import-fdw: says what Kafka does not hold any more, and waits for an import to end") {
    Imported fdw{"lost"};
    fdw.import(0, 20);
    fdw.import(1, 1000);
    fdw.broker().admin().delete_records(fdw.topic(), 0, 50);
    TempDir dir{"fdw"};
    const std::string file = dir.path() / "sluice.toml";
    const Arguments both = {"import-fdw", "--dsn", fdw.dsn(), "--to", file, "--write-progress"};
    {
        PgConnection import = shared_postgres().connect(fdw.database());
        import.exec("BEGIN; UPDATE kafka_test_import_progress SET offs = 30 WHERE part = 0");
        const RunResult during = run_sluice(both);
        CHECK(during.exit_code == 1);
        CHECK(contains(during.err,
                       "an import is at work on \"public\".\"kafka_test_import_progress\""));
        CHECK(contains(during.err, "wait until it has"));
    }
    const RunResult after =
        run_sluice({"import-fdw", "-c", file, "--write-progress", "--output", "json"});
    CHECK(after.exit_code == 1);
    CHECK(contains(after.out, "Kafka has deleted 30 records that were not imported"));
    CHECK(contains(after.out, "Kafka holds only 0 to 200"));
    CHECK(fdw.value("SELECT next_offset FROM sluice.progress WHERE kafka_partition = 0") == "20");
}

TEST_CASE("import-fdw: asks when there is more than one way") {
    Imported fdw{"ways"};
    fdw.exec(
        "CREATE SERVER other FOREIGN DATA WRAPPER kafka_fdw OPTIONS (brokers 'x:1');"
        "CREATE SCHEMA s; CREATE FOREIGN TABLE s.kafka_test (a int OPTIONS (json 'b'))"
        " SERVER other OPTIONS (format 'json', topic 't')");
    const RunResult both = run_sluice({"import-fdw", "--dsn", fdw.dsn()});
    CHECK(both.exit_code == 2);
    CHECK(contains(both.err, "kafka_server, other"));
    const RunResult one = run_sluice({"import-fdw", "--dsn", fdw.dsn(), "--server", "other"});
    CHECK(one.exit_code == 0);
    CHECK(contains(one.out, "brokers = \"x:1\""));
    CHECK(contains(one.out, "a = \"b\""));
    const RunResult unknown = run_sluice({"import-fdw", "--dsn", fdw.dsn(), "no_such=t"});
    CHECK(unknown.exit_code == 2);
    CHECK(contains(unknown.err, "there is no foreign table \"no_such\""));
    CHECK(run_sluice({"import-fdw", "--dsn", fdw.dsn(), "s.kafka_test=nowhere"}).exit_code != 0);
    CHECK(run_sluice({"import-fdw"}).exit_code == 2);
}

}  // namespace
