#pragma once

#include "pipeline/errors.h"
#include "pipeline/ingest/ingest_observer.h"
#include "pipeline/ingest/lane.h"
#include "tests/fakes/fake_database.h"
#include "tests/fakes/fake_group.h"
#include "tests/fakes/fake_registry.h"
#include "tests/fakes/fake_topic.h"
#include "tests/fakes/mapping.h"
#include "tests/fakes/partitions.h"
#include "tests/fixture/wait.h"
#include "tests/unit/lists.h"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace sluice::lane_test {

using namespace fakes;
using namespace lists;
using namespace std::chrono_literals;

inline void eventually(const std::function<bool()>& predicate, const std::string& what) {
    fixture::wait_until(predicate, fixture::patient(5s), what);
}

/// Remembers what a lane could not settle.
class Reports : public LaneListener {
public:
    void on_rewind(std::vector<PartitionId> partitions, RewindCause cause) override {
        const std::lock_guard lock{mutex_};
        for (const PartitionId partition : partitions) rewound_.push_back({partition, cause});
    }
    void on_held_up(std::vector<PartitionId> partitions, std::string why) override {
        const std::lock_guard lock{mutex_};
        for (const PartitionId partition : partitions) held_up_.push_back({partition, why});
    }
    void on_lost_position(PartitionId partition, LostPosition how) override {
        const std::lock_guard lock{mutex_};
        lost_.push_back({partition, how});
    }
    void on_failed(std::exception_ptr error) override {
        const std::lock_guard lock{mutex_};
        error_ = std::move(error);
    }

    std::vector<std::pair<PartitionId, RewindCause>> rewound() const {
        const std::lock_guard lock{mutex_};
        return rewound_;
    }
    std::vector<std::pair<PartitionId, std::string>> held_up() const {
        const std::lock_guard lock{mutex_};
        return held_up_;
    }
    std::vector<std::pair<PartitionId, LostPosition>> lost() const {
        const std::lock_guard lock{mutex_};
        return lost_;
    }
    inline std::exception_ptr error() const {
        const std::lock_guard lock{mutex_};
        return error_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::pair<PartitionId, RewindCause>> rewound_;
    std::vector<std::pair<PartitionId, std::string>> held_up_;
    std::vector<std::pair<PartitionId, LostPosition>> lost_;
    std::exception_ptr error_;
};

/// A lane on a fake topic, group and database; the test is its control thread.
struct Stage : GroupListener {
    explicit Stage(int partitions = 1, const config::Ingest& ingest = numbers_config())
        : config(ingest), topic(partitions) {
        add_partitions(observer.partitions(), config.topic);
        for (const std::string& each : config.topic.names) give_table(*targets, config, each);
    }
    ~Stage() override {
        lane.reset();
        CHECK(joined(database.violations()) == "");
        CHECK(joined(group.violations()) == "");
    }

    void on_assigned(std::span<const PartitionId>) override {}
    void on_lost_sight(const std::string& /*topic*/) override {}
    void on_revoked(std::span<const PartitionId> partitions) override {
        group.unassign(partitions);
    }

    inline void run() {
        lane = std::make_unique<Lane>(
            LaneOptions{.name = "numbers/0",
                        .partitions = observer.partitions(),
                        .limits = config.batch,
                        .reads_on = reads_on,
                        .on_reject = config.on_reject,
                        .max_rejects = config.max_rejects,
                        .reject_count = observer.reject_count(),
                        .retry = {1ms, 4ms},
                        .observer = observer.lane(0)},
            LaneParts{group.lane(0), numbers_router(config, targets, schemas),
                      sink ? std::move(sink) : std::make_unique<FakeSink>(database)},
            reports);
        lane->run();
    }
    /// Assigns a partition and starts it where the database says.
    inline void start(PartitionId partition) {
        FakeProgress progress{database};
        if (database.next(partition) < 0) progress.anchor({{{partition, 0}}});
        group.offer({partition});
        group.poll(*this, 1s);
        go_on(partition, [&](const Position& at) { group.assign({{at}}); });
    }
    inline void rewind(PartitionId partition) {
        go_on(partition, [&](const Position& at) { group.seek({{at}}); });
    }
    inline void go_on(PartitionId partition, const std::function<void(const Position&)>& fetch) {
        const ResumePoint point = FakeProgress{database}.read({{partition}}).at(0);
        fetch({partition, point.last.known() ? point.last.offset : point.next});
        lane->start({point});
    }
    inline void begin(const Partitions& partitions = {0}) {
        run();
        for (const PartitionId partition : partitions) start(partition);
    }
    inline bool stop(const Partitions& partitions = {0}) {
        lane->stop(partitions);
        return lane->wait_until_stopped(partitions,
                                        std::chrono::steady_clock::now() + fixture::patient(5s));
    }
    inline void await_progress(Offset next, PartitionId partition = 0) {
        eventually([&] { return database.next(partition) == next; },
                   "progress at " + std::to_string(next));
    }
    inline void await_read(const Partitions& partitions) {
        eventually([&] { return group.lane(0).idle(partitions); }, "all to be read");
    }
    inline Strings values() const {
        Strings all;
        for (const auto& row : database.rows()) all.push_back(row.value.value_or("NULL"));
        return all;
    }
    inline std::string failure() const {
        eventually([&] { return reports.error() != nullptr; }, "the lane's failure");
        try {
            std::rethrow_exception(reports.error());
        } catch (const std::exception& error) {
            return error.what();
        }
    }

    config::Ingest config;
    std::shared_ptr<FakeRegistry> schemas = std::make_shared<FakeRegistry>();
    std::shared_ptr<Targets> targets = std::make_shared<Targets>();
    metrics::Registry registry;
    IngestObserver observer{registry, "numbers", 1h};
    FakeTopic topic;
    FakeGroup group{topic, 1, config.topic};
    FakeDatabase database;
    Reports reports;
    bool reads_on = true;
    std::unique_ptr<Sink> sink;  ///< instead of a FakeSink
    std::unique_ptr<Lane> lane;
};

inline config::Ingest slow_batches() {
    config::Ingest config = numbers_config();
    config.batch = {.rows = 1000, .bytes = 64u << 20, .delay = 1h};
    return config;
}

}  // namespace sluice::lane_test
