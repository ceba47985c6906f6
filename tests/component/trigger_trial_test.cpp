#include "sinks/load/isolation/trigger_trial.h"
#include "tests/component/sink_setup.h"
#include "tests/fixture/fake_cluster.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sluice::test {
namespace {

/// A table of an MPP database, as far as COPY and temporary tables go.
class MppTable : public SinkSetup {
public:
    explicit MppTable(const std::string& columns)
        : SinkSetup(columns), cluster_(fixture::shared_postgres().port()) {
        distribute();
        exec("CREATE SEQUENCE copies MINVALUE 0");
        add_trigger("BEFORE INSERT ON t", "PERFORM nextval('copies'); RETURN NULL;", "counts");
        call_it_mpp();
        anchor(0, 0);
    }

    [[nodiscard]] CloudberrySink sink() const {
        return SinkSetup::sink(
            config::OnReject::dead_letter,
            fixture::shared_postgres().dsn(database, "postgres", cluster_.port()) +
                " sslmode=disable gssencmode=disable");
    }
    /// How many COPYs the table has seen.
    [[nodiscard]] int copies() const {
        return std::stoi(value("SELECT last_value + is_called::int FROM copies"));
    }
    [[nodiscard]] std::string reasons() const {
        return list("SELECT DISTINCT reasons->0->>'reason' FROM sluice.dead_letter ORDER BY 1");
    }

private:
    fixture::FakeCluster cluster_;
};

constexpr const char* before = "BEFORE INSERT ON t FOR EACH ROW";
/// Of three batches: one that fails, one that has no row, and those that work.
constexpr int few_copies = 8;

TestRow one_in_sixty_is_bad(Offset o) {
    return {o, o % 60 == 1 ? "bad" : "city"};
}

TEST_CASE("trigger trial: all rows that a trigger refuses are found at once, in both forms") {
    for (const CopyForm form : {CopyForm::binary, CopyForm::text}) {
        const MppTable table("id bigint, city text");
        table.add_trigger(before,
                          "IF NEW.city = 'bad' THEN RAISE EXCEPTION 'no such city: %', NEW.city;"
                          " END IF; RETURN NEW;");
        CloudberrySink sink = table.sink();
        load_batches(table, sink, one_in_sixty_is_bad, form);
        check_split(table, "o % 60 = 1");
        CHECK(table.copies() <= few_copies);
        CHECK(table.reasons() == "no such city: bad");
    }
}

TEST_CASE("trigger trial: triggers see what those before them and defaults have made of a row") {
    const MppTable table(
        "id bigint, city text, \"At Home\" boolean, grade text COLLATE \"C\" DEFAULT 'plain'");
    // By name the first, with a block's declarations, comments and a semicolon at its end.
    table.exec(
        "CREATE FUNCTION corrects() RETURNS trigger LANGUAGE plpgsql AS $f$ -- new rows\n"
        "<<b>> DECLARE word text := lower(NEW.city); n record; BEGIN /* new */ new.city := b.word;"
        " NEW.\"At Home\" := NEW.city = 'ulm'; RETURN new; END b; $f$;"
        "CREATE TRIGGER a BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION corrects()");
    table.exec(
        "CREATE FUNCTION \"is (it)\"() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN"
        " RAISE 'not % but %', TG_ARGV[0], NEW.city USING ERRCODE = '23514'; END $f$;"
        "CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW"
        " WHEN (new.\"At Home\" AND new.grade = 'plain') EXECUTE FUNCTION \"is (it)\"('a) \"x')");
    table.add_trigger("AFTER INSERT ON t FOR EACH ROW",
                      "ASSERT NEW.id % 100 <> 7, 'a seven'; RETURN NULL;", "c");
    CloudberrySink sink = table.sink();
    load_batches(table, sink, [](Offset o) { return TestRow{o, o % 60 == 1 ? "ULM" : "city"}; });
    check_split(table, "o % 60 = 1 OR o % 100 = 7");
    CHECK(table.copies() <= few_copies);
    CHECK(table.reasons() == "a seven not a) \"x but ulm");
}

TEST_CASE("trigger trial: a row that is skipped is no dead letter") {
    const MppTable table("id bigint, city text");
    table.add_trigger(before,
                      "IF NEW.id % 90 = 4 THEN RETURN NULL; END IF; IF NEW.city = 'bad' THEN"
                      " RAISE EXCEPTION 'no such city'; END IF; RETURN NEW;");
    CloudberrySink sink = table.sink();
    load_batches(table, sink, one_in_sixty_is_bad);
    CHECK(table.rejected() == "150");
    CHECK(table.value("SELECT count(*) FROM t") == "8750");
    CHECK(table.copies() <= few_copies);
}

TEST_CASE("trigger trial: a function that was replaced refuses nothing more") {
    const MppTable table("id bigint, city text");
    table.add_trigger(before,
                      "IF NEW.city = 'bad' THEN RAISE EXCEPTION 'no such city'; END IF;"
                      " RETURN NEW;");
    CloudberrySink sink = table.sink();
    load_batches(table, sink, one_in_sixty_is_bad, CopyForm::binary, 2);
    CHECK(table.rejected() == "100");
    table.exec(
        "CREATE OR REPLACE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RETURN NEW; END'");
    Batch batch = make_batch(6000, 9000, one_in_sixty_is_bad);
    CHECK(retry_reason(sink.commit(batch)).find("have just changed") != std::string::npos);
    CHECK(committed(sink.commit(batch)));
    CHECK(table.rejected() == "100");
}

TEST_CASE("trigger trial: what does not find what COPY ran into is not believed") {
    const MppTable table("id bigint, city text");
    table.add_trigger(before,
                      "IF NEW.id % 7 = 0 AND EXISTS (SELECT 1 FROM pg_trigger WHERE tgname LIKE"
                      " 'sluice%') THEN RAISE EXCEPTION 'another'; END IF; IF NEW.city = 'bad'"
                      " AND NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgname LIKE 'sluice%') THEN"
                      " RAISE EXCEPTION 'no such city'; END IF; RETURN NEW;");
    CloudberrySink sink = table.sink();
    load_batches(table, sink, one_in_sixty_is_bad);
    check_split(table, "o % 60 = 1");
    CHECK(table.reasons() == "no such city");
}

TEST_CASE(
    "trigger trial: a trigger that cannot be tried is left to COPY, whatever was judged before") {
    const MppTable table("id bigint, city text CONSTRAINT known CHECK (city <> 'Atlantis')");
    table.add_trigger("AFTER INSERT ON t FOR EACH ROW",
                      "IF NEW.city = 'bad' THEN RAISE EXCEPTION 'none for %', TG_TABLE_NAME;"
                      " END IF; RETURN NULL;");
    CloudberrySink sink = table.sink();
    const auto load = [&](const char* bad) {
        load_batches(
            table, sink,
            [&](Offset o) {
                return TestRow{o, o % 60 == 1 ? bad : "city"};
            },
            CopyForm::binary, 1);
    };
    load("Atlantis");
    load("city");
    load("bad");
    CHECK(table.rejected() == "100");
    CHECK(table.reasons() ==
          "new row for relation t violates check constraint \"known\" none for t");
}

TEST_CASE("trigger trial: trouble of the world within a trigger makes no row a dead letter") {
    const MppTable table("id bigint, city text");
    table.add_trigger(before,
                      "IF NEW.city = 'bad' THEN RAISE EXCEPTION 'no such city'; END IF;"
                      " IF NEW.id = 3100 THEN RAISE 'full' USING ERRCODE = '53100'; END IF;"
                      " RETURN NEW;");
    CloudberrySink sink = table.sink();
    load_batches(table, sink, one_in_sixty_is_bad, CopyForm::binary, 1);
    Batch batch = make_batch(3000, 6000, one_in_sixty_is_bad);
    CHECK(retry_reason(sink.commit(batch)).find("full") != std::string::npos);
    CHECK(table.rejected() == "50");
}

TEST_CASE("trigger trial: triggers that would not do the same elsewhere are left to COPY") {
    const SinkSetup setup("id bigint, city text, turn int GENERATED ALWAYS AS IDENTITY");
    Session session(setup.dsn, "test");
    const auto can_be_tried = [&](const std::string& source, const std::string& options = "",
                                  const std::string& when = before) {
        setup.exec("CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql " + options +
                   " AS $f$ BEGIN " + source + " END $f$; CREATE TRIGGER judge " + when +
                   " EXECUTE FUNCTION judge()");
        const auto read = read_row_triggers(session, "public.t", {"id", "city"});
        setup.exec("DROP FUNCTION judge CASCADE");
        return read.has_value();
    };
    CHECK(can_be_tried("RETURN NEW;"));
    CHECK(can_be_tried("RETURN NULL;", "", "AFTER INSERT OR DELETE ON t FOR EACH ROW"));
    CHECK_FALSE(can_be_tried("RAISE '%', TG_TABLE_NAME;"));
    CHECK_FALSE(can_be_tried("RAISE '%', Tg_Relid;"));
    CHECK_FALSE(can_be_tried("RAISE '%', to_jsonb(NEW);"));
    CHECK_FALSE(can_be_tried("RAISE '%', NEW.turn;"));
    CHECK_FALSE(can_be_tried("RETURN NEW;", "SECURITY DEFINER"));
    CHECK_FALSE(can_be_tried("RETURN NEW;", "SET search_path = public"));
    CHECK_FALSE(can_be_tried("RETURN NULL;", "", "BEFORE INSERT ON t"));
    CHECK_FALSE(can_be_tried("RETURN NULL;", "", "BEFORE UPDATE ON t FOR EACH ROW"));
    setup.add_trigger("AFTER INSERT ON t FOR EACH ROW", "RETURN NULL;", "one");
    CHECK_FALSE(can_be_tried("RETURN NULL;", "", "AFTER INSERT ON t FOR EACH ROW"));
    setup.exec("ALTER TABLE t DISABLE TRIGGER one");
    CHECK(can_be_tried("RETURN NULL;", "", "AFTER INSERT ON t FOR EACH ROW"));
    setup.exec("CREATE TABLE more () INHERITS (t)");
    CHECK_FALSE(can_be_tried("RETURN NEW;"));
}

}  // namespace
}  // namespace sluice::test
