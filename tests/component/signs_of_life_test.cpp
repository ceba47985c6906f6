// What is slow and goes on, and what hangs: only the second is stuck.
#include "tests/component/admin_stage.h"

#include <algorithm>

using namespace sluice::fixture;

namespace {

/// A pipeline "slow" whose table takes its time with each row, refuses negative amounts, and waits
/// for a lock where the id is 13.
class SlowTable {
public:
    explicit SlowTable(const std::string& name) : stage(name, "1s") {
        stage.exec(
            "create table slow (id bigint primary key, amount numeric);"
            "create function judge() returns trigger language plpgsql as $$ begin"
            " perform pg_sleep(0.04);"
            " if new.id = 13 then perform pg_advisory_xact_lock(4711); end if;"
            " if new.amount < 0 then raise exception 'negative'; end if;"
            " return new; end $$;"
            "create trigger judge before insert or update on slow for each row execute function "
            "judge()");
        stage.add("[ingest.slow]\ntopic = \"" + stage.topic() +
                  "\"\ntable = \"slow\"\nmode = \"merge\"\nkey = [\"id\"]\nlanes = 1\n"
                  "batch = { delay = \"100ms\" }\n");
        stage.until([&] { return stage.post("/pipelines/slow/pause") == 200; }, "the pipeline");
    }
    void produce(int first, int last, int amount) {
        for (int id = first; id <= last; ++id)
            stage.produce(1, R"({"id": )" + std::to_string(id) + R"(, "amount": )" +
                                 std::to_string(amount) + "}");
    }
    /// All that was produced is one batch.
    void begin() const { CHECK(stage.post("/pipelines/slow/resume") == 200); }
    /// For how long it has been at one batch.
    double seconds_at_it() const {
        return std::stod(stage.value(
            "select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0) from "
            "pg_stat_activity where application_name = 'sluice/slow'"));
    }
    std::string dead_letters() const {
        return stage.value("select count(*) from sluice.dead_letter where pipeline = 'slow'");
    }

    AdminStage stage;
};

}  // namespace

TEST_CASE("signs of life: looking for many refused rows may take its time, and is not stuck") {
    SlowTable table("life_rows");
    table.produce(101, 180, -1);
    table.begin();
    double longest = 0;
    std::string complaints;
    table.stage.until(
        [&] {
            const double at_it = table.seconds_at_it();
            longest = std::max(longest, at_it);
            const std::string why = table.stage.get("/readyz").body;
            if (at_it > 0 && contains(why, "stuck")) complaints += why + "\n";
            return table.dead_letters() == "80";
        },
        "the dead letters");
    CHECK(longest > 3);
    CHECK_MESSAGE(complaints.empty(), complaints);
}

TEST_CASE("signs of life: a statement that hangs amidst refused rows is stuck") {
    SlowTable table("life_hangs");
    PgConnection somebody = shared_postgres().connect(table.stage.topic());
    somebody.exec("select pg_advisory_lock(4711)");
    table.produce(1, 12, -1);
    table.produce(13, 13, 1);
    table.begin();
    table.stage.until(
        [&] {
            const std::string why = table.stage.get("/readyz").body;
            return contains(why, "ingest.slow") && contains(why, "and not heard of for ") &&
                   contains(why, "it waits for a lock of the session of postgres (pid ");
        },
        "it to be stuck, for this reason");
    somebody.exec("select pg_advisory_unlock(4711)");
    table.stage.until(
        [&] {
            return table.stage.get("/readyz").status == 200 && table.dead_letters() == "12" &&
                   table.stage.value("select count(*) from slow") == "1";
        },
        "it to go on");
}

TEST_CASE("signs of life: a pipeline that hangs while it starts is stuck, and where is said") {
    AdminStage stage("life_starts", "1s");
    PgConnection somebody = shared_postgres().connect(stage.topic());
    const auto hangs = [&](const std::string& table, const std::string& why) {
        somebody.exec("begin; lock table sluice." + table + " in access exclusive mode");
        CHECK(stage.post("/pipelines/orders/restart") == 200);
        stage.until([&] { return contains(stage.get("/readyz").body, why); },
                    "it to be stuck, for this reason");
        CHECK(contains(stage.get("/readyz").body, "ingest.orders"));
        CHECK_FALSE(contains(stage.get("/readyz").body, "ingest.copies"));
        CHECK(stage.get("/readyz").status == 503);
        CHECK(stage.shows("sluice_pipeline_stuck{kind=\"ingest\",pipeline=\"orders\"} 1"));
        stage.until([&] { return contains(stage.daemon->log(), why); }, "a line in the log");
        const RunResult status = run_sluice({"status", "-c", stage.file().string()});
        CHECK_MESSAGE(contains(status.out, "stuck"), status.out << status.err);
        somebody.exec("rollback");
        stage.until([&] { return stage.get("/readyz").status == 200; }, "it to go on");
        CHECK(stage.shows("sluice_pipeline_stuck{kind=\"ingest\",pipeline=\"orders\"} 0"));
        stage.until([&] { return contains(stage.daemon->log(), " s: " + why); },
                    "its end in the log");
    };
    SUBCASE("while it is built") {
        hangs("schema_version",
              "the pipeline connects to the database and looks for Sluice's own tables, for ");
    }
    SUBCASE("when it has its partitions") {
        hangs("ledger", "the pipeline finds out where its partitions go on, for ");
    }
}
