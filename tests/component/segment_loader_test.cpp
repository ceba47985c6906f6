#include "sinks/load/segments/segment_loader.h"
#include "config/load.h"
#include "segments/server.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/load/make_loader.h"
#include "sinks/load/segments/check_segments.h"
#include "tests/component/sink_setup.h"
#include "tests/fakes/partitions.h"
#include "tests/fixture/fake_cluster.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using Segments = fixture::FakeCluster::Segments;

/// A daemon's server for segments, and a database that has some.
class Cluster {
public:
    explicit Cluster(const SinkSetup& setup, std::chrono::milliseconds timeout = 60s,
                     const segments::Way::Pauses& way_again = {})
        : server_(registry_, {.way_again = way_again}),
          cluster_(fixture::shared_postgres().port()),
          dsn_(fixture::shared_postgres().dsn(setup.database, "postgres", cluster_.port()) +
               " sslmode=disable gssencmode=disable") {
        const std::string address = "127.0.0.1:" + std::to_string(fixture::free_port());
        REQUIRE(server_.adopt({.advertised = address, .timeout = timeout}).empty());
        REQUIRE(server_.move_to(address).empty());
    }

    [[nodiscard]] CloudberrySink sink(const SinkSetup& setup, std::size_t least_rows = 0) {
        return CloudberrySink(
            {.dsn = dsn_,
             .identity = setup.identity,
             .loader = segment_loader(
                 {.table = setup.table, .columns = {"id", "city"}},
                 {.server = &server_, .pipeline = "orders", .least_rows = least_rows})});
    }
    /// To which COPY is left where segments do not fetch.
    [[nodiscard]] CloudberrySink sink_with_copy(const SinkSetup& setup,
                                                std::chrono::milliseconds patience = 300ms) {
        return CloudberrySink(
            {.dsn = dsn_,
             .identity = setup.identity,
             .loader = segment_loader({.table = setup.table, .columns = {"id", "city"}},
                                      {.server = &server_,
                                       .pipeline = "orders",
                                       .unfetched = SegmentRoute::Unfetched::copy,
                                       .patience = patience})});
    }
    [[nodiscard]] const std::string& dsn() const { return dsn_; }
    fixture::FakeCluster* operator->() { return &cluster_; }
    segments::Server& server() { return server_; }
    [[nodiscard]] bool is_counted(const std::string& line) {
        return registry_.text().find(line + "\n") != std::string::npos;
    }

private:
    metrics::Registry registry_;
    segments::Server server_;
    fixture::FakeCluster cluster_;
    std::string dsn_;
};

Batch cities(Offset from, Offset to) {
    return make_batch(
        from, to,
        [](Offset offset) {
            return TestRow{offset, "city"};
        },
        CopyForm::text);
}

std::string rows_and_ledger(const SinkSetup& setup) {
    return setup.value(
        "SELECT (SELECT count(*) || '/' || count(DISTINCT id) FROM t) || ' ' ||"
        " coalesce((SELECT sum(loaded) FROM sluice.ledger), 0)");
}

/// A pipeline's records of partition 0 into t, each with a key.
class JsonPipeline {
public:
    JsonPipeline(const SinkSetup& setup, Cluster& cluster, const std::string& keys)
        : setup_(setup), ingest_(ingest_of(keys)) {
        Session session(setup.dsn, "test");
        const Table table = read_target(session, ingest_);
        mapper_.emplace(ingest_, table);
        sink_.emplace(CloudberrySinkOptions{
            .dsn = cluster.dsn(),
            .identity = setup.identity,
            .loader = make_loader(ingest_, table, *mapper_, "sluice", &cluster.server())});
    }

