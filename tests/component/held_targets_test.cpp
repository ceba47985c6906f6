#include "sinks/catalogue/catalogue.h"
#include "sinks/load/key_turns.h"
#include "sinks/load/make_loader.h"
#include "tests/component/routed_record.h"
#include "tests/component/sink_setup.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A sink of several tables, of which one takes no rows.
namespace sluice::test {
namespace {

using namespace std::chrono_literals;

/// Merges partition 0 into t and partition 1 into u.
class TwoTables {
public:
    explicit TwoTables(std::chrono::milliseconds reject_after = 1h,
                       config::OnReject on_reject = config::OnReject::dead_letter) {
        setup.exec("CREATE TABLE u (id bigint PRIMARY KEY, city text)");
        for (const char* table : {"t", "u"}) {
            config::Ingest ingest;
            ingest.name = "p";
            ingest.table = table;
            ingest.mode = config::Mode::merge;
            for (const char* column : {"id", "city"}) {
                auto& mapping = ingest.columns.emplace_back();
                mapping.column = column;
                mapping.source.path = {column};
                mapping.source.text = column;
            }
            Session session(setup.dsn, "test");
            targets_->set(table, {{.ingest = ingest, .table = read_target(session, ingest)}});
        }
        for (const PartitionId partition : {0, 1}) setup.anchor(partition, 0);
        sink_.emplace(CloudberrySinkOptions{.dsn = setup.dsn,
                                            .identity = setup.identity,
                                            .targets = targets_,
                                            .loader_of = loaders_of(targets_, nullptr, "sluice"),
                                            .on_reject = on_reject,
                                            .reject_after = reject_after});
    }

    /// A record of each of these partitions, from the offsets on that are next there.
    Batch batch(const std::vector<PartitionId>& partitions) {
        Batch batch;
        std::map<PartitionId, Offset> next;
        for (const PartitionId partition : partitions) {
            const auto at = next.try_emplace(partition, setup.next(partition)).first;
            const Offset offset = at->second++;
            add_routed_record(batch, *targets_, partition, offset,
                              R"({"id": )" + std::to_string(offset) + "}");
        }
        return batch;
    }
    /// "0: why" of each target that is held up; where it stops; "": neither.
    std::string commit(Batch& batch) {
        const CommitResult result = sink_->commit(batch);
        CHECK(retry_reason(result) == "");
        const auto* held = std::get_if<HeldUp>(&result);
        if (held == nullptr) {
            REQUIRE(committed(result));
            return std::get<Committed>(result).stop;
        }
        std::string text;
        for (const HeldUp::Target& target : held->targets)
            text += std::to_string(target.id) + ": " + target.reason;
        return text;
    }
    std::string commit(const std::vector<PartitionId>& partitions) {
        Batch one = batch(partitions);
        return commit(one);
    }
    void until_somebody_waits_for(const std::string& what) const {
        fixture::wait_until(
            [&] {
                return setup.value("SELECT count(*) FROM pg_stat_activity WHERE datname = '" +
                                   setup.database +
                                   "' AND wait_event_type = 'Lock' AND "
                                   "wait_event = '" +
                                   what + "'") == "1";
            },
            fixture::patient(30s), "the sink to wait for " + what);
    }

