#pragma once

#include "pipeline/errors.h"
#include "pipeline/outbox/outbox_ports.h"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace sluice::fakes {

/// How often, of a thousand calls, something goes wrong, and a source of chance. From any thread.
class Chance {
public:
    explicit Chance(unsigned seed, int per_mille = 0) : random_(seed), per_mille_(per_mille) {}
    [[nodiscard]] bool strikes() {
        const std::lock_guard lock{mutex_};
        const bool strikes = static_cast<int>(random_() % 1000) < per_mille_;
        strikes_ += strikes;
        return strikes;
    }
    /// How often it has.
    [[nodiscard]] int strikes_so_far() {
        const std::lock_guard lock{mutex_};
        return strikes_;
    }
    [[nodiscard]] unsigned number(unsigned below) {
        const std::lock_guard lock{mutex_};
        return static_cast<unsigned>(random_()) % below;
    }
    void stop() {
        const std::lock_guard lock{mutex_};
        per_mille_ = 0;
    }

private:
    std::mutex mutex_;
    std::mt19937 random_;
    int per_mille_;
    int strikes_ = 0;
};

/// The database: one outbox table and the books of one relay, shared by all its fakes. From any
/// thread. Its faults: a call that fails before it did anything, after it did everything, and a
/// claim that lands only when somebody else asks for its number.
class FakeOutboxDatabase {
public:
    struct Row {
        std::string id;
        std::string topic = "events";
        std::string value;
    };
    struct Book {
        std::string kind;
        std::vector<std::string> ids;
    };

    explicit FakeOutboxDatabase(Chance& chance) : chance_(chance) {}

    void insert(const Row& row);
    [[nodiscard]] std::size_t rows();
    [[nodiscard]] std::vector<std::string> refused();
    /// A person claims a refused event anew.
    bool retry(std::size_t which);

    std::mutex mutex;
    std::map<std::string, Row> table;
    std::map<std::pair<BatchNumber, int>, Book> books;
    std::map<std::string, Row> refused_events;  ///< by "batch:place"
    struct Late {
        std::pair<BatchNumber, int> key;
        Book book;
    };
    std::optional<Late> late;  ///< a claim that is still committing
    void maybe_fail();
    void settle_late();
    [[nodiscard]] BatchNumber highest() const;

private:
    Chance& chance_;
};

class FakeOutboxStore : public OutboxStore {
public:
    FakeOutboxStore(FakeOutboxDatabase& database, Chance& chance)
        : database_(database), chance_(chance) {}

    BatchNumber last_claimed() override;
    std::vector<ClaimedBatch> claimed_above(BatchNumber mark) override;
    EventBatch read_claimed(const ClaimedBatch& batch) override;
    void begin_sweep(BatchNumber purged) override;
    EventBatch read(const EventLimits& limits) override;
    void end_sweep() noexcept override { sweep_.clear(); }
    void interrupt() override {}
    ClaimResult claim(BatchNumber number, BatchNumber last, const EventBatch& events) override;
    DecisionResult take_over(ClaimedBatch& batch) override;
    DecisionResult refuse(BatchNumber number, int round, const EventBatch& events,
                          const std::vector<Refusal>& refusals) override;

private:
    DecisionResult decide(BatchNumber number, int round, const FakeOutboxDatabase::Book& book);
    static void fill(EventBatch& events, const FakeOutboxDatabase::Row& row);

    FakeOutboxDatabase& database_;
    Chance& chance_;
    std::vector<FakeOutboxDatabase::Row> sweep_;  // what is left of the snapshot
};

/// Kafka: the topic, the mark, and who may write to it. From any thread.
class FakeKafka {
public:
    explicit FakeKafka(Chance& its_chance) : chance(its_chance) {}
    [[nodiscard]] std::vector<std::string> topic();

    std::mutex mutex;
    std::vector<std::string> committed;
    std::optional<BatchNumber> mark;
    int epoch = 0;
    /// A commit whose answer got lost, and that is not decided yet.
    std::function<void()> undecided;
    Chance& chance;
};

/// Its faults: commits that fail before or after they happened, are not decided for a while, or
/// find another relay's producer in their place; messages that only the broker refuses.
class FakeEventProducer : public EventProducer {
public:
    explicit FakeEventProducer(FakeKafka& kafka) : kafka_(kafka) {}

    std::optional<BatchNumber> start() override;
    std::vector<Refusal> inspect(const EventBatch& events) override;
    void send(BatchNumber mark, const EventBatch& events) override;
    SendResult finish(std::chrono::milliseconds patience) override;

private:
    FakeKafka& kafka_;
    int epoch_ = -1;
    BatchNumber number_ = 0;
    std::vector<std::string> values_;
    std::vector<Refusal> refusals_;
};

/// Who has the lead: one at a time, or everybody, as zombies would have it.
class FakeLeadership : public Leadership {
public:
    explicit FakeLeadership(Chance& chance) : chance_(chance) {}
    bool acquire() override { return true; }
    bool hold() override { return !chance_.strikes(); }
    void release() noexcept override {}

private:
    Chance& chance_;
};

class FakeOutboxPurge : public OutboxPurge {
public:
    explicit FakeOutboxPurge(FakeOutboxDatabase& database) : database_(database) {}
    BatchNumber purged() override { return 0; }
    PurgeStep step(BatchNumber sent) override;

private:
    FakeOutboxDatabase& database_;
};

}  // namespace sluice::fakes