    void commit(const std::vector<std::pair<std::string, std::optional<std::string>>>& records) {
        Batch batch;
        const Offset from = setup_.next(0);
        for (const auto& [key, value] : records) {
            Slice& slice = batch.slice(0, from);
            const Record record{.from = fakes::orders(0),
                                .offset = slice.range.to,
                                .key = key,
                                .value = value,
                                .headers = {}};
            REQUIRE(mapper_->map(batch.records.append(record), batch) == RowMapper::Outcome::row);
            ++slice.loaded;
            ++slice.range.to;
            slice.last = identify(record);
        }
        const CommitResult result = sink_->commit(batch);
        CHECK(retry_reason(result) == "");
        REQUIRE(committed(result));
    }

private:
    static config::Ingest ingest_of(const std::string& keys) {
        const auto loaded = config::parse(
            "[kafka]\nbrokers = 'b:1'\n[cloudberry]\ndsn = 'dbname=d'\n"
            "[segments]\nlisten = '127.0.0.1:1'\nadvertise = 'h'\n"
            "[ingest.p]\ntopic = 'orders'\ntable = 't'\nload = 'segments'\n" +
                keys,
            "sluice.toml");
        for (const config::Problem& problem : loaded.problems) FAIL(to_string(problem));
        return loaded.config.ingest.front();
    }

    const SinkSetup& setup_;
    config::Ingest ingest_;
    std::optional<RowMapper> mapper_;
    std::optional<CloudberrySink> sink_;
};

}  // namespace

TEST_CASE("segment loader: SQL and where see what segments have brought") {
    const SinkSetup setup("id bigint, total numeric, note text");
    setup.anchor(0, 0);
    Cluster cluster(setup);
    JsonPipeline bills(setup, cluster,
                       "where = 'price is not null'\n"
                       "fields = { price = { from = 'price', type = 'numeric(10,2)' } }\n"
                       "columns = { id = 'id', note = 'note', total = { sql = 'price * 2' } }\n");
    bills.commit({{"", R"({"id": 1, "price": "1.50", "note": "a\tb\\c\nd"})"},
                  {"", R"({"id": 2, "note": "no price"})"},
                  {"", R"({"id": 3, "price": "2.25", "note": null})"}});
    CHECK(setup.list("SELECT id, total, replace(replace(note, E'\t', 'T'), E'\n', 'N') FROM t"
                     " ORDER BY id") == R"(1|3.00|aTb\cNd 3|4.50|NULL)");
    CHECK(setup.list("SELECT loaded, filtered FROM sluice.ledger") == "2|1");
    CHECK(cluster->reads() == 1);
}

TEST_CASE("segment loader: changes that segments have brought are merged") {
    const SinkSetup setup("id bigint PRIMARY KEY, city text, tags text[]");
    setup.call_it_mpp();
    setup.anchor(0, 0);
    Cluster cluster(setup);
    JsonPipeline shops(setup, cluster,
                       "mode = 'merge'\ndelete_when = '@tombstone'\n"
                       "columns = { id = '@key/id', city = 'city', tags = 'tags' }\n");
    shops.commit({{R"({"id": 1})", R"({"city": "Ulm", "tags": ["a", "b,c"]})"},
                  {R"({"id": 2})", R"({"city": "Bern"})"},
                  {R"({"id": 1})", R"({"city": "Köln", "tags": []})"}});
    shops.commit({{R"({"id": 2})", std::nullopt}, {R"({"id": 3})", R"({"city": "Graz"})"}});
    CHECK(setup.list("SELECT id, city, tags FROM t ORDER BY id") == "1|Köln|{} 3|Graz|NULL");
    CHECK(cluster->reads() == 2);
    CHECK(cluster->tables() == 1);
}

TEST_CASE("segment loader: check sends a row the whole way, and says what to do where it ends") {
    const SinkSetup setup("id bigint");
    Cluster cluster(setup);
    Session session(cluster.dsn(), "test");
    config::Load load = config::Load::segments;
    const auto found = [&] {
        const std::vector<Finding> findings = check_segments(session, "p", load, cluster.server());
        return findings.empty() ? "" : to_string(findings.front());
    };
    CHECK(found().find("set load = \"copy\"") != std::string::npos);
    setup.call_it_mpp();
    session.close();
    CHECK(found() == "");
    CHECK(cluster->reads() == 1);
    cluster->let(Segments::find_nobody);
    CHECK(found().find("segments do not fetch rows from gpfdist://127.0.0.1:") !=
          std::string::npos);
    CHECK(found().find("at advertise in [segments]") != std::string::npos);
    CHECK(found().find("rows go by COPY") == std::string::npos);
    load = config::Load::by_size;
    CHECK(found().find("rows go by COPY; each segment's host must reach") != std::string::npos);
    CHECK(cluster.is_counted("sluice_segments_way_closed{pipeline=\"check\"} 0"));
    CHECK(setup.value("SELECT count(*) FROM pg_class WHERE relname = 'sluice_way'") == "0");
}

