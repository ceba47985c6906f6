#include "tests/component/sink_setup.h"
#include "tests/fixture/fake_cluster.h"
#include "tests/fixture/segment_errors.h"
#include "tests/fixture/tcp_proxy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::test {
namespace {

/// A sink whose errors come as those of an MPP database's segments.
class BehindSegments {
public:
    explicit BehindSegments(const SinkSetup& setup,
                            std::uint16_t server = fixture::shared_postgres().port())
        : proxy_(server),
          dsn_(fixture::shared_postgres().dsn(setup.database, "postgres", proxy_.port()) +
               " sslmode=disable gssencmode=disable") {
        fixture::lose_names(proxy_);
        setup.exec("CREATE SEQUENCE copies");
        setup.add_trigger("BEFORE INSERT ON t FOR EACH STATEMENT",
                          "PERFORM nextval('copies'); RETURN NULL;", "counts");
    }

    [[nodiscard]] CloudberrySink sink(const SinkSetup& setup) const {
        return setup.sink(config::OnReject::dead_letter, dsn_);
    }

private:
    fixture::TcpProxy proxy_;
    std::string dsn_;
};

/// How often rows went to t.
int copies(const SinkSetup& setup) {
    return std::stoi(setup.value("SELECT last_value FROM copies"));
}

std::string reasons_like(const SinkSetup& setup, const std::string& pattern) {
    return setup.value(
        "SELECT count(*) FROM sluice.dead_letter WHERE reasons->0->>'reason' LIKE '" + pattern +
        "'");
}

/// Names another line than the one at which COPY has stopped: each segment stops by itself, so
/// errors come in any order. Numbers keep their width, since the message does.
class LinesInDisorder {
public:
    std::string operator()(std::string bytes) {
        constexpr std::string_view before = "COPY t, line ";
        constexpr std::array lines{200, 220, 240, 260, 280, 300, 320, 340, 1};
        for (auto at = bytes.find(before); at != std::string::npos; at = bytes.find(before, at)) {
            at += before.size();
            const std::size_t end =
                std::min(bytes.find_first_not_of("0123456789", at), bytes.size());
            const std::string line = std::to_string(lines[next_++ % lines.size()]);
            if (line.size() > end - at) continue;
            bytes.replace(at, end - at, std::string(end - at - line.size(), '0') + line);
        }
        return bytes;
    }

private:
    std::size_t next_ = 0;
};

TEST_CASE("segments: the first bad row may be the last that an error names") {
    const SinkSetup setup("id bigint, city text, n int DEFAULT 1 CHECK (n < 2)");
    setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW",
                      "IF NEW.id % 1000 = 750 THEN NEW.n = 2; END IF; RETURN NEW;");
    setup.call_it_mpp();
    setup.anchor(0, 0);
    fixture::TcpProxy proxy(fixture::shared_postgres().port());
    proxy.edit_answers([] { return fixture::TcpProxy::Edit(LinesInDisorder()); });
    CloudberrySink sink =
        setup.sink(config::OnReject::dead_letter,
                   fixture::shared_postgres().dsn(setup.database, "postgres", proxy.port()) +
                       " sslmode=disable gssencmode=disable");
    load_batches(setup, sink, [](Offset o) { return TestRow{o, "city"}; });
    check_split(setup, "o % 1000 = 750");
}

TEST_CASE("segments: rows that break a CHECK are found by queries though no error names it") {
    const SinkSetup setup(
        "id bigint CONSTRAINT few CHECK (id % 100 <> 7), city text CONSTRAINT known CHECK (city <>"
        " 'bad')");
    setup.anchor(0, 0);
    const BehindSegments segments(setup);
    CloudberrySink sink = segments.sink(setup);
    load_batches(setup, sink, [](Offset o) { return TestRow{o, o % 150 == 3 ? "bad" : "city"}; });
    check_split(setup, "o % 100 = 7 OR o % 150 = 3");
    CHECK(std::stoi(reasons_like(setup, "%Failing row%")) < 10);
    CHECK(copies(setup) < 40);
}

