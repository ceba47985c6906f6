#pragma once

#include "pipeline/errors.h"
#include "pipeline/ingest/ingest_pipeline.h"
#include "tests/fakes/fake_database.h"
#include "tests/fakes/fake_group.h"
#include "tests/fakes/fake_topic.h"
#include "tests/fakes/mapping.h"
#include "tests/fakes/partitions.h"
#include "tests/fixture/wait.h"
#include "tests/unit/lists.h"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace sluice::ingest_pipeline_test {

using namespace fakes;
using namespace lists;
using namespace std::chrono_literals;

inline void eventually(const std::function<bool()>& predicate, const std::string& what) {
    fixture::wait_until(predicate, fixture::patient(20s), what);
}

/// One daemon's pipeline on its own thread, with its own membership.
class Daemon {
public:
    Daemon(const FakeTopic& topic, FakeDatabase& database, const config::Ingest& config,
           std::chrono::milliseconds handover = 5s)
        : group_(topic, config.lanes, config.topic) {
        add_partitions(observer_.partitions(), config.topic);
        std::vector<LaneParts> lanes;
        for (int i = 0; i < config.lanes; ++i) {
            lanes.push_back({group_.lane(static_cast<std::size_t>(i)),
                             numbers_router(config, targets_),
                             std::make_unique<FakeSink>(database)});
        }
        IngestParts parts{.group = group_,
                          .progress = std::make_unique<FakeProgress>(database),
                          .lanes = std::move(lanes),
                          .observer = observer_};
        if (config.tables_by_topic)
            parts.find_targets = [this, config, &database](const std::vector<std::string>& topics) {
                std::map<std::string, std::string> missing;
                for (const std::string& each : topics)
                    if (std::string why = find_target(config, database, each); !why.empty())
                        missing.emplace(each, std::move(why));
                return missing;
            };
        pipeline_ = std::make_unique<IngestPipeline>(config, std::move(parts),
                                                     Patience{.commit = {1ms, 4ms},
                                                              .resume = {1ms, 4ms},
                                                              .fenced = {1ms, 4ms},
                                                              .held_up = {1ms, 4ms},
                                                              .handover = handover});
        thread_ = std::thread([this] {
            try {
                pipeline_->run();
            } catch (const std::exception& error) {
                error_ = error.what();
            }
            ended_ = true;
        });
    }
    ~Daemon() {
        stop(1h);
        pipeline_.reset();
        CHECK(joined(group_.violations()) == "");
    }

    inline void stop(std::chrono::milliseconds patience) {
        pipeline_->request_stop(std::chrono::steady_clock::now() + patience);
        if (thread_.joinable()) thread_.join();
    }
    void offer(const Partitions& partitions) { group_.offer(partitions); }
    inline void revoke(const Partitions& partitions) {
        group_.revoke(partitions);
        await_settled();
    }
    inline void await_settled() {
        eventually([&] { return group_.settled() || ended_; }, "the rebalance to end");
    }
    /// What ended it.
    inline std::string failure() {
        eventually([&] { return ended_.load(); }, "the pipeline to fail");
        return error_;
    }
    bool ended() const { return ended_; }
    FakeGroup& group() { return group_; }
    std::string trouble() const { return pipeline_->trouble(); }
    std::string held_up() const { return status().held_up; }
    IngestStatus status() const { return observer_.status(); }

private:
    /// Of topics with odd numbers it is seen at once that their tables take no rows.
    inline std::string find_target(const config::Ingest& config, const FakeDatabase& database,
                                   const std::string& topic) {
        const PartitionId partition = observer_.partitions().id_of(topic, 0);
        if (partition % 2 == 1 && database.holds_up(partition)) return "it is not there";
        give_table(*targets_, config, topic);
        return {};
    }

    const std::shared_ptr<Targets> targets_ = std::make_shared<Targets>();
    metrics::Registry registry_;
    IngestObserver observer_{registry_, "numbers", 1h};
    FakeGroup group_;
    std::unique_ptr<IngestPipeline> pipeline_;
    std::atomic<bool> ended_ = false;
    std::string error_;  // written before ended_
    std::thread thread_;
};

struct World {
    inline explicit World(int partitions, config::Ingest ingest = numbers_config())
        : config(std::move(ingest)), topic(partitions) {}
    ~World() {
        daemons.clear();
        CHECK(joined(database.violations()) == "");
    }
    inline Daemon& start(std::chrono::milliseconds handover = 5s) {
        return *daemons.emplace_back(std::make_unique<Daemon>(topic, database, config, handover));
    }
    inline bool caught_up() const {
        return std::ranges::all_of(topic.partitions(), [&](PartitionId partition) {
            return database.next(partition) == topic.available(partition).to;
        });
    }
    inline void await_caught_up() {
        eventually([&] { return caught_up(); }, "progress at the end of the topic");
    }
    /// Each record of the topic once, and nothing else.
    inline void check_table() const {
        std::vector<FakeDatabase::Row> expected;
        for (const FakeRecord& record : topic.records()) {
            expected.push_back({record.partition, record.offset, record.value});
        }
        std::ranges::sort(expected);
        CHECK(database.rows() == expected);
    }

    config::Ingest config;
    FakeTopic topic;
    FakeDatabase database;
    std::vector<std::unique_ptr<Daemon>> daemons;
};

inline config::Ingest with(const std::function<void(config::Ingest&)>& change) {
    config::Ingest config = numbers_config();
    change(config);
    return config;
}

}  // namespace sluice::ingest_pipeline_test