TEST_CASE("segment loader: batches go through one external table, and COPY sees none of them") {
    const SinkSetup setup("id bigint, city text, seen timestamptz DEFAULT now()");
    setup.anchor(0, 0);
    Cluster cluster(setup);
    CloudberrySink sink = cluster.sink(setup);
    for (Offset from = 0; from < 30'000; from += 10'000) {
        Batch batch = cities(from, from + 10'000);
        REQUIRE(committed(sink.commit(batch)));
    }
    CHECK(rows_and_ledger(setup) == "30000/30000 30000");
    CHECK(setup.value("SELECT count(*) FROM t WHERE seen IS NULL") == "0");
    CHECK(cluster->tables() == 1);
    CHECK(cluster->reads() == 3);
    CHECK(cluster.is_counted("sluice_segments_rows_total{pipeline=\"orders\"} 30000"));
    CHECK(cluster.is_counted("sluice_segments_readers{pipeline=\"orders\"} 3"));
}

TEST_CASE("segment loader: whatever segments do wrong, the batch is tried again and loaded once") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    Cluster cluster(setup);
    CloudberrySink sink = cluster.sink(setup);
    Offset from = 0;
    for (const auto& [wrong, reason] :
         {std::pair{Segments::hang_up, "gpfdist server closed connection"},
          {Segments::ask_twice, "http response code 409"},
          {Segments::come_late, "http response code 409"},
          {Segments::find_nobody, "connection with gpfdist failed"}}) {
        Batch batch = cities(from, from + 5000);
        cluster->let(wrong);
        const std::string why = retry_reason(sink.commit(batch));
        CHECK_MESSAGE(why.find(reason) != std::string::npos, why);
        cluster->let(Segments::read);
        REQUIRE(committed(sink.commit(batch)));
        from += 5000;
        const std::string all = std::to_string(from);
        CHECK(rows_and_ledger(setup) == all + "/" + all + " " + all);
    }
    CHECK(setup.rejected() == "0");
}

TEST_CASE(
    "segment loader: rows that a table takes for itself are loaded by COPY, which counts none") {
    const SinkSetup setup("id bigint, city text");
    setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW",
                      "IF NEW.id % 10 = 3 THEN RETURN NULL; END IF; RETURN NEW;");
    setup.call_it_mpp();
    setup.anchor(0, 0);
    Cluster cluster(setup);
    CloudberrySink sink = cluster.sink(setup);
    for (Offset from = 0; from < 3000; from += 1000) {
        Batch batch = cities(from, from + 1000);
        REQUIRE(committed(sink.commit(batch)));
    }
    CHECK(rows_and_ledger(setup) == "2700/2700 3000");
    CHECK(cluster->reads() == 1);
    CHECK(setup.value("SELECT count(*) FROM t WHERE xmin::text NOT IN"
                      " (SELECT xmin::text FROM sluice.ledger)") == "0");  // behind savepoints
}

