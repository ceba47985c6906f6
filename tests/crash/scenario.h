#pragma once

#include "tests/crash/stage.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::crash {

struct ScenarioOptions {
    int partitions = 4;
    int lanes = 2;
    int batch_rows = 400;
    std::chrono::milliseconds batch_delay = 100ms;
    enum class Producer { plain, transactional } producer = Producer::plain;
    /// What [kafka] says of members: a name for each daemon, that they go without (and are missed
    /// only when their session is over), that both daemons have the same name, or nothing at all,
    /// of timeouts neither.
    enum class Members { named, anonymous, twins, not_told } members = Members::named;
    std::vector<std::string> pipelines{"orders"};  ///< each loads the topic into a table of its own
    /// A batch of which the database refuses a row is written in another way.
    enum class Rows { some_refused, all_taken } rows = Rows::some_refused;
    std::string role = "postgres";
    std::string brokers{};  ///< empty: those of the world
    std::string dsn{};      ///< empty: the world's, for the role
    std::string kafka_properties{};
    std::string sections{};  ///< of the configuration, further ones
    std::string ingest{};    ///< further lines of each pipeline
    /// How columns are filled; told by nothing, fields go to columns of their names.
    enum class Mapping { told, by_name } mapping = Mapping::told;
    std::string ingest_first{};  ///< and of the first one alone
    std::string drain_deadline = "10s";
};

/// A topic with records that everybody knows, one table (or several) to load it into, daemons that
/// do, and a judge who compares. Each scenario has its own topic, group and database.
///
/// Record number n is a good row, a row that the client refuses, one that the database refuses, or
/// a tombstone, as n says. What Kafka then holds, read by an independent consumer, is the truth.
class Scenario : public Stage {
public:
    explicit Scenario(const ScenarioOptions& options = {});
    ~Scenario();

    /// Produces that many records and waits until the broker has them. In a transactional scenario
    /// in two transactions, with one between them that is aborted.
    void produce(int records);
    /// The same from a thread of its own, some hundred records at a time, until stopped.
    void start_producing(int records_per_second);
    void stop_producing();

    /// Writes the configuration file anew.
    void configure(const ScenarioOptions& options);
    [[nodiscard]] const ScenarioOptions& options() const { return options_; }
    /// The rows in the first pipeline's table.
    [[nodiscard]] std::int64_t rows() const;

    /// How many of the first pipeline's partitions this daemon, as it runs now, was the last to
    /// commit to.
    [[nodiscard]] int serves(const std::string& name) const;

    /// These throw WaitedTooLong with the daemons' logs.
    void wait_until_serving(const std::string& name, int partitions,
                            std::chrono::milliseconds deadline = 40s);
    void wait_for_rows(std::int64_t rows, std::chrono::milliseconds deadline = 30s);
    void wait_for_more_rows(std::chrono::milliseconds deadline = 30s);
    /// Until progress of all pipelines stands at the end of all partitions.
    void wait_until_loaded(std::chrono::milliseconds deadline = 60s);
    [[nodiscard]] bool is_loaded();
    [[nodiscard]] bool is_loaded(const std::string& pipeline);
    /// Until some daemon's session is in the middle of COMMIT, held there by slow_commit_of().
    void wait_for_commit_under_way();
    /// COMMIT takes that long when the first pipeline's row of this record is in it.
    void slow_commit_of(std::int64_t number, std::chrono::milliseconds sleep);

    /// `partitions` is the new total.
    void add_partitions(int partitions);
    /// Reads what the topic holds into the truth. The judge does so too; before records or the
    /// topic are deleted, somebody has to.
    void observe();
    /// Deletes the topic and makes it anew, empty.
    void recreate_topic();
    /// Deletes what lies below `offset`.
    void delete_records(int partition, std::int64_t offset);

    /// Everything that is wrong, in words; empty: each good record is one row, each bad one one
    /// dead letter with its bytes, the ledger's ranges join up and their sums are true, `sluice
    /// verify` agrees. Daemons should have loaded everything.
    [[nodiscard]] std::string judge();
    /// The same for one pipeline, without `sluice verify`.
    [[nodiscard]] std::string judge(const std::string& pipeline);
    /// Waits until all is loaded, then judges.
    [[nodiscard]] std::string verdict(std::chrono::milliseconds deadline = 60s);

private:
    using Place = std::pair<int, std::int64_t>;   ///< partition, offset
    using Truth = std::map<Place, std::int64_t>;  ///< the record's number

    void produce_some(int records);
    void create_tables();
    [[nodiscard]] std::string configuration() const;
    [[nodiscard]] std::string judge_rows(const std::string& pipeline) const;
    [[nodiscard]] std::string judge_dead_letters(const std::string& pipeline) const;
    [[nodiscard]] std::string judge_ledger(const std::string& pipeline) const;
    [[nodiscard]] bool is_lost(std::size_t incarnation, const Place& place) const;

    ScenarioOptions options_;

    struct Source;
    std::unique_ptr<Source> source_;
    std::int64_t next_number_ = 0;
    std::atomic<bool> producing_ = false;
    std::thread producer_;

    std::vector<Truth> truth_{1};                 // by incarnation
    std::map<int, std::int64_t> lost_in_latest_;  // by partition: deleted below, unread
};

}  // namespace sluice::crash
