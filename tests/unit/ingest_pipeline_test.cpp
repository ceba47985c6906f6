#include "pipeline/ingest_pipeline.h"

#include "pipeline/errors.h"
#include "tests/fakes/fake_database.h"
#include "tests/fakes/fake_group.h"
#include "tests/fakes/fake_topic.h"
#include "tests/fakes/mapping.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <atomic>
#include <random>
#include <thread>

using namespace sluice;
using namespace sluice::fakes;
using namespace std::chrono_literals;

namespace {

using Strings = std::vector<std::string>;
using Partitions = std::vector<PartitionId>;

std::string joined(const Strings& lines) {
    std::string text;
    for (const std::string& line : lines) text += line + "; ";
    return text;
}

void eventually(const std::function<bool()>& predicate, const std::string& what) {
    fixture::wait_until(predicate, fixture::patient(20s), what);
}

/// One daemon's pipeline on its own thread, with its own membership.
class Daemon {
public:
    Daemon(const FakeTopic& topic, FakeDatabase& database, const config::Ingest& config,
           std::chrono::milliseconds handover = 5s)
        : group_(topic, config.lanes) {
        std::vector<LaneParts> lanes;
        for (int i = 0; i < config.lanes; ++i) {
            lanes.push_back({group_.lane(static_cast<std::size_t>(i)), numbers_mapper(config),
                             std::make_unique<FakeSink>(database)});
        }
        pipeline_ = std::make_unique<IngestPipeline>(
            config,
            IngestParts{.group = group_,
                        .progress = std::make_unique<FakeProgress>(database),
                        .lanes = std::move(lanes),
                        .observer = observer_},
            Patience{.commit = {1ms, 4ms},
                     .resume = {1ms, 4ms},
                     .fenced = {1ms, 4ms},
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

    void stop(std::chrono::milliseconds patience) {
        pipeline_->request_stop(std::chrono::steady_clock::now() + patience);
        if (thread_.joinable()) thread_.join();
    }
    void offer(const Partitions& partitions) { group_.offer(partitions); }
    void revoke(const Partitions& partitions) {
        group_.revoke(partitions);
        await_settled();
    }
    void await_settled() {
        eventually([&] { return group_.settled() || ended_; }, "the rebalance to end");
    }
    /// What ended it.
    std::string failure() {
        eventually([&] { return ended_.load(); }, "the pipeline to fail");
        return error_;
    }
    bool ended() const { return ended_; }
    FakeGroup& group() { return group_; }
    std::string trouble() const { return pipeline_->trouble(); }

private:
    metrics::Registry registry_;
    IngestObserver observer_{registry_, "numbers", 1h};
    FakeGroup group_;
    std::unique_ptr<IngestPipeline> pipeline_;
    std::atomic<bool> ended_ = false;
    std::string error_;  // written before ended_
    std::thread thread_;
};

struct World {
    explicit World(int partitions, config::Ingest ingest = numbers_config())
        : config(std::move(ingest)), topic(partitions) {}
    ~World() {
        daemons.clear();
        CHECK(joined(database.violations()) == "");
    }
    Daemon& start(std::chrono::milliseconds handover = 5s) {
        return *daemons.emplace_back(std::make_unique<Daemon>(topic, database, config, handover));
    }
    bool caught_up() const {
        return std::ranges::all_of(topic.partitions(), [&](PartitionId partition) {
            return database.next(partition) == topic.available(partition).to;
        });
    }
    void await_caught_up() {
        eventually([&] { return caught_up(); }, "progress at the end of the topic");
    }
    /// Each record of the topic once, and nothing else.
    void check_table() const {
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

config::Ingest with(const std::function<void(config::Ingest&)>& change) {
    config::Ingest config = numbers_config();
    change(config);
    return config;
}

}  // namespace

TEST_CASE("pipeline: what is assigned is loaded, by several lanes, and reported to Kafka") {
    World world(5);
    for (PartitionId p = 0; p < 5; ++p) world.topic.append_numbers(p, p * 100, 25);
    Daemon& daemon = world.start();
    daemon.offer({0, 1, 2, 3, 4});
    world.await_caught_up();
    world.check_table();
    eventually([&] { return daemon.group().reported(4) == 25; }, "the report to Kafka");
    CHECK(daemon.trouble().empty());
}

TEST_CASE("pipeline: an empty assignment is answered") {
    World world(1);
    Daemon& daemon = world.start();
    daemon.offer({});
    world.topic.append_numbers(0, 0, 3);
    daemon.offer({0});
    world.await_caught_up();
}

TEST_CASE("pipeline: what is revoked is committed before it is handed over") {
    World world(2, with([](config::Ingest& config) {
                    config.batch = {.rows = 1000, .bytes = 1u << 20, .delay = 1h};
                    config.lanes = 1;
                }));
    world.topic.append_numbers(0, 0, 5);
    world.topic.append_numbers(1, 0, 5);
    Daemon& daemon = world.start();
    daemon.offer({0, 1});
    eventually([&] { return daemon.group().lane(0).idle({0, 1}); }, "all to be read");
    CHECK(world.database.next(0) == 0);
    daemon.revoke({0});
    CHECK(world.database.next(0) == 5);
    CHECK(daemon.group().assigned() == Partitions{1});

    Daemon& other = world.start();
    other.offer({0});
    world.topic.append_numbers(0, 5, 5);
    eventually([&] { return other.group().lane(0).idle({0}); }, "all to be read");
    other.revoke({0});
    daemon.revoke({1});
    world.check_table();
}

TEST_CASE("pipeline: a fence leads to progress being read again, exactly once") {
    World world(1);
    Daemon& one = world.start();
    one.offer({0});
    world.topic.append_numbers(0, 0, 30);
    world.await_caught_up();
    // The coordinator gave the partition away; this one does not know yet.
    Daemon& two = world.start();
    two.offer({0});
    for (int round = 0; round < 20; ++round) {
        world.topic.append_numbers(0, 30 + round * 20, 20);
        world.await_caught_up();
    }
    world.check_table();
}

TEST_CASE("pipeline: fenced again and again, it says so") {
    World world(1);
    Daemon& daemon = world.start();
    daemon.offer({0});
    std::atomic<bool> seen = false;
    eventually(
        [&] {
            world.topic.append_markers(0, 2);
            const Offset next = world.database.next(0);
            if (next >= 0) world.database.set_progress(0, next + 1);
            seen = seen || daemon.trouble().find("fenced again") != std::string::npos;
            return seen.load();
        },
        "the trouble");
    world.await_caught_up();
    eventually([&] { return daemon.trouble().empty(); }, "the end of the trouble");
}

TEST_CASE("pipeline: start is for all partitions at the first start, not for later ones") {
    World world(
        2, with([](config::Ingest& config) { config.start.kind = config::Start::Kind::latest; }));
    world.topic.append_numbers(0, 0, 7);
    world.topic.append_numbers(1, 0, 9);
    Daemon& one = world.start();
    one.offer({0});
    eventually([&] { return world.database.next(1) == 9; }, "the anchor of partition 1");
    world.topic.append_numbers(1, 9, 3);
    const PartitionId late = world.topic.add_partition();
    world.topic.append_numbers(late, 0, 4);
    one.offer({1, late});
    world.await_caught_up();
    CHECK(world.database.progress(0)->anchor == 7);
    CHECK(world.database.progress(1)->anchor == 9);
    CHECK(world.database.progress(late)->anchor == 0);
    CHECK(world.database.rows().size() == 7);
}

TEST_CASE("pipeline: two that anchor at the same time agree") {
    for (int round = 0; round < 20; ++round) {
        World world(4, with([](config::Ingest& config) {
                        config.start.kind = config::Start::Kind::latest;
                    }));
        for (PartitionId p = 0; p < 4; ++p) world.topic.append_numbers(p, 0, 3);
        world.start().offer({0, 1});
        world.start().offer({2, 3});
        for (PartitionId p = 0; p < 4; ++p) world.topic.append_numbers(p, 3, 3);
        world.await_caught_up();
        for (PartitionId p = 0; p < 4; ++p) CHECK(world.database.progress(p)->anchor >= 3);
    }
}

TEST_CASE("pipeline: the database is away at assignment: partitions wait, membership is served") {
    World world(2);
    world.topic.append_numbers(0, 0, 3);
    world.topic.append_numbers(1, 0, 3);
    world.database.fail_reads(1'000'000);
    Daemon& daemon = world.start();
    daemon.offer({0, 1});
    eventually([&] { return daemon.trouble() == "progress: the database is away"; }, "trouble");
    const int reads = world.database.reads();
    const int polls = daemon.group().polls();
    eventually([&] { return world.database.reads() > reads + 2; }, "another try");
    eventually([&] { return daemon.group().polls() > polls + 2; }, "the membership to be served");
    SUBCASE("and comes back") {
        world.database.fail_reads(0);
    }
    SUBCASE("and one partition is revoked before it was answered") {
        const int before = daemon.group().polls();
        daemon.group().revoke({1});
        eventually([&] { return daemon.group().polls() > before + 2; }, "the revocation");
        world.database.fail_reads(0);
        eventually([&] { return world.database.next(0) == 3; }, "partition 0");
        CHECK(daemon.group().assigned() == Partitions{0});
        daemon.offer({1});
    }
    world.await_caught_up();
    world.check_table();
    eventually([&] { return daemon.trouble().empty(); }, "the end of the trouble");
}

TEST_CASE("pipeline: Kafka does not answer at assignment: asked again") {
    World world(1);
    world.topic.append_numbers(0, 0, 3);
    Daemon& daemon = world.start();
    daemon.group().fail_questions(3);
    daemon.offer({0});
    world.await_caught_up();
}

TEST_CASE("pipeline: a partition that cannot seek holds back no other") {
    World world(3);
    Daemon& daemon = world.start();
    daemon.offer({0, 1, 2});
    daemon.await_settled();
    daemon.group().refuse_seeks(0);
    for (PartitionId p = 0; p < 3; ++p) {
        world.topic.append_numbers(p, 0, 2);
        eventually([&] { return world.database.next(p) == 2; }, "the first records");
    }
    for (PartitionId p = 0; p < 3; ++p) daemon.group().lose_position(p);
    eventually([&] { return daemon.trouble() == "kafka refuses to seek"; }, "trouble");
    for (PartitionId p = 0; p < 3; ++p) world.topic.append_numbers(p, 10, 2);
    eventually([&] { return world.database.next(1) == 4 && world.database.next(2) == 4; },
               "the others to go on");
    daemon.group().refuse_seeks(std::nullopt);
    world.await_caught_up();
    world.check_table();
}

TEST_CASE("pipeline: partitions are handed over while the database is away") {
    World world(2, with([](config::Ingest& config) { config.lanes = 1; }));
    world.database.choose_faults([] { return Fault::retry; });
    world.topic.append_numbers(0, 0, 3);
    world.topic.append_numbers(1, 0, 3);
    Daemon& daemon = world.start(1h);
    daemon.offer({0, 1});
    eventually([&] { return !daemon.trouble().empty(); }, "trouble");
    daemon.revoke({0});
    world.database.choose_faults(nullptr);
    eventually([&] { return world.database.next(1) == 3; }, "partition 1 to go on");
    CHECK(world.database.next(0) == 0);
    world.start().offer({0});
    world.await_caught_up();
    world.check_table();
}

TEST_CASE("pipeline: a partition that comes back before its lane let go is loaded once") {
    World world(1, with([](config::Ingest& config) { config.lanes = 3; }));
    world.topic.append_numbers(0, 0, 25);
    world.database.script({Fault::blocked});
    Daemon& daemon = world.start(1ms);
    daemon.offer({0});
    for (int round = 0; round < 3; ++round) {
        eventually([&] { return world.database.blocked(); }, "the commit to block");
        daemon.revoke({0});
        daemon.offer({0});
        daemon.await_settled();
    }
    world.database.release();
    world.await_caught_up();
    world.topic.append_numbers(0, 25, 25);
    world.await_caught_up();
    world.check_table();
}

TEST_CASE("pipeline: a lane's failure ends run() with its reason") {
    World world(1, with([](config::Ingest& config) { config.on_reject = config::OnReject::stop; }));
    world.topic.append_numbers(0, 0, 3);
    world.topic.append(0, "bad");
    Daemon& daemon = world.start();
    daemon.offer({0});
    CHECK(daemon.failure().find("numbers[0]@3: ") == 0);
    CHECK(world.database.next(0) == 3);
}

TEST_CASE("pipeline: stop commits what is in flight") {
    World world(1, with([](config::Ingest& config) {
                    config.batch = {.rows = 1000, .bytes = 1u << 20, .delay = 1h};
                    config.lanes = 1;
                }));
    world.topic.append_numbers(0, 0, 5);
    Daemon& daemon = world.start();
    daemon.offer({0});
    eventually([&] { return daemon.group().lane(0).idle({0}); }, "all to be read");
    daemon.stop(1h);
    CHECK(daemon.failure().empty());
    CHECK(world.database.next(0) == 5);
    world.check_table();
}

TEST_CASE("pipeline: the drain deadline cuts a slow commit short") {
    World world(1);
    world.database.script({Fault::blocked});
    world.topic.append_numbers(0, 0, 5);
    Daemon& daemon = world.start();
    daemon.offer({0});
    eventually([&] { return world.database.blocked(); }, "the commit to block");
    daemon.stop(1ms);  // returns although the commit still blocks
    CHECK(world.database.next(0) == 0);
    world.database.release();
}

TEST_CASE("pipeline: a topic created anew stops the pipeline, or begins anew, as configured") {
    for (const bool stop : {true, false}) {
        for (const int records : {0, 1, 4, 9}) {
            CAPTURE(stop);
            CAPTURE(records);
            World world(1, with([&](config::Ingest& config) {
                            if (!stop) config.on_offset_lost = config::OnOffsetLost::earliest;
                        }));
            world.topic.append_numbers(0, 0, 4);
            Daemon* daemon = &world.start();
            daemon->offer({0});
            world.await_caught_up();
            daemon->stop(1h);
            world.topic.recreate();
            world.topic.append_numbers(0, 100, records);
            daemon = &world.start();
            daemon->offer({0});
            if (stop) {
                CHECK(daemon->failure().find("numbers[0]@4: the topic was deleted and created "
                                             "anew") == 0);
                CHECK(world.database.next(0) == 4);
                CHECK(world.database.rows().size() == 4);
            } else {
                eventually([&] { return world.database.progress(0)->incarnation == 1; }, "it");
                world.await_caught_up();
                CHECK(world.database.rows().size() == static_cast<std::size_t>(4 + records));
            }
        }
    }
}

TEST_CASE("pipeline: records deleted before they were read stop it, or are in the ledger as lost") {
    for (const bool stop : {true, false}) {
        CAPTURE(stop);
        World world(1, with([&](config::Ingest& config) {
                        if (!stop) config.on_offset_lost = config::OnOffsetLost::earliest;
                    }));
        world.topic.append_numbers(0, 0, 4);
        Daemon* daemon = &world.start();
        daemon->offer({0});
        world.await_caught_up();
        daemon->stop(1h);
        world.topic.append_numbers(0, 4, 10);
        world.topic.delete_before(0, 9);
        daemon = &world.start();
        daemon->offer({0});
        if (stop) {
            const std::string failure = daemon->failure();
            CHECK(failure.find("numbers[0]@4: kafka has deleted the records up to offset 9") == 0);
            CHECK(failure.find("on_offset_lost") != std::string::npos);
            CHECK(world.database.next(0) == 4);
        } else {
            world.await_caught_up();
            CHECK(world.database.rows().size() == 4 + 5);
            std::int64_t lost = 0;
            for (const auto& entry : world.database.ledger()) lost += entry.lost;
            CHECK(lost == 5);
        }
    }
}

TEST_CASE("pipeline: that only read records were deleted is no loss") {
    World world(1);
    world.topic.append_numbers(0, 0, 4);
    Daemon* daemon = &world.start();
    daemon->offer({0});
    world.await_caught_up();
    daemon->stop(1h);
    world.topic.delete_before(0, 4);
    daemon = &world.start();
    daemon->offer({0});
    world.topic.append_numbers(0, 4, 4);
    world.await_caught_up();
    CHECK_FALSE(daemon->ended());
    CHECK(world.database.rows().size() == 8);
}

TEST_CASE("pipeline: a lost position while records of it wait for their commit loses nothing") {
    World world(1, with([](config::Ingest& config) {
                    config.batch = {.rows = 1000, .bytes = 1u << 20, .delay = 1h};
                    config.lanes = 1;
                }));
    world.topic.append_numbers(0, 0, 5);
    Daemon& daemon = world.start();
    daemon.offer({0});
    eventually([&] { return daemon.group().lane(0).idle({0}); }, "all to be read");
    // As after a leader that lagged behind: the position is fine when asked for.
    daemon.group().lose_position(0);
    world.topic.append_numbers(0, 5, 5);
    eventually([&] { return daemon.group().lane(0).idle({0}); }, "all to be read");
    daemon.revoke({0});
    world.check_table();
}

namespace {

/// Everything at once: rebalances with overlapping owners (zombies), a database that fails in all
/// its ways, fences from outside, readers that restart.
void torture(unsigned seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto roll = [&](int sides) { return static_cast<int>(random() % unsigned(sides)); };
    World world(6, with([&](config::Ingest& config) {
                    config.batch = {.rows = 20, .bytes = 1u << 20, .delay = 2ms};
                    config.lanes = 2;
                }));
    std::mutex mutex;  // faults are chosen on lanes' threads
    std::mt19937 fault_random(seed + 1);
    world.database.choose_faults([&] {
        const std::lock_guard lock{mutex};
        switch (fault_random() % 16) {
            case 0:
                return Fault::retry;
            case 1:
                return Fault::lost_landed;
            case 2:
                return Fault::lost_vanished;
            case 3:
                return Fault::lost_landing;
            default:
                return Fault::none;
        }
    });
    std::vector<std::set<PartitionId>> owned(2);
    for (int i = 0; i < 2; ++i) world.start(roll(2) == 0 ? 1ms : 5s);
    int number = 0;
    for (int step = 0; step < 150; ++step) {
        const auto who = static_cast<std::size_t>(roll(2));
        const PartitionId partition = roll(6);
        Daemon& daemon = *world.daemons[who];
        switch (roll(8)) {
            case 0:
            case 1:
                if (owned[who].insert(partition).second) daemon.offer({partition});
                break;
            case 2:
                if (owned[who].erase(partition) > 0) {
                    daemon.group().revoke({partition});
                    if (roll(2) == 0) daemon.await_settled();
                }
                break;
            case 3:
                world.topic.append_markers(partition, 1 + roll(3));
                break;
            case 4:
                if (roll(4) == 0) world.database.fail_reads(roll(4));
                if (roll(4) == 0) world.database.land();
                break;
            case 5:
                std::this_thread::sleep_for(std::chrono::microseconds(roll(2000)));
                break;
            default:
                for (int i = roll(40); i > 0; --i) {
                    world.topic.append(partition, std::to_string(++number), roll(10) == 0 ? 2 : 0);
                }
        }
    }
    world.database.choose_faults(nullptr);
    world.database.land();
    for (PartitionId partition = 0; partition < 6; ++partition) {
        if (!owned[0].contains(partition) && !owned[1].contains(partition)) {
            world.daemons[0]->offer({partition});
        }
    }
    world.await_caught_up();
    world.database.land();
    for (const auto& daemon : world.daemons) daemon->stop(1h);
    world.check_table();
}

}  // namespace

TEST_CASE("pipeline: whatever fails, each record is loaded once and accounted for") {
    for (unsigned seed = 1; seed <= 30; ++seed) torture(seed);
}