TEST_CASE("segment loader: a table with rules for INSERT is loaded by COPY, which obeys none") {
    const SinkSetup setup("id bigint, city text");
    setup.exec("CREATE TABLE other (LIKE t)");
    setup.anchor(0, 0);
    Cluster cluster(setup);
    CloudberrySink sink = cluster.sink(setup);
    const auto load = [&](Offset from) {
        Batch batch = cities(from, from + 1000);
        REQUIRE(committed(sink.commit(batch)));
    };
    load(0);
    const auto reads = cluster->reads();
    setup.exec("CREATE RULE away AS ON INSERT TO t DO INSTEAD INSERT INTO other VALUES (NEW.*)");
    load(1000);
    setup.exec("DROP RULE away ON t; CREATE RULE too AS ON INSERT TO t DO ALSO SELECT 1");
    load(2000);
    CHECK(cluster->reads() == reads);
    setup.exec("DROP RULE too ON t");
    load(3000);
    CHECK(cluster->reads() > reads);
    CHECK(rows_and_ledger(setup) == "4000/4000 4000");
    CHECK(setup.value("SELECT count(*) FROM other") == "0");
}

TEST_CASE("segment loader: a row that is lost on the way to its table is not lost") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    Cluster cluster(setup);
    CloudberrySink sink = cluster.sink(setup);
    cluster->let(Segments::lose_a_row);
    Batch batch = cities(0, 5000);
    REQUIRE(committed(sink.commit(batch)));
    CHECK(rows_and_ledger(setup) == "5000/5000 5000");
}

TEST_CASE("segment loader: rows that the database refuses are dead letters, and no others") {
    const SinkSetup setup("id bigint CHECK (id % 100 <> 7), city text");
    setup.anchor(0, 0);
    Cluster cluster(setup);
    CloudberrySink sink = cluster.sink(setup);
    load_batches(
        setup, sink,
        [](Offset o) {
            return TestRow{o, "city"};
        },
        CopyForm::text);
    check_split(setup, "o % 100 = 7");
    CHECK(cluster->reads() >= 1);
}

TEST_CASE("segment loader: segments that are silent are not waited for longer than configured") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    Cluster cluster(setup, 300ms);
    CloudberrySink sink = cluster.sink(setup);
    cluster->let(Segments::are_silent);
    Batch batch = cities(0, 1000);
    const std::string why = retry_reason(sink.commit(batch));
    CHECK_MESSAGE(why.find("no segment came for the rows: the statement took 300ms, which is "
                           "timeout in [segments]") != std::string::npos,
                  why);
    cluster->let(Segments::read);
    REQUIRE(committed(sink.commit(batch)));
    CHECK(rows_and_ledger(setup) == "1000/1000 1000");
}

TEST_CASE("segment loader: where COPY is left, it loads what segments do not fetch, once") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    Offset from = 0;
    for (const Segments wrong : {Segments::find_nobody, Segments::are_silent, Segments::miss_one,
                                 Segments::hang_up, Segments::ask_twice, Segments::come_late}) {
        Cluster cluster(setup);
        CloudberrySink sink = cluster.sink_with_copy(setup);
        cluster->let(wrong);
        Batch batch = cities(from, from + 1000);
        const CommitResult result = sink.commit(batch);
        CHECK(retry_reason(result) == "");
        REQUIRE(committed(result));
        from += 1000;
        const std::string all = std::to_string(from);
        CHECK(rows_and_ledger(setup) == all + "/" + all + " " + all);
        CHECK(cluster.is_counted("sluice_segments_way_closed{pipeline=\"orders\"} 1"));
    }
}

TEST_CASE("segment loader: a way that failed is left alone for a while, and then tried again") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    const auto load = [&](CloudberrySink& sink, Offset from) {
        Batch batch = cities(from, from + 1000);
        REQUIRE(committed(sink.commit(batch)));
    };
    {
        Cluster cluster(setup);
        CloudberrySink one = cluster.sink_with_copy(setup);
        cluster->let(Segments::find_nobody);
        load(one, 0);
        CHECK(cluster->reads() == 1);
        cluster->let(Segments::read);
        load(one, 1000);
        CloudberrySink another = cluster.sink_with_copy(setup);  // lane of the same pipeline
        load(another, 2000);
        CHECK(cluster->reads() == 1);
    }
    Cluster cluster(setup, 60s, {.first = 1s, .longest = 1s});
    CloudberrySink sink = cluster.sink_with_copy(setup);
    Offset next = 3000;
    const auto load_until_read = [&](int reads) {
        fixture::wait_until(
            [&] {
                load(sink, std::exchange(next, next + 1000));
                return cluster->reads() == reads;
            },
            fixture::patient(20s), "segments that are tried again");
    };
    cluster->let(Segments::find_nobody);
    load_until_read(1);
    load_until_read(2);
    cluster->let(Segments::read);
    load_until_read(3);
    CHECK(cluster.is_counted("sluice_segments_way_closed{pipeline=\"orders\"} 0"));
    const std::string all = std::to_string(next);
    CHECK(rows_and_ledger(setup) == all + "/" + all + " " + all);
}

