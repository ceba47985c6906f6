#include "tests/unit/ingest_pipeline_setup.h"

#include <doctest/doctest.h>

#include <random>

using namespace sluice;
using namespace sluice::fakes;
using namespace sluice::ingest_pipeline_test;
using namespace std::chrono_literals;

namespace {

/// Everything at once: rebalances with overlapping owners (zombies), a database that fails in all
/// its ways, fences from outside, readers that restart; with tables by topic, such as take no rows.
void torture(unsigned seed, const config::Ingest& ingest) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto roll = [&](int sides) { return static_cast<int>(random() % unsigned(sides)); };
    World world(6, ingest);
    world.config.batch = {.rows = 20, .bytes = 1u << 20, .delay = 2ms};
    world.config.lanes = 2;
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
                    // Of topics that are held up, the group never settles.
                    if (roll(2) == 0 && !ingest.tables_by_topic) daemon.await_settled();
                }
                break;
            case 3:
                world.topic.append_markers(partition, 1 + roll(3));
                break;
            case 4:
                if (roll(4) == 0) world.database.fail_reads(roll(4));
                if (roll(4) == 0) world.database.land();
                if (ingest.tables_by_topic) world.database.hold_up({roll(6), roll(6)});
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
    world.database.hold_up({});
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
    for (unsigned seed = 1; seed <= 30; ++seed) torture(seed, numbers_config());
}

TEST_CASE("pipeline: the same with a table for each topic, of which some take no rows") {
    for (unsigned seed = 1; seed <= 30; ++seed) torture(seed, numbers_by_topic(6));
}
