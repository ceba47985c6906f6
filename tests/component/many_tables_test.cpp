#include "sinks/catalogue/catalogue.h"
#include "sinks/load/make_loader.h"
#include "tests/component/routed_record.h"
#include "tests/component/sink_setup.h"

#include <doctest/doctest.h>

#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

/// Hundreds of tables must not cost hundreds of times what one costs: on an MPP database each
/// statement is sent on to all segments. Statements are counted, by the server.
namespace sluice::test {
namespace {

const fixture::Postgres& counting_server() {
    static const fixture::Postgres server(
        {.settings = {{"shared_preload_libraries", "'pg_stat_statements'"}}});
    return server;
}

struct Counted : SinkSetup {
    Counted() : SinkSetup("id bigint, city text", counting_server()) {
        exec("CREATE EXTENSION pg_stat_statements");
    }
    void forget() const { exec("SELECT pg_stat_statements_reset()"); }
    /// What was run since, "BEGIN 1, COPY 5, …": each kind with how often.
    [[nodiscard]] std::string statements() const {
        return value(
            "SELECT coalesce(string_agg(kind || ' ' || calls, ', ' ORDER BY kind), '') FROM"
            " (SELECT split_part(ltrim(query), ' ', 1) AS kind, sum(calls) AS calls"
            " FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid"
            " WHERE datname = current_database() AND query NOT LIKE '%pg_stat_statements%'"
            " GROUP BY 1) counted");
    }
};

/// How many of them are COPYs; leaves the others.
int take_copies(std::string& statements) {
    const std::string copy = "COPY ";
    const std::size_t at = statements.find(copy);
    REQUIRE_MESSAGE(at != std::string::npos, statements);
    const int copies = std::stoi(statements.substr(at + copy.size()));
    statements.erase(at, statements.find(',', at) - at);
    return copies;
}

int sum_of(const std::string& statements) {
    std::istringstream words(statements);
    int sum = 0;
    for (std::string word; words >> word;)
        if (word.find_first_of("0123456789") == 0) sum += std::stoi(word);
    return sum;
}

std::vector<std::string> numbered_tables(int count) {
    std::vector<std::string> names;
    for (int number = 0; number < count; ++number) names.push_back("u" + std::to_string(number));
    return names;
}

/// A sink of tables u0, u1, …, or of these: the partition of the same number goes to each.
class ManyTables {
public:
    explicit ManyTables(int count) : ManyTables(numbered_tables(count)) {}
    explicit ManyTables(std::vector<std::string> names) : names_(std::move(names)) {
        setup.exec("CREATE SCHEMA closed");
        for (const std::string& table : names_) {
            const auto partition = static_cast<PartitionId>(partitions_.size());
            setup.exec("CREATE TABLE " + table + " (id bigint CHECK (id <> 13), city text)");
            setup.anchor(partition, 0);
            partitions_.push_back(partition);
            config::Ingest ingest;
            ingest.name = "p";
            ingest.table = table;
            auto& mapping = ingest.columns.emplace_back();
            mapping.column = mapping.source.text = "id";
            mapping.source.path = {"id"};
            Session session(setup.dsn, "test");
            targets_->set(table, {{.ingest = ingest, .table = read_target(session, ingest)}});
        }
        write_by(setup.dsn);
    }
    void write_by(const std::string& dsn) {
        sink_.emplace(CloudberrySinkOptions{.dsn = dsn,
                                            .identity = setup.identity,
                                            .targets = targets_,
                                            .loader_of = loaders_of(targets_, nullptr, "sluice"),
                                            .tips = tips_});
    }
    /// A role that may do what a pipeline has to, and no more.
    void write_by_loader() {
        counting_server().create_role("loader");
        for (const char* schema : {"sluice", "closed", "public"}) {
            const std::string in_schema = std::string(" IN SCHEMA ") + schema + " TO loader;";
            setup.exec(std::string("GRANT USAGE ON SCHEMA ") + schema +
                       " TO loader; GRANT SELECT, INSERT, UPDATE ON ALL TABLES" + in_schema +
                       "GRANT USAGE ON ALL SEQUENCES" + in_schema);
        }
        write_by(counting_server().dsn(setup.database, "loader"));
    }

