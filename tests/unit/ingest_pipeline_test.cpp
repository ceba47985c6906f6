#include "tests/unit/ingest_pipeline_setup.h"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::fakes;
using namespace sluice::ingest_pipeline_test;
using namespace std::chrono_literals;

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

TEST_CASE("pipeline: a target that takes no rows holds up its topic, and no other") {
    World world(4, numbers_by_topic(4));
    for (PartitionId p = 0; p < 4; ++p) world.topic.append_numbers(p, p * 100, 5);
    world.database.hold_up({0, 1});
    Daemon& daemon = world.start();
    daemon.offer({0, 1, 2, 3});
    eventually([&] { return world.database.next(2) == 5 && world.database.next(3) == 5; },
               "the others to be loaded");
    eventually([&] { return daemon.held_up().ends_with("and 1 more such topics"); }, "the word");
    CHECK(daemon.held_up().starts_with("topic \"numbers.0\": it is locked"));
    CHECK(daemon.trouble().empty());
    CHECK(world.database.next(0) == 0);
    world.topic.append_numbers(3, 305, 5);
    world.database.hold_up({});
    world.await_caught_up();
    world.check_table();
}

TEST_CASE("pipeline: a topic whose table comes later starts where the others do") {
    config::Ingest config = numbers_by_topic(2);
    config.start.kind = config::Start::Kind::latest;
    World world(2, config);
    for (PartitionId p = 0; p < 2; ++p) world.topic.append_numbers(p, p * 100, 3);
    world.database.hold_up({1});
    Daemon& daemon = world.start();
    daemon.offer({0, 1});
    eventually([&] { return world.database.next(0) == 3 && world.database.next(1) == 3; },
               "the start of both");
    eventually([&] { return daemon.held_up().starts_with("topic \"numbers.1\""); }, "the word");
    for (PartitionId p = 0; p < 2; ++p) world.topic.append_numbers(p, p * 100 + 3, 2);
    world.database.hold_up({});
    world.await_caught_up();
    CHECK(world.database.rows().size() == 4);
}

TEST_CASE("pipeline: a topic that is held up has its lag, from the start") {
    World world(2, numbers_by_topic(2));
    for (PartitionId p = 0; p < 2; ++p) world.topic.append_numbers(p, p * 100, 5);
    world.database.hold_up({0, 1});  // when rows come, and at once
    Daemon& daemon = world.start();
    daemon.offer({0, 1});
    const auto lags = [&] {
        std::vector<Offset> lags;
        for (const auto& partition : daemon.status().partitions) lags.push_back(partition.lag);
        return lags;
    };
    eventually([&] { return lags() == std::vector<Offset>{5, 5}; }, "the lag of both");
    for (PartitionId p = 0; p < 2; ++p) world.topic.append_numbers(p, p * 100 + 5, p + 1);
    eventually([&] { return lags() == std::vector<Offset>{6, 7}; }, "the lag to grow");
    world.database.hold_up({});
    world.await_caught_up();
}