    SinkSetup setup{"id bigint PRIMARY KEY, city text"};

private:
    std::shared_ptr<Targets> targets_ = std::make_shared<Targets>();
    std::optional<CloudberrySink> sink_;
};

const std::string about_u = R"(1: table "public"."u": )";

/// What an MPP database does with a table that is merged into.
constexpr const char* lock = "BEGIN; LOCK TABLE u IN EXCLUSIVE MODE";

TEST_CASE("held targets: who merges into the same table is waited for, however long") {
    TwoTables tables;
    fixture::PgConnection other = fixture::shared_postgres().connect(tables.setup.database);
    other.exec("BEGIN; " + take_turn_with("u") + "; LOCK TABLE u IN EXCLUSIVE MODE");
    auto said = std::async(std::launch::async, [&] { return tables.commit({0, 1}); });
    tables.until_somebody_waits_for("advisory");
    other.exec("COMMIT");
    CHECK(said.get() == "");
    CHECK(tables.setup.value("SELECT count(*) FROM u") == "1");
}

TEST_CASE("held targets: who has locked a table for long is told, and soon gone is waited for") {
    TwoTables tables;
    fixture::PgConnection other = fixture::shared_postgres().connect(tables.setup.database);
    other.exec(lock);
    CHECK(tables.commit({0, 1}) == about_u + "another session has locked it; pg_locks says which");
    CHECK(tables.commit({0}) == "");
    auto said = std::async(std::launch::async, [&] { return tables.commit({1}); });
    tables.until_somebody_waits_for("relation");
    other.exec("COMMIT");
    CHECK(said.get() == "");
}

/// Stops at rejects. Table u refuses an id; once it has done so twice, as it does before what
/// stands before that record is loaded by itself, table t takes no rows, until it is told to.
struct StoppingTables : TwoTables {
    explicit StoppingTables(Offset refused) : TwoTables(1h, config::OnReject::stop) {
        setup.exec("CREATE SEQUENCE refusals");
        setup.add_trigger("BEFORE INSERT ON u FOR EACH ROW",
                          "IF NEW.id = " + std::to_string(refused) +
                              " THEN PERFORM nextval('refusals'); "
                              "RAISE 'no' USING ERRCODE = '23514'; END IF; RETURN NEW;");
        setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW",
                          "IF (SELECT last_value FROM refusals) > 1 THEN "
                          "RAISE 'not now' USING ERRCODE = '58P01'; END IF; RETURN NEW;",
                          "later");
    }
    void take_rows() const { setup.exec("ALTER SEQUENCE refusals RESTART"); }
};

TEST_CASE("held targets: who stops at a reject does so, whichever other table takes no rows then") {
    for (const Offset refused : {1, 0}) {
        CAPTURE(refused);
        StoppingTables tables(refused);
        Batch batch = tables.batch({0, 1, 1});
        CHECK(tables.commit(batch).starts_with("0: "));
        batch.drop(batch.partitions_of(0));
        CHECK(tables.commit(batch).starts_with("orders[1]@" + std::to_string(refused) + ": "));
        CHECK(tables.setup.next(0) == 0);
        CHECK(tables.setup.next(1) == refused);
        tables.setup.move_progress(1, refused + 1);
        CHECK(tables.commit({1}) == "");
    }
}

TEST_CASE("held targets: of a partition that waits, nobody stops at a reject") {
    StoppingTables tables(1);
    Batch batch = tables.batch({0, 1, 1});
    CHECK(tables.commit(batch).starts_with("0: "));
    batch.drop({1});
    tables.take_rows();
    CHECK(tables.commit(batch) == "");
    CHECK(tables.setup.next(0) == 1);
}

TEST_CASE("held targets: a file that one table lacks does not stop the others") {
    for (const char* code : {"58P01", "XX000", "XX002"}) {
        CAPTURE(code);
        TwoTables tables;
        tables.setup.add_trigger(
            "BEFORE INSERT ON u FOR EACH STATEMENT",
            "RAISE 'could not access it' USING ERRCODE = '" + std::string(code) + "';");
        CHECK(tables.commit({0, 1}).find(about_u) == 0);
        CHECK(tables.commit({0}) == "");
    }
}

TEST_CASE("held targets: rows that are refused alike wait as long at each record") {
    TwoTables tables(500ms);
    tables.setup.add_trigger("BEFORE INSERT ON u FOR EACH ROW",
                             "RAISE 'not now' USING ERRCODE = '42501';");
    const auto wait_in_vain = [&] {
        CHECK(tables.commit({1}).find(about_u) == 0);
        const auto until = std::chrono::steady_clock::now() + 500ms;
        fixture::wait_until([&] { return std::chrono::steady_clock::now() > until; }, 10s,
                            "the end of patience");
    };
    wait_in_vain();
    tables.setup.move_progress(1, 10);
    wait_in_vain();
    CHECK(tables.setup.rejected() == "0");
    CHECK(tables.commit({1}) == "");
    CHECK(tables.setup.rejected() == "1");
    CHECK(tables.commit({1}).find(about_u) == 0);
}

}  // namespace
}  // namespace sluice::test
