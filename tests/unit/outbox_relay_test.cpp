#include "pipeline/outbox/outbox_relay.h"
#include "tests/fakes/fake_outbox.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <utility>

using namespace sluice;
using namespace sluice::fakes;
using namespace std::chrono_literals;

namespace {

/// One database, one Kafka, and as many relays as a test starts.
struct Stage {
    explicit Stage(unsigned seed = 1, int per_mille = 0)
        : chance(seed, per_mille), database(chance), kafka(chance) {
        config.name = "events";
        config.table = "outbox";
        config.batch_rows = 3;
        config.poll = {1ms, 2ms};
    }
    ~Stage() {
        for (auto& relay : relays) stop(*relay);
    }

    struct Relay {
        std::unique_ptr<OutboxRelay> relay;
        std::string failure;
        std::thread thread;
    };
    Relay& start() { return start(std::make_unique<FakeOutboxStore>(database, chance)); }
    Relay& start(std::unique_ptr<OutboxStore> store) {
        return start(std::move(store), std::make_unique<FakeLeadership>(chance));
    }
    Relay& start(
        std::unique_ptr<OutboxStore> store, std::unique_ptr<Leadership> leadership,
        const std::function<void(OutboxRelay&)>& before = [](OutboxRelay&) {}) {
        RelayParts parts{
            .store = std::move(store),
            .producer = std::make_unique<FakeEventProducer>(kafka),
            .leadership = std::move(leadership),
            .purger = std::make_unique<OutboxPurger>(std::make_unique<FakeOutboxPurge>(database),
                                                     observer, OutboxPurger::Pace{{1ms, 5ms}, 1ms}),
            .observer = observer,
            .in_the_way = [] { return "somebody"; }};
        auto& relay = relays.emplace_back(std::make_unique<Relay>());
        relay->relay =
            std::make_unique<OutboxRelay>(config, std::move(parts), RelayPace{retry, 3ms, 5ms});
        before(*relay->relay);
        relay->thread = std::thread([&running = *relay] {
            try {
                running.relay->run();
            } catch (const std::exception& error) {
                running.failure = error.what();
            }
        });
        return *relay;
    }
    static void stop(Relay& relay) {
        relay.relay->request_stop(std::chrono::steady_clock::now() + 5s);
        if (relay.thread.joinable()) relay.thread.join();
    }
    /// Until it ended by itself; why.
    static std::string failure_of(Relay& relay) {
        relay.thread.join();
        return relay.failure;
    }
    void insert(int number, const std::string& topic = "events") {
        database.insert({std::to_string(number), topic, std::to_string(number)});
    }
    void wait_until_drained() {
        fixture::wait_until([&] { return database.rows() == 0; }, 20s, "an empty outbox");
    }
    [[nodiscard]] std::map<std::string, int> times() {
        std::map<std::string, int> times;
        for (const std::string& value : kafka.topic()) ++times[value];
        return times;
    }

    metrics::Registry registry;
    OutboxObserver observer{registry, "events"};
    Chance chance;
    FakeOutboxDatabase database;
    FakeKafka kafka;
    config::Outbox config;
    BackoffLimits retry{1ms, 10ms};
    std::vector<std::unique_ptr<Relay>> relays;
};

}  // namespace