TEST_CASE("pipeline: topics that are held up are handed over like any other") {
    World world(2, numbers_by_topic(2));
    for (PartitionId p = 0; p < 2; ++p) world.topic.append_numbers(p, p * 100, 5);
    world.database.hold_up({0, 1});
    Daemon& one = world.start();
    one.offer({0, 1});
    eventually([&] { return one.held_up().ends_with("and 1 more such topics"); }, "the word");
    one.revoke({0, 1});
    world.database.hold_up({});
    Daemon& other = world.start();
    other.offer({0, 1});
    world.await_caught_up();
    world.check_table();
    CHECK(other.held_up().empty());
    eventually([&] { return one.held_up().empty(); }, "who has them not to speak of them");
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

TEST_CASE("pipeline: a topic that comes after the pipeline is read from its beginning") {
    World world(
        2, with([](config::Ingest& config) { config.start.kind = config::Start::Kind::latest; }));
    for (PartitionId p = 0; p < 2; ++p) world.topic.append_numbers(p, p * 10, 3);
    Daemon& daemon = world.start();
    daemon.group().come_late();
    daemon.offer({0, 1});
    world.await_caught_up();
    CHECK(world.database.rows().size() == 6);
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

TEST_CASE("pipeline: a topic whose offsets Kafka does not tell holds back no other") {
    World world(3, numbers_by_topic(3));
    for (PartitionId p = 0; p < 3; ++p) world.topic.append_numbers(p, p * 100, 3);
    Daemon& daemon = world.start();
    daemon.group().refuse_offsets(1);
    daemon.offer({0, 1, 2});
    eventually([&] { return world.database.next(0) == 3 && world.database.next(2) == 3; },
               "the others to be loaded");
    eventually([&] { return daemon.trouble() == "kafka does not know the topic"; }, "trouble");
    daemon.group().refuse_offsets(std::nullopt);
    world.await_caught_up();
    world.check_table();
}

TEST_CASE("pipeline: a new partition that Kafka does not tell about yet holds back no other") {
    World world(1);
    Daemon& daemon = world.start();
    daemon.offer({0});
    world.topic.append_numbers(0, 0, 3);
    eventually([&] { return world.database.next(0) == 3; }, "the first records");
    const PartitionId added = world.topic.add_partition();
    daemon.group().refuse_offsets(added);
    daemon.offer({added});
    eventually([&] { return daemon.trouble() == "kafka does not know the topic"; }, "trouble");
    world.topic.append_numbers(0, 10, 3);
    eventually([&] { return world.database.next(0) == 6; }, "the other to go on");
    world.topic.append_numbers(added, 100, 3);
    daemon.group().refuse_offsets(std::nullopt);
    world.await_caught_up();
    world.check_table();
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
    World world(2, with([](config::Ingest& config) { config.lanes = 3; }));
    world.topic.append_numbers(0, 0, 25);
    world.database.script({Fault::blocked});
    Daemon& daemon = world.start(1ms);
    daemon.offer({0});
    for (int round = 0; round < 3; ++round) {
        eventually([&] { return world.database.blocked(); }, "the commit to block");
        daemon.revoke({0});
        if (round == 0) daemon.offer({1});  // makes other lanes the emptier ones
        daemon.offer({0});
        daemon.await_settled();
    }
    // It came back to the lane that has it still: no other writes it meanwhile.
    CHECK(world.database.offers().size() == 1);
    world.database.release();
    world.await_caught_up();
    world.topic.append_numbers(0, 25, 25);
    world.await_caught_up();
    world.check_table();
}

TEST_CASE("pipeline: what a lane says of a partition's start before this one moves nothing") {
    World world(1);
    world.topic.append_numbers(0, 0, 25);
    world.database.script({Fault::blocked});
    Daemon& daemon = world.start(1ms);
    daemon.offer({0});
    eventually([&] { return world.database.blocked(); }, "the commit to block");
    world.database.set_progress(0, 10);  // the batch in flight will be fenced
    daemon.revoke({0});
    daemon.offer({0});
    daemon.await_settled();
    const int reads = world.database.reads();
    world.database.release();
    world.await_caught_up();
    const int polls = daemon.group().polls();
    eventually([&] { return daemon.group().polls() > polls + 2; }, "a reaction, if there is one");
    CHECK(world.database.reads() == reads);
    CHECK(world.database.rows().size() == 15);
}

TEST_CASE("pipeline: what a lane says of a partition that came back, and waits for its start") {
    World world(1);
    world.topic.append_numbers(0, 0, 25);
    world.database.script({Fault::blocked});
    Daemon& daemon = world.start(1ms);
    daemon.offer({0});
    eventually([&] { return world.database.blocked(); }, "the commit to block");
    world.database.set_progress(0, 10);  // the batch in flight will be fenced
    daemon.revoke({0});
    world.database.fail_reads(1'000'000);
    const int reads = world.database.reads();
    daemon.offer({0});
    eventually([&] { return world.database.reads() > reads + 1; }, "progress to be asked for");
    world.database.release();
    const int more = world.database.reads();
    eventually([&] { return world.database.reads() > more + 3; }, "the lane's word");
    world.database.fail_reads(0);
    world.await_caught_up();
    daemon.await_settled();
    CHECK(world.database.rows().size() == 15);
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

TEST_CASE("pipeline: what a lane fails by when it is stopped is not lost") {
    World world(1, with([](config::Ingest& config) {
                    config.batch = {.rows = 1000, .bytes = 1u << 20, .delay = 1h};
                    config.max_rejects = config::MaxRejects{.most = 0, .text = "0"};
                    config.lanes = 1;
                }));
    world.topic.append(0, "bad");
    Daemon& daemon = world.start();
    daemon.offer({0});
    eventually([&] { return daemon.group().lane(0).idle({0}); }, "all to be read");
    daemon.stop(1h);
    CHECK(daemon.failure().find("were rejected") != std::string::npos);
    CHECK(world.database.next(0) == 1);
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
