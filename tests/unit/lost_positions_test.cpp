#include "tests/unit/ingest_pipeline_setup.h"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::fakes;
using namespace sluice::ingest_pipeline_test;
using namespace std::chrono_literals;

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
                CHECK(daemon->failure().find("progress set numbers --partition 0 --offset N") !=
                      std::string::npos);
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

TEST_CASE(
    "pipeline: a log that was cut off stops it, whatever is configured, with where to go on") {
    for (const bool stop : {true, false}) {
        for (const int written_since : {0, 1, 2, 9}) {
            CAPTURE(stop);
            CAPTURE(written_since);
            World world(1, with([&](config::Ingest& config) {
                            if (!stop) config.on_offset_lost = config::OnOffsetLost::earliest;
                        }));
            world.topic.append_numbers(0, 0, 4);
            Daemon* daemon = &world.start();
            daemon->offer({0});
            world.await_caught_up();
            daemon->stop(1h);
            world.topic.truncate(0, 2);
            world.topic.append_numbers(0, 100, written_since);
            daemon = &world.start();
            daemon->offer({0});
            const std::string failure = daemon->failure();
            CAPTURE(failure);
            CHECK(failure.find("numbers[0]@4: kafka has lost records that were read") == 0);
            CHECK(failure.find("newer than what was read is at 2; to go on there: sluice progress "
                               "set numbers --partition 0 --offset 2") != std::string::npos);
            CHECK(world.database.next(0) == 4);
            CHECK(world.database.rows().size() == 4);
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

TEST_CASE(
    "pipeline: a topic created anew that grows past progress meanwhile is not read on from it") {
    for (const bool stop : {true, false}) {
        CAPTURE(stop);
        World world(1, with([&](config::Ingest& config) {
                        if (!stop) config.on_offset_lost = config::OnOffsetLost::earliest;
                    }));
        world.topic.append_numbers(0, 0, 4);
        Daemon& daemon = world.start();
        daemon.offer({0});
        world.await_caught_up();
        daemon.group().before_next_answer([&] { world.topic.append_numbers(0, 100, 9); });
        world.topic.recreate();
        if (stop) {
            CHECK(daemon.failure().find("numbers[0]@4: the topic was deleted and created anew") ==
                  0);
        } else {
            eventually([&] { return world.database.progress(0)->incarnation == 1; }, "it");
            world.await_caught_up();
            CHECK(world.database.rows().size() == 4 + 9);
        }
    }
}

TEST_CASE("pipeline: a topic that was not seen for a while is not read on if it is another one") {
    for (const bool stop : {true, false}) {
        CAPTURE(stop);
        World world(1, with([&](config::Ingest& config) {
                        if (!stop) config.on_offset_lost = config::OnOffsetLost::earliest;
                    }));
        world.topic.append_numbers(0, 0, 4);
        Daemon& daemon = world.start();
        daemon.offer({0});
        world.await_caught_up();
        daemon.group().lose_sight(0);
        eventually([&] { return !daemon.group().is_open(0); }, "the lane to let go");
        world.topic.recreate_with_numbers(0, 100, 9);
        daemon.group().see_again();
        if (stop) {
            CHECK(daemon.failure().find("numbers[0]@4: the topic was deleted and created anew") ==
                  0);
        } else {
            eventually([&] { return world.database.progress(0)->incarnation == 1; }, "it");
            world.await_caught_up();
            CHECK(world.database.rows().size() == 4 + 9);
        }
    }
}

TEST_CASE("pipeline: a topic that was not seen for a while, and is the same, is read on") {
    World world(2);
    world.topic.append_numbers(0, 0, 4);
    Daemon& daemon = world.start();
    daemon.offer({0, 1});
    world.await_caught_up();
    daemon.group().lose_sight(0);
    world.topic.append_numbers(0, 4, 4);
    daemon.group().see_again();
    world.await_caught_up();
    world.check_table();
    // Nor is a partition lost that is handed over meanwhile.
    daemon.group().lose_sight(0);
    daemon.revoke({0});
    daemon.group().see_again();
    daemon.offer({0});
    world.topic.append_numbers(0, 8, 4);
    world.topic.append_numbers(1, 100, 4);
    world.await_caught_up();
    world.check_table();
}

TEST_CASE("pipeline: a position that another writer has chosen meanwhile is compared, too") {
    World world(1, with([](config::Ingest& config) {
                    config.on_offset_lost = config::OnOffsetLost::earliest;
                }));
    world.topic.append_numbers(0, 0, 4);
    Daemon* daemon = &world.start();
    daemon->offer({0});
    world.await_caught_up();
    daemon->stop(1h);
    world.topic.append_numbers(0, 4, 10);
    world.topic.delete_before(0, 9);
    daemon = &world.start();
    const RecordIdentity another{.offset = 9, .timestamp_ms = 1'900'000'000'000, .checksum = 1};
    daemon->group().before_next_answer([&] { world.database.set_progress(0, 10, another); });
    daemon->offer({0});
    CHECK(daemon->failure().find("numbers[0]@10: kafka has lost records that were read") == 0);
    CHECK(world.database.next(0) == 10);
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