TEST_CASE("segments: what queries tell costs one COPY that fails, and none in later batches") {
    struct Kind {
        const char* columns;
        const char* also;
        TestRow bad;
    };
    for (const Kind& kind :
         {Kind{"id bigint, city text CHECK (city <> 'bad')", "ANALYZE t", {1, "bad"}},
          Kind{"id bigint UNIQUE, city text", "INSERT INTO t VALUES (-1, 'older')", {-1, "city"}},
          Kind{"id bigint, city text, UNIQUE (city, id)",
               "INSERT INTO t VALUES (-1, 'older')",
               {-1, "older"}},
          Kind{"id bigint, city text) PARTITION BY LIST (city",
               "CREATE TABLE cities PARTITION OF t FOR VALUES IN ('city')",
               {1, "Ulm"}}}) {
        CAPTURE(std::string(kind.columns));
        const SinkSetup setup(kind.columns);
        setup.exec(kind.also);
        setup.distribute();
        setup.call_it_mpp();
        setup.anchor(0, 0);
        const fixture::FakeCluster cluster(fixture::shared_postgres().port());
        const BehindSegments segments(setup, cluster.port());
        CloudberrySink sink = segments.sink(setup);
        load_batches(setup, sink, [&](Offset o) {
            return o % 100 == 7 ? kind.bad : TestRow{o, "city"};
        });
        setup.exec("DELETE FROM t WHERE id = -1");
        check_split(setup, "o % 100 = 7");
        CHECK(copies(setup) == 1 + usual_batches);
    }
}

TEST_CASE("segments: a unique key is found by the words of an error, or by its kind") {
    for (const char* const also : {"", ", UNIQUE (city, id)"}) {
        const SinkSetup setup(std::string("id bigint UNIQUE, city text") + also);
        setup.anchor(0, 0);
        const BehindSegments segments(setup);
        CloudberrySink sink = segments.sink(setup);
        load_batches(setup, sink, [](Offset o) {
            return TestRow{o % 100 == 9 ? o - 1 : o, "city"};
        });
        check_split(setup, "o % 100 = 9");
        CHECK(copies(setup) < 40);
    }
}

TEST_CASE("segments: the unique key of a partition is its table's") {
    const SinkSetup setup("id bigint UNIQUE, city text) PARTITION BY RANGE (id");
    setup.exec(
        "CREATE TABLE low PARTITION OF t FOR VALUES FROM (0) TO (4000);"
        "CREATE TABLE high PARTITION OF t FOR VALUES FROM (4000) TO (10000)");
    setup.anchor(0, 0);
    const BehindSegments segments(setup);
    CloudberrySink sink = segments.sink(setup);
    load_batches(setup, sink, [](Offset o) { return TestRow{o % 100 == 9 ? o - 1 : o, "city"}; });
    check_split(setup, "o % 100 = 9");
    CHECK(copies(setup) < 40);
}

TEST_CASE("segments: rows without a partition are found by queries, at any depth") {
    const SinkSetup setup("id bigint, city text) PARTITION BY LIST (city");
    setup.exec(
        "CREATE TABLE cities PARTITION OF t FOR VALUES IN ('city');"
        "CREATE TABLE ulm PARTITION OF t FOR VALUES IN ('Ulm') PARTITION BY RANGE (id);"
        "CREATE TABLE ulm_low PARTITION OF ulm FOR VALUES FROM (0) TO (5000)");
    setup.anchor(0, 0);
    const BehindSegments segments(setup);
    CloudberrySink sink = segments.sink(setup);
    load_batches(setup, sink, [](Offset o) {
        if (o % 100 == 7) return TestRow{o, "nowhere"};
        if (o % 150 == 3) return TestRow{o, std::nullopt};
        return TestRow{o, o % 50 == 1 ? "Ulm" : "city"};
    });
    check_split(setup, "o % 100 = 7 OR o % 150 = 3 OR (o % 50 = 1 AND o >= 5000)");
    CHECK(std::stoi(reasons_like(setup, "no partition of relation t found for row")) > 150);
    CHECK(copies(setup) < 40);
}