    /// As a pipeline does before it serves them.
    void resume() const {
        static_cast<void>(CloudberryProgress(setup.dsn, setup.identity, tips_).read(partitions_));
    }
    /// So many records of each partition, whose id is this; of these partitions one is 13, which
    /// their tables refuse.
    Batch batch(int id, const std::set<PartitionId>& refused = {}, int records = 1) {
        Batch batch;
        for (const PartitionId partition : partitions_) {
            const Offset first = setup.next(partition);
            for (int i = 0; i < records; ++i) {
                const bool is_refused = refused.contains(partition) && i == records / 2;
                add_routed_record(batch, *targets_, partition, first + i,
                                  R"({"id": )" + std::to_string(is_refused ? 13 : id) + "}");
            }
        }
        return batch;
    }
    /// "1: why. " of each table that is held up; "": none is.
    std::string commit(Batch batch) {
        const CommitResult result = sink_->commit(batch);
        CHECK(retry_reason(result) == "");
        std::string text;
        if (const auto* held = std::get_if<HeldUp>(&result)) {
            for (const HeldUp::Target& target : held->targets)
                text += std::to_string(target.id) + ": " + target.reason + ". ";
        } else {
            CHECK(committed(result));
        }
        return text;
    }
    std::string commit(int id) { return commit(batch(id)); }
    /// Without what is held up.
    std::string commit_rest(int id, const std::vector<PartitionId>& held) {
        Batch rest = batch(id);
        rest.drop(held);
        return commit(std::move(rest));
    }
    [[nodiscard]] std::string rows() const {
        std::string all;
        for (const std::string& name : names_) all += setup.value("SELECT count(*) FROM " + name);
        return all;
    }