TEST_CASE("relay: every row is sent, in batches, and purged") {
    Stage stage;
    for (int i = 0; i < 10; ++i) stage.insert(i);
    stage.start();
    stage.wait_until_drained();
    CHECK(stage.kafka.topic() ==
          std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
    stage.insert(-5);  // below all that was sent
    stage.wait_until_drained();
    CHECK(stage.kafka.topic().back() == "-5");
}

TEST_CASE("relay: the next batch is read while the one before is claimed and sent") {
    struct ReadAlong : FakeOutboxStore {
        using FakeOutboxStore::FakeOutboxStore;
        EventBatch read(const EventLimits& limits) override {
            ++reads;
            return FakeOutboxStore::read(limits);
        }
        ClaimResult claim(BatchNumber number, BatchNumber last, const EventBatch& events) override {
            if (number == 1) fixture::wait_until([&] { return reads >= 2; }, 20s, "the next read");
            return FakeOutboxStore::claim(number, last, events);
        }
        std::atomic<int> reads = 0;
    };
    Stage stage;
    for (int i = 0; i < 7; ++i) stage.insert(i);
    stage.start(std::make_unique<ReadAlong>(stage.database, stage.chance));
    stage.wait_until_drained();
    CHECK(stage.kafka.topic() == std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6"});
}

TEST_CASE("relay: a stop interrupts the read that is under way, and what is in flight commits") {
    struct Slow : FakeOutboxStore {
        using FakeOutboxStore::FakeOutboxStore;
        EventBatch read(const EventLimits& limits) override {
            if (++reads == 1) return FakeOutboxStore::read(limits);
            fixture::wait_until([&] { return interrupted.load(); }, 20s, "the interruption");
            return {};
        }
        void interrupt() override { interrupted = true; }
        std::atomic<int> reads = 0;
        std::atomic<bool> interrupted = false;
    };
    Stage stage;
    for (int i = 0; i < 7; ++i) stage.insert(i);
    auto store = std::make_unique<Slow>(stage.database, stage.chance);
    const Slow& slow = *store;
    auto& relay = stage.start(std::move(store));
    fixture::wait_until([&] { return slow.reads >= 2; }, 5s, "the next read");
    Stage::stop(relay);
    CHECK(relay.failure.empty());
    CHECK(stage.kafka.topic() == std::vector<std::string>{"0", "1", "2"});
}

TEST_CASE("relay: an empty outbox gets the first mark, and nothing else happens") {
    Stage stage;
    auto& relay = stage.start();
    fixture::wait_until([&] { return relay.relay->status().idle; }, 5s, "an idle relay");
    CHECK(stage.kafka.mark == 0);
    CHECK(stage.database.books.empty());
    CHECK(relay.relay->status().role == OutboxRelay::Role::leader);
}

TEST_CASE("relay: what was claimed and not sent goes first, the very same batch") {
    Stage stage;
    stage.kafka.mark = 6;
    for (int i = 0; i < 4; ++i) stage.insert(i);
    stage.database.books[{6, 0}] = {"claim", {"gone"}};
    stage.database.books[{7, 0}] = {"claim", {"2", "1"}};
    stage.start();
    stage.wait_until_drained();
    CHECK(stage.kafka.topic() == std::vector<std::string>{"2", "1", "0", "3"});
    CHECK(stage.kafka.mark == 8);
}

TEST_CASE("relay: an event that is refused goes to the refused ones, the others are sent") {
    Stage stage;
    stage.insert(0);
    stage.insert(1, "nowhere");
    stage.insert(2, "small");
    stage.insert(3);
    stage.start();
    stage.wait_until_drained();
    CHECK(stage.kafka.topic() == std::vector<std::string>{"0", "3"});
    CHECK(stage.database.refused() == std::vector<std::string>{"1", "2"});
    // Known beforehand, and by the broker alone: two decisions of one relay, which nobody disturbs.
    const std::lock_guard lock{stage.database.mutex};
    CHECK(stage.database.books.at({1, 1}).kind == "refused");
    CHECK(stage.database.books.at({1, 2}).kind == "refused");
}

TEST_CASE("relay: one that is in trouble leaves the lead to another") {
    /// One has the lead, as with the database's lock.
    struct TheLead : Leadership {
        TheLead(std::atomic<int>& its_holder, int its_number)
            : holder(its_holder), me(its_number) {}
        bool acquire() override {
            int nobody = 0;
            return holder.compare_exchange_strong(nobody, me) || nobody == me;
        }
        bool hold() override { return holder == me; }
        void release() noexcept override {
            int mine = me;
            holder.compare_exchange_strong(mine, 0);
        }
        std::atomic<int>& holder;
        const int me;
    };
    struct Away : FakeOutboxStore {
        using FakeOutboxStore::FakeOutboxStore;
        BatchNumber last_claimed() override { throw TroubleOfTheWorld("the database is away"); }
    };
    Stage stage;
    std::atomic<int> holder = 0;
    stage.insert(0);
    auto& first = stage.start(std::make_unique<Away>(stage.database, stage.chance),
                              std::make_unique<TheLead>(holder, 1));
    fixture::wait_until([&] { return !first.relay->status().trouble.empty(); }, 5s, "trouble");
    stage.start(std::make_unique<FakeOutboxStore>(stage.database, stage.chance),
                std::make_unique<TheLead>(holder, 2));
    stage.wait_until_drained();
    CHECK(stage.kafka.topic() == std::vector<std::string>{"0"});
}

TEST_CASE("relay: one that fails now and then, and sends in between, begins anew at once") {
    struct Fickle : FakeOutboxStore {
        Fickle(FakeOutboxDatabase& database, Chance& chance, FakeKafka& its_kafka)
            : FakeOutboxStore(database, chance), kafka(its_kafka) {}
        void begin_sweep(BatchNumber purged) override {
            if (const std::size_t sent = kafka.topic().size(); sent > failed_behind) {
                failed_behind = sent;
                throw TroubleOfTheWorld("the database is away");
            }
            FakeOutboxStore::begin_sweep(purged);
        }
        FakeKafka& kafka;
        std::size_t failed_behind = 0;
    };
    Stage stage;
    stage.config.batch_rows = 1;
    stage.config.sweep = 0ms;
    stage.retry = {1ms, 1h};  // doubled each time, the last one would be longer than this waits
    for (int i = 0; i < 18; ++i) stage.insert(i);
    stage.start(std::make_unique<Fickle>(stage.database, stage.chance, stage.kafka));
    stage.wait_until_drained();
    CHECK(stage.kafka.topic().size() == 18);
}

TEST_CASE("relay: what fails again and again is trouble all the while, and over when it works") {
    struct Locked : FakeOutboxStore {
        using FakeOutboxStore::FakeOutboxStore;
        void begin_sweep(BatchNumber purged) override {
            if (++tries == 2) seen_at_retry = relay->status().trouble;
            if (locked) throw TroubleOfTheWorld("the table is locked");
            FakeOutboxStore::begin_sweep(purged);
        }
        OutboxRelay* relay = nullptr;
        std::atomic<int> tries = 0;
        std::string seen_at_retry;
        std::atomic<bool> locked = true;
    };
    Stage stage;
    stage.insert(0);
    auto store = std::make_unique<Locked>(stage.database, stage.chance);
    Locked& locked = *store;
    stage.retry = {50ms, 50ms};
    auto& relay = stage.start(std::move(store), std::make_unique<FakeLeadership>(stage.chance),
                              [&](OutboxRelay& made) { locked.relay = &made; });
    fixture::wait_until([&] { return locked.tries >= 3; }, 5s, "more tries");
    locked.locked = false;
    stage.wait_until_drained();
    CHECK(locked.seen_at_retry == "the table is locked");
    fixture::wait_until([&] { return relay.relay->status().trouble.empty(); }, 5s, "the end of it");
}

TEST_CASE("relay: one that hangs is stuck after a while, where and in whose way is said") {
    struct Hanging : FakeOutboxStore {
        using FakeOutboxStore::FakeOutboxStore;
        ClaimResult claim(BatchNumber number, BatchNumber last, const EventBatch& events) override {
            go_on.wait(false);
            return FakeOutboxStore::claim(number, last, events);
        }
        std::atomic<bool> go_on = false;
    };
    Stage stage;
    stage.observer.set_patience(20ms);
    stage.insert(0);
    auto store = std::make_unique<Hanging>(stage.database, stage.chance);
    Hanging& hanging = *store;
    auto& relay = stage.start(std::move(store));
    const auto trouble = [&] { return relay.relay->status().trouble; };
    fixture::wait_until([&] { return trouble().find("a lock of somebody") != std::string::npos; },
                        5s, "the reason");
    CHECK(trouble().find("writes a claim into its books") != std::string::npos);
    hanging.go_on = true;
    hanging.go_on.notify_all();
    stage.wait_until_drained();
    fixture::wait_until([&] { return trouble().empty(); }, 5s, "the end of it");
}

TEST_CASE("relay: a purge that fails is said for as long as it does, and holds up no event") {
    struct Forbidden : FakeOutboxPurge {
        using FakeOutboxPurge::FakeOutboxPurge;
        PurgeStep step(BatchNumber sent) override {
            if (!permitted) throw TroubleOfTheWorld("permission denied");
            return FakeOutboxPurge::step(sent);
        }
        std::atomic<bool> permitted = false;
    };
    Stage stage;
    Forbidden* purge = nullptr;
    {
        auto made = std::make_unique<Forbidden>(stage.database);
        purge = made.get();
        OutboxPurger purger(std::move(made), stage.observer, {{1ms, 5ms}, 1ms});
        purger.on_sent(1);
        const auto held_up = [&] { return stage.observer.status().held_up; };
        fixture::wait_until([&] { return !held_up().empty(); }, 5s, "the word of it");
        CHECK(held_up() == "what was sent is not deleted: permission denied");
        CHECK(stage.observer.stuck().empty());
        purge->permitted = true;
        fixture::wait_until([&] { return held_up().empty(); }, 5s, "the end of it");
        purge->permitted = false;
        purger.on_sent(2);
        fixture::wait_until([&] { return !held_up().empty(); }, 5s, "the word of it again");
    }
    CHECK(stage.observer.status().held_up.empty());
}

TEST_CASE("relay: who waits for its turn knows of no backlog") {
    Stage stage;
    stage.observer.on_role(OutboxStatus::Role::leader);
    stage.observer.on_read(1ms, OutboxObserver::Backlog::some);
    fixture::wait_until([&] { return stage.observer.status().backlog_seconds > 0; }, 5s,
                        "a backlog");
    stage.observer.on_role(OutboxStatus::Role::starting);  // there it is as long as nobody sends it
    CHECK(stage.observer.status().backlog_seconds > 0);
    stage.observer.on_role(OutboxStatus::Role::standby);
    CHECK(stage.observer.status().backlog_seconds == 0);
}

TEST_CASE("relay: a refused event that is retried is sent, and no refused one any more") {
    Stage stage;
    stage.insert(0, "nowhere");
    stage.start();
    stage.wait_until_drained();
    stage.database.refused_events.begin()->second.topic = "events";
    REQUIRE(stage.database.retry(0));
    fixture::wait_until([&] { return stage.database.refused().empty(); }, 10s, "the retry");
    CHECK(stage.kafka.topic() == std::vector<std::string>{"0"});
}

TEST_CASE("relay: one that was fenced refuses nothing that its successor has sent") {
    /// While the relay reads the batch that it took over, the one that fenced it sends it.
    struct Overtaken : FakeOutboxStore {
        Overtaken(Stage& stage)
            : FakeOutboxStore(stage.database, stage.chance), kafka(stage.kafka) {}
        EventBatch read_claimed(const ClaimedBatch& batch) override {
            EventBatch events = FakeOutboxStore::read_claimed(batch);
            const std::lock_guard lock{kafka.mutex};
            ++kafka.epoch;
            kafka.mark = batch.number;
            for (const OutboxEvent& event : events.events())
                kafka.committed.emplace_back(*event.value);
            return events;
        }
        FakeKafka& kafka;
    };
    Stage stage;
    stage.kafka.mark = 6;
    stage.database.books[{6, 0}] = {"claim", {"gone"}};
    stage.database.books[{7, 0}] = {"claim", {"0"}};
    stage.insert(0, "nowhere");  // it was there when the successor looked
    stage.start(std::make_unique<Overtaken>(stage));
    stage.wait_until_drained();
    CHECK(stage.kafka.topic() == std::vector<std::string>{"0"});
    CHECK(stage.database.refused().empty());
}

TEST_CASE("relay: one that was outrun by another's claim sends that batch, and goes on") {
    /// Another relay claims the same rows first, and dies.
    struct Outrun : FakeOutboxStore {
        Outrun(Stage& stage) : FakeOutboxStore(stage.database, stage.chance), its_stage(stage) {}
        ClaimResult claim(BatchNumber number, BatchNumber last, const EventBatch& events) override {
            if (!std::exchange(was_outrun, true)) {
                const std::lock_guard lock{its_stage.database.mutex};
                its_stage.database.books[{number, 0}] = {"claim", {"1", "0"}};
            }
            return FakeOutboxStore::claim(number, last, events);
        }
        Stage& its_stage;
        bool was_outrun = false;
    };
    Stage stage;
    for (int i = 0; i < 4; ++i) stage.insert(i);
    stage.start(std::make_unique<Outrun>(stage));
    stage.wait_until_drained();
    CHECK(stage.kafka.topic() == std::vector<std::string>{"1", "0", "2", "3"});
}

TEST_CASE("relay: a batch that another one took over, and left there, is sent") {
    struct Overtaken : FakeOutboxStore {
        Overtaken(Stage& stage) : FakeOutboxStore(stage.database, stage.chance), its_stage(stage) {}
        DecisionResult take_over(ClaimedBatch& batch) override {
            if (!std::exchange(was_overtaken, true)) {
                const std::lock_guard lock{its_stage.database.mutex};
                its_stage.database.books[{batch.number, batch.round + 1}] = {"taken_over", {}};
            }
            return FakeOutboxStore::take_over(batch);
        }
        Stage& its_stage;
        bool was_overtaken = false;
    };
    Stage stage;
    stage.kafka.mark = 6;
    for (int i = 0; i < 3; ++i) stage.insert(i);
    stage.database.books[{6, 0}] = {"claim", {"gone"}};
    stage.database.books[{7, 0}] = {"claim", {"2", "1"}};
    stage.start(std::make_unique<Overtaken>(stage));
    stage.wait_until_drained();
    CHECK(stage.kafka.topic() == std::vector<std::string>{"2", "1", "0"});
}

TEST_CASE("relay: on_refused = stop holds it in front of the batch") {
    Stage stage;
    stage.config.on_refused = config::OnRefused::stop;
    stage.insert(0, "nowhere");
    CHECK(Stage::failure_of(stage.start()).find("on_refused") != std::string::npos);
    // It does not lead any more, and nobody is told that it does.
    CHECK(stage.observer.status().role == OutboxStatus::Role::starting);
    CHECK(stage.kafka.topic().empty());
    CHECK(stage.database.refused().empty());
    stage.database.table.at("0").topic = "events";
    stage.start();
    stage.wait_until_drained();
    CHECK(stage.kafka.topic() == std::vector<std::string>{"0"});
}

TEST_CASE("relay: mark and books that contradict each other stop it, unless told to send again") {
    Stage stage;
    stage.insert(0);
    SUBCASE("the mark is gone") {
        stage.database.books[{5, 0}] = {"claim", {"x"}};
    }
    SUBCASE("the books are gone") {
        stage.kafka.mark = 5;
    }
    CHECK(Stage::failure_of(stage.start()).find("on_mark_lost") != std::string::npos);
    stage.config.on_mark_lost = config::OnMarkLost::resend;
    stage.start();
    stage.wait_until_drained();
    CHECK(stage.kafka.topic() == std::vector<std::string>{"0"});
    CHECK(stage.kafka.mark >= 6);
}

TEST_CASE("relay: what another one claims during the first start does not mean a lost mark") {
    /// Between this relay's look at the marks and its look at the books, another one fences it,
    /// writes the first mark, and sends a batch.
    struct Overtaken : FakeOutboxStore {
        Overtaken(Stage& stage) : FakeOutboxStore(stage.database, stage.chance), its_stage(stage) {}
        BatchNumber last_claimed() override {
            const std::scoped_lock lock{its_stage.database.mutex, its_stage.kafka.mutex};
            FakeKafka& kafka = its_stage.kafka;
            if (kafka.epoch == 1 && !kafka.mark) {
                ++kafka.epoch;
                kafka.mark = 1;
                kafka.committed.emplace_back("0");
                its_stage.database.books[{1, 0}] = {"claim", {"0"}};
            }
            return its_stage.database.highest();
        }
        Stage& its_stage;
    };
    Stage stage;
    stage.insert(0);
    auto& relay = stage.start(std::make_unique<Overtaken>(stage));
    stage.wait_until_drained();
    Stage::stop(relay);
    CHECK(relay.failure.empty());
    CHECK(stage.kafka.topic() == std::vector<std::string>{"0"});
}

TEST_CASE("relay: a claim that came during the first start, and no mark: the mark was lost") {
    /// Whoever claims writes its mark elsewhere, and fences nobody here.
    struct Elsewhere : FakeOutboxStore {
        Elsewhere(Stage& stage) : FakeOutboxStore(stage.database, stage.chance), its_stage(stage) {}
        BatchNumber last_claimed() override {
            const std::scoped_lock lock{its_stage.database.mutex, its_stage.kafka.mutex};
            if (its_stage.kafka.epoch == 1) its_stage.database.books[{1, 0}] = {"claim", {"0"}};
            return its_stage.database.highest();
        }
        Stage& its_stage;
    };
    Stage stage;
    stage.insert(0);
    auto& relay = stage.start(std::make_unique<Elsewhere>(stage));
    CHECK(Stage::failure_of(relay).find("on_mark_lost") != std::string::npos);
    CHECK(stage.kafka.topic().empty());
    CHECK(!stage.kafka.mark);
}

TEST_CASE("relay: whatever fails, with several relays at once, each row is sent once") {
    for (unsigned seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        Stage stage(seed, seed % 4 == 0 ? 100 : 25);
        std::map<std::string, int> expected;
        std::map<std::string, int> refusable;
        const int relays = 1 + static_cast<int>(seed % 3);
        for (int i = 0; i < relays; ++i) stage.start();
        for (int i = 0; i < 60; ++i) {
            // Ids in no order at all.
            const int number = (i * 37) % 101;
            const bool poison = i % 13 == 5;
            stage.insert(number, poison ? (i % 2 == 0 ? "nowhere" : "small") : "events");
            (poison ? refusable : expected)[std::to_string(number)] = 1;
            if (i % 7 == 0) std::this_thread::yield();
            if (i % 20 == 19) Stage::stop(*stage.relays.front());
            if (i % 20 == 19) stage.start();
        }
        fixture::wait_until([&] { return stage.chance.strikes_so_far() > 0; }, 20s,
                            "something to fail");
        stage.chance.stop();
        stage.wait_until_drained();
        for (auto& relay : stage.relays) CHECK(relay->failure == "");
        CHECK(stage.times() == expected);
        std::map<std::string, int> refused;
        for (const std::string& value : stage.database.refused()) ++refused[value];
        CHECK(refused == refusable);
    }
}