TEST_CASE("segments: rows without a partition by hash are found by queries") {
    const SinkSetup setup("id bigint, city text) PARTITION BY HASH (id");
    setup.exec(
        "CREATE TABLE one PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE two PARTITION OF t FOR VALUES WITH (MODULUS 64, REMAINDER 1)");
    setup.anchor(0, 0);
    const BehindSegments segments(setup);
    CloudberrySink sink = segments.sink(setup);
    load_batches(setup, sink, [](Offset o) { return TestRow{o, "city"}; });
    check_split(setup,
                "NOT satisfies_hash_partition('t'::regclass, 2, 0, o) AND NOT"
                " satisfies_hash_partition('t'::regclass, 64, 1, o)");
    CHECK(copies(setup) < 60);
}

TEST_CASE("segments: what a trigger refuses costs two stops of COPY, and a share of a third") {
    const SinkSetup setup("id bigint, city text");
    setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW",
                      "IF NEW.city = 'bad' THEN RAISE 'no such city'; END IF; RETURN NEW;");
    setup.call_it_mpp();
    setup.anchor(0, 0);
    const BehindSegments segments(setup);
    CloudberrySink sink = segments.sink(setup);
    load_batches(setup, sink, [](Offset o) { return TestRow{o, o % 100 == 7 ? "bad" : "city"}; });
    check_split(setup, "o % 100 = 7");
    CHECK(copies(setup) < 90 * 5 / 2 + 10);
}

TEST_CASE("segments: rows close together, at both ends, and all of them") {
    const SinkSetup setup("id bigint, city text");
    setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW",
                      "IF NEW.city = 'bad' THEN RAISE 'no such city'; END IF; RETURN NEW;");
    setup.call_it_mpp();
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    load_batches(setup, sink, [](Offset o) {
        const bool bad = o % 3000 < 20 || o % 3000 > 2990 || (o > 6000 && o < 9000);
        return TestRow{o, bad ? "bad" : "city"};
    });
    check_split(setup, "o % 3000 < 20 OR o % 3000 > 2990 OR (o > 6000 AND o < 9000)");
}

TEST_CASE("segments: an error that names another line blames nobody else, and costs little") {
    const SinkSetup setup("id bigint, city text");
    setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW",
                      "IF NEW.city <> 'city' THEN"
                      " EXECUTE 'SELECT 1 / 0 -- ' || E'\\n' || NEW.city; END IF; RETURN NEW;");
    setup.call_it_mpp();
    setup.anchor(0, 0);
    const BehindSegments segments(setup);
    CloudberrySink sink = segments.sink(setup);
    Batch batch = make_batch(0, 3000, [](Offset o) {
        return TestRow{o, o == 50 || o == 2990 ? "COPY t, line 1, column city: x" : "city"};
    });
    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.list("SELECT kafka_offset FROM sluice.dead_letter ORDER BY 1") == "50 2990");
    CHECK(setup.value("SELECT count(*) FROM t") == "2998");
    CHECK(copies(setup) < 100);
}

TEST_CASE("segments: a value that became NULL stays so while its row is set aside") {
    SinkSetup setup("id bigint, city text");
    setup.exec(
        "CREATE DOMAIN named AS text CHECK (VALUE <> 'nobody');"
        "ALTER TABLE t ALTER city TYPE named");
    setup.read_table();
    setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW",
                      "IF NEW.city IS NULL AND NEW.id % 100 = 7 THEN RAISE 'no such id'; END IF;"
                      " RETURN NEW;");
    setup.call_it_mpp();
    setup.anchor(0, 0);
    CloudberrySink sink(
        {.dsn = setup.dsn,
         .identity = setup.identity,
         .loader = copy_loader(setup.table, {"id", "city"}, config::OnInvalid::null)});
    load_batches(
        setup, sink,
        [](Offset o) {
            return TestRow{o, o % 50 == 7 ? "nobody" : "city"};
        },
        CopyForm::text);
    check_split(setup, "o % 100 = 7");
    CHECK(setup.value("SELECT count(*) FROM t WHERE city IS NULL") == "90");
}

}  // namespace
}  // namespace sluice::test