    Counted setup;

private:
    std::vector<std::string> names_;
    std::vector<PartitionId> partitions_;
    std::shared_ptr<Targets> targets_ = std::make_shared<Targets>();
    std::shared_ptr<TipsRead> tips_ = std::make_shared<TipsRead>();
    std::optional<CloudberrySink> sink_;
};

TEST_CASE("many tables: a batch costs a COPY for each, and what one table would cost beside") {
    for (const int count : {2, 20}) {
        CAPTURE(count);
        ManyTables tables(count);
        tables.resume();
        REQUIRE(tables.commit(1) == "");
        Batch batch = tables.batch(2);
        tables.setup.forget();
        REQUIRE(tables.commit(std::move(batch)) == "");
        // BEGIN, LOCK and ROLLBACK: whether somebody is in the way. SELECT: what the tables are.
        CHECK(tables.setup.statements() == "BEGIN 2, COMMIT 1, COPY " + std::to_string(count) +
                                               ", INSERT 1, LOCK 1, ROLLBACK 1, SELECT 1, SET 2");
        CHECK(tables.rows() == std::string(static_cast<std::size_t>(count), '2'));
    }
}

TEST_CASE("many tables: the first batch asks as much of 20 partitions as of 40") {
    std::string first;
    for (const int count : {20, 40}) {
        ManyTables tables(count);
        Batch batch = tables.batch(1);
        tables.setup.forget();
        tables.resume();
        CHECK(tables.setup.statements() == "SELECT 4");  // the session's two, version(), the tips
        tables.setup.forget();
        REQUIRE(tables.commit(std::move(batch)) == "");
        std::string statements = tables.setup.statements();
        CHECK(take_copies(statements) == count);
        if (first.empty()) first = statements;
        CHECK(statements == first);
    }
}

TEST_CASE("many tables: those that were altered are told together, and the rest goes on") {
    ManyTables tables(5);
    REQUIRE(tables.commit(1) == "");
    tables.setup.exec("ALTER TABLE u1 ALTER id TYPE double precision");
    tables.setup.exec("ALTER TABLE u3 ALTER id TYPE double precision");
    tables.setup.exec("ALTER TABLE u4 ALTER city TYPE varchar(9)");  // which nobody fills
    const std::string changed =
        ": column \"id\" has changed since it was looked up: it was bigint; a new start takes it "
        "as it is now. ";
    CHECK(tables.commit(2) ==
          R"(1: table "public"."u1")" + changed + R"(3: table "public"."u3")" + changed);
    CHECK(tables.rows() == "11111");
    CHECK(tables.commit_rest(2, {1, 3}) == "");
    CHECK(tables.rows() == "21212");
}

TEST_CASE("many tables: an error is told of the table that it is about") {
    ManyTables tables(4);
    const std::string body = "RAISE 'not now' USING ERRCODE = '58P01';";
    tables.setup.add_trigger("BEFORE INSERT ON u2 FOR EACH STATEMENT", body);
    const std::string told = tables.commit(1);
    CHECK_MESSAGE(told.starts_with(R"(2: table "public"."u2": not now)"), told);
    CHECK(tables.commit_rest(1, {2}) == "");
    tables.setup.exec("DROP TRIGGER judge ON u2; ALTER TABLE u0 RENAME TO elsewhere");
    const std::string gone = tables.commit(1);
    CHECK_MESSAGE(gone.starts_with(R"(0: table "public"."u0": relation "public.u0" does not)"),
                  gone);
    tables.setup.exec("ALTER TABLE elsewhere RENAME TO u0");
    CHECK(tables.commit(1) == "");
    CHECK(tables.rows() == "2212");
}

/// Each of these, in this order, whatever else the errors say.
bool tells_in_order(const std::string& told, const std::vector<std::string>& reasons) {
    std::size_t at = 0;
    for (const std::string& reason : reasons) {
        at = told.find(reason, at);
        if (at == std::string::npos) return false;
    }
    return true;
}

const std::string denied_1 = R"(1: table "closed"."u1": permission denied for schema closed)";
const std::string denied_2 = R"(2: table "closed"."u2": permission denied for schema closed)";

TEST_CASE("many tables: those in a schema that is closed to the role are told, the rest goes on") {
    ManyTables tables({"u0", "closed.u1", "closed.u2", "u3"});
    tables.write_by_loader();
    REQUIRE(tables.commit(1) == "");
    tables.setup.exec("REVOKE USAGE ON SCHEMA closed FROM loader");
    const std::string told = tables.commit(2);
    CHECK_MESSAGE(tells_in_order(told, {denied_1, denied_2}), told);
    CHECK_MESSAGE(!tells_in_order(told, {R"("public")"}), told);
    CHECK(tables.commit_rest(2, {1, 2}) == "");
    CHECK(tables.rows() == "2112");
    tables.setup.exec("ALTER TABLE u3 ALTER id TYPE double precision");
    const std::string with_drift = tables.commit(3);
    CHECK_MESSAGE(
        tells_in_order(with_drift, {denied_1, denied_2, R"(3: table "public"."u3": column "id")"}),
        with_drift);
    CHECK(tables.commit_rest(3, {1, 2, 3}) == "");
    tables.setup.exec("ALTER TABLE u3 ALTER id TYPE bigint");
    tables.setup.exec("GRANT USAGE ON SCHEMA closed TO loader");
    CHECK(tables.commit(3) == "");
    CHECK(tables.rows() == "4223");
    CHECK(tables.setup.rejected() == "0");
}

TEST_CASE("many tables: one that is out of reach when all have their rows stops no other") {
    ManyTables tables({"u0", "closed.u1", "u2"});
    tables.write_by_loader();
    REQUIRE(tables.commit(1) == "");
    // Behind the COPY into closed.u1, and undone with it.
    tables.setup.exec(
        "CREATE FUNCTION close() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN"
        " REVOKE USAGE ON SCHEMA closed FROM loader; RETURN NULL; END $$;"
        "CREATE TRIGGER close AFTER INSERT ON u2 FOR EACH STATEMENT EXECUTE FUNCTION close()");
    // Row by row each table is looked at when it has its own, which is before that.
    CHECK(tables.commit(2) == "");
    CHECK(tables.rows() == "222");
    const std::string told = tables.commit(3);
    CHECK_MESSAGE(tells_in_order(told, {denied_1}), told);
    CHECK(tables.commit_rest(3, {1}) == "");
    CHECK(tables.rows() == "323");
    CHECK(tables.setup.rejected() == "0");
}

TEST_CASE(
    "many tables: what one of them refuses is a dead letter, and the others have their rows") {
    ManyTables tables(4);
    tables.setup.exec("ALTER TABLE u1 DROP CONSTRAINT u1_id_check");
    CHECK(tables.commit(13) == "");
    CHECK(tables.rows() == "0100");
    CHECK(tables.setup.rejected() == "3");
    CHECK(tables.commit(1) == "");
    CHECK(tables.rows() == "1211");
}

TEST_CASE("many tables: where one refuses a row, the others cost a COPY each and no more") {
    int few_others = 0;
    int few_copies = 0;
    for (const int count : {6, 26}) {
        ManyTables tables(count);
        REQUIRE(tables.commit(1) == "");
        Batch batch = tables.batch(2, {1});  // of the second table in any order of names
        tables.setup.forget();
        REQUIRE(tables.commit(std::move(batch)) == "");
        std::string others = tables.setup.statements();
        const int copies = take_copies(others);
        if (few_others == 0) {
            few_others = sum_of(others);
            few_copies = copies;
        }
        // With many tables the books have asked before what kind of server this is.
        CHECK_MESSAGE(sum_of(others) <= few_others, others);
        CHECK(copies - few_copies == (count == 6 ? 0 : 20));
        CHECK(tables.setup.rejected() == "1");
        std::string rows(static_cast<std::size_t>(count), '2');
        rows[1] = '1';
        CHECK(tables.rows() == rows);
    }
}

TEST_CASE("many tables: where refusals go on, none is tried as a whole first, and drift is seen") {
    constexpr int many = 40;
    ManyTables tables(4);
    const auto begins = [&] {
        Batch batch = tables.batch(2, {1}, many);
        tables.setup.forget();
        REQUIRE(tables.commit(std::move(batch)) == "");
        const std::string statements = tables.setup.statements();
        REQUIRE_MESSAGE(statements.starts_with("BEGIN "), statements);
        return std::stoi(statements.substr(6));
    };
    const int with_a_try = begins();
    CHECK(begins() == with_a_try - 1);
    CHECK(tables.rows() == "80788080");
    tables.setup.exec("ALTER TABLE u2 ALTER id TYPE double precision");
    const std::string told = tables.commit(tables.batch(2, {1}, many));
    CHECK_MESSAGE(told.starts_with(R"(2: table "public"."u2": column "id" has changed)"), told);
    CHECK(tables.rows() == "80788080");
    Batch rest = tables.batch(2, {1}, many);
    rest.drop(std::vector<PartitionId>{2});
    CHECK(tables.commit(std::move(rest)) == "");
    CHECK(tables.rows() == "12011780120");
    CHECK(tables.setup.rejected() == "3");
}

TEST_CASE("many tables: whichever refuse rows, all others have theirs") {
    constexpr int count = 7;
    ManyTables tables(count);
    std::mt19937 random(11);  // NOLINT(*-msc51-cpp): the same each time
    std::vector<int> expected(count);
    int rejected = 0;
    for (int round = 0; round < 9; ++round) {
        CAPTURE(round);
        std::set<PartitionId> refused;
        for (PartitionId partition = 0; partition < count; ++partition)
            if (random() % 3 == 0) refused.insert(partition);
        Batch batch = tables.batch(1, refused);
        REQUIRE(tables.commit(std::move(batch)) == "");
        rejected += static_cast<int>(refused.size());
        std::string rows;
        for (PartitionId partition = 0; partition < count; ++partition) {
            const auto at = static_cast<std::size_t>(partition);
            expected[at] += refused.contains(partition) ? 0 : 1;
            rows += std::to_string(expected[at]);
        }
        CHECK(tables.rows() == rows);
        CHECK(tables.setup.rejected() == std::to_string(rejected));
    }
}

TEST_CASE("many partitions: anchors and progress cost as many statements as of one") {
    Counted setup;
    std::vector<Position> starts;
    std::vector<PartitionId> all(60);
    std::iota(all.begin(), all.end(), 0);
    for (const PartitionId partition : all) starts.push_back({partition, 10 + partition});
    CloudberryProgress progress = setup.progress();
    setup.anchor(7, 1);
    static_cast<void>(progress.topics());
    setup.forget();
    progress.anchor(starts);
    CHECK(setup.statements() == "BEGIN 1, COMMIT 1, INSERT 1");
    setup.forget();
    const std::vector<ResumePoint> points = progress.read(all);
    CHECK(setup.statements() == "SELECT 2");
    REQUIRE(points.size() == all.size());
    for (const ResumePoint& point : points)
        CHECK(point.next == (point.partition == 7 ? 1 : 10 + point.partition));
}

TEST_CASE("many partitions: of all together the books say what they say of each") {
    for (const bool mpp : {false, true}) {
        CAPTURE(mpp);
        Counted setup;
        if (mpp) setup.call_it_mpp();
        for (const PartitionId partition : {0, 1, 2, 3, 5}) setup.anchor(partition, 5);
        CloudberrySink sink = setup.sink();
        Batch batch;
        for (const PartitionId partition : {1, 2, 3})
            add_rows(batch, partition, 5, plain_rows(5, 20));
        REQUIRE(committed(sink.commit(batch)));
        setup.move_progress(2, 10);  // back, so another incarnation
        setup.move_progress(3, 40);  // forth
        // What somebody has deleted begins behind all that the ledger has.
        setup.exec("DELETE FROM sluice.anchor WHERE kafka_partition = 1");
        const std::vector<Position> anew{{0, 9}, {1, 0}, {4, 8}};
        CloudberryProgress progress = setup.progress();
        progress.anchor(anew);
        const std::vector<PartitionId> all{5, 4, 3, 2, 1, 0, 6};
        std::string together;
        std::string each;
        const auto add = [](std::string& text, const std::vector<ResumePoint>& points) {
            for (const ResumePoint& point : points)
                text += std::to_string(point.partition) + ": " + std::to_string(point.next) + " " +
                        std::to_string(point.incarnation) + " " +
                        std::to_string(point.last.offset) + " " +
                        std::to_string(point.last.checksum) + ", ";
        };
        add(together, progress.read(all));
        for (const PartitionId partition : all) add(each, progress.read({&partition, 1}));
        CHECK(together == each);
        CHECK(together.find("1: 0 1 -1 0, ") != std::string::npos);
        CHECK(together.find("2: 10 1 -1 0, ") != std::string::npos);
        CHECK(together.find("0: 5 0 -1 0, ") != std::string::npos);
    }
}

/// All that a mapping or a loader asks of it.
std::string looks_of(const Table& table) {
    std::string text = table.schema + "." + table.name + " " + std::to_string(table.references);
    for (const Column& column : table.columns)
        text += "\n" + column.name + " " + column.type_name + " " + column.collation +
                (column.not_null ? " not null" : "") + (column.has_default ? " default" : "") +
                (column.generated ? " generated" : "") + (column.identity ? " identity" : "") +
                (column.deterministic ? "" : " by collation");
    text += "\nkey";
    for (const std::string& column : table.primary_key) text += " " + column;
    for (const Index& index : table.indexes) {
        text += index.unique ? "\nunique" : "\nindex";
        for (const std::string& column : index.columns) text += " " + column;
    }
    return text;
}

TEST_CASE("many tables: of all together the catalogue says what it says of each") {
    Counted setup;
    setup.exec(
        "CREATE TABLE a (id bigint PRIMARY KEY, name varchar(10) COLLATE \"C\" NOT NULL);"
        "CREATE TABLE \"B c\" (n numeric(10,2) DEFAULT 7, a bigint REFERENCES a, UNIQUE (n));"
        "CREATE TABLE d (i int GENERATED ALWAYS AS IDENTITY, j int GENERATED ALWAYS AS (1) STORED);"
        "CREATE INDEX ON d (j DESC); CREATE TABLE e (n numeric REFERENCES \"B c\" (n), t text);"
        "CREATE UNLOGGED TABLE quick (id int); CREATE VIEW shown AS SELECT * FROM a;"
        "CREATE TABLE parts (id bigint) PARTITION BY LIST (id);"
        "CREATE UNLOGGED TABLE part PARTITION OF parts FOR VALUES IN (1)");
    const std::vector<std::string> fit{"a", "\"B c\"", "public.d", "e", "t"};
    std::vector<std::string> names = fit;
    names.insert(names.end(), {"quick", "shown", "parts", "part", "nowhere"});
    Session session(setup.dsn, "test");
    static_cast<void>(read_table(session, "t"));
    setup.forget();
    const TablesByName few = read_tables(session, {"t", "a"});
    const std::string statements = setup.statements();
    setup.forget();
    const TablesByName tables = read_tables(session, names);
    CHECK(few.size() == 2);
    // One more, for views.
    CHECK(statements == "SELECT 7, WITH 2");
    CHECK(setup.statements() == "SELECT 8, WITH 2");
    CHECK(tables.size() == fit.size());
    for (const std::string& name : fit) {
        REQUIRE_MESSAGE(tables.contains(name), name);
        CHECK(looks_of(tables.at(name)) == looks_of(read_table(session, name)));
    }
    CHECK(tables.at("e").references == 2);
    CHECK_THROWS_AS(static_cast<void>(read_tables(session, {"a", "b."})), DatabaseError);
}

}  // namespace
}  // namespace sluice::test