TEST_CASE("segment loader: nobody is sent to an address that another daemon has") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    Cluster cluster(setup);
    REQUIRE(cluster.server().move_to("").empty());
    CloudberrySink waiting = cluster.sink(setup);
    Batch batch = cities(0, 1000);
    const std::string why = retry_reason(waiting.commit(batch));
    CHECK_MESSAGE(why.find("this daemon does not listen for segments") != std::string::npos, why);
    CloudberrySink sink = cluster.sink_with_copy(setup);
    REQUIRE(committed(sink.commit(batch)));
    CHECK(cluster->reads() == 0);
    CHECK(rows_and_ledger(setup) == "1000/1000 1000");
}

TEST_CASE("segment loader: rows that are refused close no way") {
    const SinkSetup setup("id bigint CHECK (id <> 7), city text");
    setup.anchor(0, 0);
    Cluster cluster(setup);
    CloudberrySink sink = cluster.sink_with_copy(setup);
    Batch batch = cities(0, 1000);
    REQUIRE(committed(sink.commit(batch)));
    CHECK(rows_and_ledger(setup) == "999/999 999");
    CHECK(cluster.is_counted("sluice_segments_way_closed{pipeline=\"orders\"} 0"));
}

TEST_CASE("segment loader: a database without segments gets rows by COPY, and is asked once") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    Cluster cluster(setup);
    CloudberrySink sink(
        {.dsn = setup.dsn,
         .identity = setup.identity,
         .loader = segment_loader({.table = setup.table, .columns = {"id", "city"}},
                                  {.server = &cluster.server(), .pipeline = "orders"})});
    for (Offset from = 0; from < 3000; from += 1000) {
        Batch batch = cities(from, from + 1000);
        REQUIRE(committed(sink.commit(batch)));
    }
    CHECK(rows_and_ledger(setup) == "3000/3000 3000");
    CHECK(cluster.is_counted("sluice_segments_way_closed{pipeline=\"orders\"} 1"));
}

TEST_CASE("segment loader: small batches go by COPY where the size decides") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    Cluster cluster(setup);
    CloudberrySink sink = cluster.sink(setup, 1000);
    Batch small = cities(0, 999);
    REQUIRE(committed(sink.commit(small)));
    CHECK(cluster->reads() == 0);
    Batch large = cities(999, 1999);
    REQUIRE(committed(sink.commit(large)));
    CHECK(cluster->reads() == 1);
    CHECK(rows_and_ledger(setup) == "1999/1999 1999");
}

TEST_CASE("segment loader: another session, or another address, is another path") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    Cluster cluster(setup);
    CloudberrySink sink = cluster.sink(setup);
    Batch first = cities(0, 100);
    REQUIRE(committed(sink.commit(first)));
    setup.exec(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ="
        " 'sluice/p'");
    Batch second = cities(100, 200);
    fixture::wait_until([&] { return committed(sink.commit(second)); }, fixture::patient(10s),
                        "a commit by another session");
    CHECK(cluster->tables() == 2);
    const std::string moved = "localhost:" + cluster.server().listening().substr(10);
    REQUIRE(cluster.server().adopt({.advertised = moved}).empty());
    Batch third = cities(200, 300);
    REQUIRE(committed(sink.commit(third)));
    CHECK(cluster->tables() == 3);
    CHECK(rows_and_ledger(setup) == "300/300 300");
}

}  // namespace sluice::test
