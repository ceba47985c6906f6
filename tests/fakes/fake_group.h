#pragma once

#include "pipeline/ingest/ports.h"
#include "pipeline/partition_table.h"
#include "tests/fakes/fake_topic.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::fakes {

class FakeGroup;

struct FakeArrival {
    using Kind = Arrival::Kind;
    Kind kind = Kind::record;
    int version = 0;
    FakeRecord record;  // partition and offset also for the other kinds
};

/// A lane's queue as librdkafka has it: fetched ahead; what was fetched before a seek stays in the
/// queue, and is delivered, until the seek; a chunk that was taken out is delivered to its end.
class FakeSource : public RecordSource {
public:
    explicit FakeSource(FakeGroup& group) : group_(group) {}

    void open(PartitionId partition) override;
    void close(PartitionId partition) override;
    std::chrono::nanoseconds poll(std::chrono::milliseconds timeout) override;
    const Arrival* next() override;
    void wake() override;
    void report_committed(std::span<const Position> positions) override;

    /// What each poll() so far was given.
    [[nodiscard]] std::vector<std::chrono::milliseconds> timeouts() const;
    /// These partitions are open here, all they hold was delivered, and the lane came back for
    /// more.
    [[nodiscard]] bool idle(const std::vector<PartitionId>& partitions) const;

private:
    friend class FakeGroup;
    FakeGroup& group_;
    std::deque<FakeArrival> taken_;  // the lane's thread's own, as are these two
    FakeArrival at_hand_{};
    Arrival arrival_;
    bool woken_ = false;  // guarded by the group's mutex, as is what follows
    bool idle_ = false;
    std::vector<std::chrono::milliseconds> timeouts_;
};

/// A membership whose coordinator is the test: offer() and revoke(). Watches that the protocol is
/// kept; what breaks it is in violations(). The test's calls and wake() from any thread.
class FakeGroup : public ConsumerGroup {
public:
    /// Records are handed over in chunks of this many, and fetched ahead this many per partition.
    FakeGroup(const FakeTopic& topic, int lanes, const config::Topics& topics = "numbers",
              std::size_t chunk = 7);

    void offer(std::vector<PartitionId> partitions);
    void revoke(std::vector<PartitionId> partitions);
    /// All that was offered and not revoked since has been assigned, all that was revoked let go.
    [[nodiscard]] bool settled() const;
    [[nodiscard]] std::vector<PartitionId> assigned() const;
    [[nodiscard]] std::optional<Offset> reported(PartitionId partition) const;
    [[nodiscard]] int polls() const { return polls_; }
    [[nodiscard]] std::vector<std::string> violations() const;
    /// The broker refuses the position at which the partition is fetched.
    void lose_position(PartitionId partition);
    /// What happens while the next question, which offsets a partition holds, is on its way.
    void before_next_answer(std::function<void()> happens);
    /// This many calls that ask Kafka fail from now on.
    void fail_questions(int count);
    /// seek() fails whenever it is about this partition; nullopt: about none.
    void refuse_seeks(std::optional<PartitionId> partition);
    /// resolve() fails whenever it is about this partition, too; nullopt: about none.
    void refuse_offsets(std::optional<PartitionId> partition);
    /// The topic comes while the members look for it.
    void come_late() { topic_is_new_ = true; }
    /// Who looks for the partition's topic does not see it, until it is seen again.
    void lose_sight(PartitionId partition);
    void see_again();
    /// A lane has it.
    [[nodiscard]] bool is_open(PartitionId partition) const;
    /// The broker has trouble with the partition; librdkafka tells, and goes on by itself.
    void report_trouble(PartitionId partition, const std::string& text);

    [[nodiscard]] FakeSource& lane(std::size_t number) { return *sources_[number]; }

    void poll(GroupListener& listener, std::chrono::milliseconds timeout) override;
    void wake() override;
    [[nodiscard]] std::string trouble() const override { return {}; }
    void assign(std::span<const Position> positions) override;
    void unassign(std::span<const PartitionId> partitions) override;
    void set_aside(std::span<const PartitionId> partitions) override;
    void seek(std::span<const Position> positions) override;
    std::vector<PartitionId> partitions() override;
    [[nodiscard]] bool is_new(const std::string& /*topic*/) const override { return topic_is_new_; }
    std::vector<Position> resolve(const config::Start& start,
                                  std::span<const PartitionId> partitions) override;
    [[nodiscard]] bool is_seen(const std::string& topic) const override;
    OffsetRange available(PartitionId partition) override;
    std::vector<Position> ends(std::span<const PartitionId> partitions) override;

private:
    friend class FakeSource;

    struct Event {
        bool offered = false;
        std::vector<PartitionId> partitions;
        std::string unseen{};  ///< instead of either: a topic
    };
    using Item = FakeArrival;
    struct Fetching {
        Offset position = 0;
        Offset end_told = -1;  // the end is told once for each position at which it is reached
        bool stopped = false;  // out of range: nothing comes until a seek
        FakeSource* open_in = nullptr;
        std::deque<Item> parked;  // fetched while no lane had it open
    };

    void fetch_ahead(PartitionId partition, Fetching& fetching);
    [[nodiscard]] bool outdated(const Item& item) const;
    std::deque<Item> take(FakeSource& source);
    [[nodiscard]] bool all_delivered(const FakeSource& source,
                                     const std::vector<PartitionId>& partitions) const;
    void violate(const std::string& what);
    void ask();

    const FakeTopic& topic_;
    const std::shared_ptr<PartitionTable> names_;  // of its partitions
    const std::size_t chunk_;
    std::atomic<int> polls_ = 0;
    std::atomic<bool> topic_is_new_ = false;

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    bool woken_ = false;
    std::deque<Event> events_;
    bool awaits_answer_ = false;      // to what poll() told last: assign() or unassign()
    std::set<PartitionId> offered_;   // assign() is awaited
    std::set<PartitionId> aside_;     // assign() may come
    std::set<PartitionId> revoking_;  // unassign() is awaited
    std::map<PartitionId, Fetching> assigned_;
    std::map<PartitionId, int> versions_;
    std::map<FakeSource*, std::deque<Item>> queues_;
    std::map<PartitionId, Offset> reported_;
    std::vector<std::string> violations_;
    int questions_to_fail_ = 0;
    std::string unseen_;
    std::function<void()> before_answer_;
    std::optional<PartitionId> unseekable_;
    std::optional<PartitionId> untold_;
    std::vector<std::unique_ptr<FakeSource>> sources_;
};

}  // namespace sluice::fakes
