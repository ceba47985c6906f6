#include "tests/fakes/fake_group.h"

#include "pipeline/errors.h"
#include "tests/fakes/partitions.h"

#include <algorithm>
#include <utility>

namespace sluice::fakes {
namespace {

using namespace std::chrono_literals;

/// The topic does not tell when something is appended.
constexpr std::chrono::milliseconds look_again = 1ms;

}  // namespace

FakeGroup::FakeGroup(const FakeTopic& topic, int lanes, const config::Topics& topics,
                     std::size_t chunk)
    : topic_(topic), names_(partitions_of(topics)), chunk_(chunk) {
    for (int i = 0; i < lanes; ++i) sources_.push_back(std::make_unique<FakeSource>(*this));
}

// ---- what the test does ----

void FakeGroup::offer(std::vector<PartitionId> partitions) {
    const std::lock_guard lock{mutex_};
    events_.push_back({.offered = true, .partitions = std::move(partitions)});
    changed_.notify_all();
}

void FakeGroup::revoke(std::vector<PartitionId> partitions) {
    const std::lock_guard lock{mutex_};
    events_.push_back({.offered = false, .partitions = std::move(partitions)});
    changed_.notify_all();
}

bool FakeGroup::settled() const {
    const std::lock_guard lock{mutex_};
    return events_.empty() && offered_.empty() && revoking_.empty();
}

std::vector<PartitionId> FakeGroup::assigned() const {
    const std::lock_guard lock{mutex_};
    std::vector<PartitionId> all;
    for (const auto& [partition, fetching] : assigned_) all.push_back(partition);
    return all;
}

std::optional<Offset> FakeGroup::reported(PartitionId partition) const {
    const std::lock_guard lock{mutex_};
    const auto found = reported_.find(partition);
    if (found == reported_.end()) return std::nullopt;
    return found->second;
}

std::vector<std::string> FakeGroup::violations() const {
    const std::lock_guard lock{mutex_};
    return violations_;
}

void FakeGroup::lose_position(PartitionId partition) {
    const std::lock_guard lock{mutex_};
    Fetching& fetching = assigned_.at(partition);
    fetching.stopped = true;
    std::deque<Item>& to =
        fetching.open_in != nullptr ? queues_[fetching.open_in] : fetching.parked;
    to.push_back(
        {Item::Kind::out_of_range, versions_[partition], {.partition = partition, .offset = 0}});
}

void FakeGroup::fail_questions(int count) {
    const std::lock_guard lock{mutex_};
    questions_to_fail_ = count;
}

void FakeGroup::before_next_answer(std::function<void()> happens) {
    const std::lock_guard lock{mutex_};
    before_answer_ = std::move(happens);
}

void FakeGroup::refuse_seeks(std::optional<PartitionId> partition) {
    const std::lock_guard lock{mutex_};
    unseekable_ = partition;
}

void FakeGroup::refuse_offsets(std::optional<PartitionId> partition) {
    const std::lock_guard lock{mutex_};
    untold_ = partition;
}

void FakeGroup::lose_sight(PartitionId partition) {
    const std::lock_guard lock{mutex_};
    unseen_ = (*names_)[partition].topic;
    events_.push_back({.offered = false, .partitions = {}, .unseen = unseen_});
    changed_.notify_all();
}

void FakeGroup::see_again() {
    const std::lock_guard lock{mutex_};
    unseen_.clear();
}

bool FakeGroup::is_open(PartitionId partition) const {
    const std::lock_guard lock{mutex_};
    const auto found = assigned_.find(partition);
    return found != assigned_.end() && found->second.open_in != nullptr;
}

bool FakeGroup::is_seen(const std::string& topic) const {
    const std::lock_guard lock{mutex_};
    return topic != unseen_;
}

void FakeGroup::report_trouble(PartitionId partition, const std::string& text) {
    const std::lock_guard lock{mutex_};
    Fetching& fetching = assigned_.at(partition);
    std::deque<Item>& to =
        fetching.open_in != nullptr ? queues_[fetching.open_in] : fetching.parked;
    to.push_back(
        {Item::Kind::trouble, versions_[partition], {.partition = partition, .value = text}});
}

void FakeGroup::violate(const std::string& what) {
    violations_.push_back(what);
}

void FakeGroup::ask() {
    const std::lock_guard lock{mutex_};
    if (questions_to_fail_ == 0) return;
    --questions_to_fail_;
    throw TroubleOfTheWorld("kafka does not answer");
}

// ---- ConsumerGroup ----

void FakeGroup::poll(GroupListener& listener, std::chrono::milliseconds timeout) {
    ++polls_;
    Event event;
    {
        std::unique_lock lock{mutex_};
        changed_.wait_for(lock, timeout, [&] { return woken_ || !events_.empty(); });
        woken_ = false;
        if (events_.empty()) return;
        event = std::move(events_.front());
        events_.pop_front();
        awaits_answer_ = event.unseen.empty();
        for (const PartitionId partition : event.partitions) {
            if (event.offered) {
                offered_.insert(partition);
            } else if (offered_.erase(partition) + aside_.erase(partition) == 0) {
                revoking_.insert(partition);
            }  // else: taken back before it was answered, nothing is awaited any more
        }
    }
    if (!event.unseen.empty()) {
        listener.on_lost_sight(event.unseen);
    } else if (event.offered) {
        listener.on_assigned(event.partitions);
    } else {
        listener.on_revoked(event.partitions);
    }
}

void FakeGroup::wake() {
    const std::lock_guard lock{mutex_};
    woken_ = true;
    changed_.notify_all();
}

void FakeGroup::assign(std::span<const Position> positions) {
    const std::lock_guard lock{mutex_};
    awaits_answer_ = false;
    for (const Position& position : positions) {
        if (offered_.erase(position.partition) + aside_.erase(position.partition) == 0)
            violate("assign() of what was not offered");
        ++versions_[position.partition];
        Fetching& fetching = assigned_[position.partition];
        fetching = {};
        fetching.position = position.next;
    }
}

void FakeGroup::unassign(std::span<const PartitionId> partitions) {
    const std::lock_guard lock{mutex_};
    awaits_answer_ = false;
    for (const PartitionId partition : partitions) {
        if (revoking_.erase(partition) == 0)
            violate("unassign() of " + std::to_string(partition) + ", not revoked");
        if (assigned_.erase(partition) == 0)
            violate("unassign() of " + std::to_string(partition) + ", not assigned");
        ++versions_[partition];
    }
}

void FakeGroup::set_aside(std::span<const PartitionId> partitions) {
    const std::lock_guard lock{mutex_};
    for (const PartitionId partition : partitions) {
        const auto found = assigned_.find(partition);
        if (found == assigned_.end()) {
            violate("set_aside() of what is not assigned");
            continue;
        }
        if (found->second.open_in != nullptr) violate("set_aside() of an open partition");
        assigned_.erase(found);
        aside_.insert(partition);
        ++versions_[partition];
    }
}

void FakeGroup::seek(std::span<const Position> positions) {
    ask();
    const std::lock_guard lock{mutex_};
    for (const Position& position : positions) {
        const auto found = assigned_.find(position.partition);
        if (found == assigned_.end()) {
            violate("seek() in what is not assigned");
            continue;
        }
        if (unseekable_ == position.partition) throw TroubleOfTheWorld("kafka refuses to seek");
        if (found->second.open_in != nullptr) violate("seek() in an open partition");
        ++versions_[position.partition];
        found->second = {};
        found->second.position = position.next;
    }
}

std::vector<PartitionId> FakeGroup::partitions() {
    ask();
    return topic_.partitions();
}

std::vector<Position> FakeGroup::resolve(const config::Start& start,
                                         std::span<const PartitionId> partitions) {
    ask();
    std::vector<Position> positions;
    for (const PartitionId partition : partitions) {
        if (const std::lock_guard lock{mutex_}; untold_ == partition)
            throw TroubleOfTheWorld("kafka does not know the topic");
        Offset next = topic_.available(partition).from;
        if (start.kind == config::Start::Kind::latest) next = topic_.available(partition).to;
        if (start.kind == config::Start::Kind::time) {
            next = topic_.first_at_or_after(partition, start.time_ms);
        }
        positions.push_back({partition, next});
    }
    return positions;
}

OffsetRange FakeGroup::available(PartitionId partition) {
    ask();
    std::function<void()> happens;
    {
        const std::lock_guard lock{mutex_};
        happens = std::exchange(before_answer_, nullptr);
    }
    if (happens) happens();
    return topic_.available(partition);
}

std::vector<Position> FakeGroup::ends(std::span<const PartitionId> partitions) {
    std::vector<Position> ends;
    for (const PartitionId partition : partitions)
        ends.push_back({partition, topic_.available(partition).to});
    return ends;
}

// ---- fetching; the caller holds the mutex ----

void FakeGroup::fetch_ahead(PartitionId partition, Fetching& fetching) {
    std::deque<Item>& to =
        fetching.open_in != nullptr ? queues_[fetching.open_in] : fetching.parked;
    // As librdkafka does: all is paused between the callback of a rebalance and its answer.
    if (awaits_answer_ || fetching.stopped || to.size() > 4 * chunk_) return;
    const int version = versions_[partition];
    const FakeTopic::Fetched fetched = topic_.fetch(partition, fetching.position, chunk_);
    const auto event = [&](Item::Kind kind) {
        to.push_back({kind, version, {.partition = partition, .offset = fetched.next}});
    };
    if (fetched.out_of_range) {
        fetching.stopped = true;
        return event(Item::Kind::out_of_range);
    }
    for (const FakeRecord& record : fetched.records) {
        to.push_back({Item::Kind::record, version, record});
    }
    fetching.position = fetched.next;
    if (fetched.at_end && fetching.end_told != fetched.next) {
        fetching.end_told = fetched.next;
        event(Item::Kind::end);
    }
}

bool FakeGroup::outdated(const Item& item) const {
    return item.version < versions_.at(item.record.partition);
}

std::deque<FakeGroup::Item> FakeGroup::take(FakeSource& source) {
    for (auto& [partition, fetching] : assigned_) {
        if (fetching.open_in == &source || fetching.open_in == nullptr) {
            fetch_ahead(partition, fetching);
        }
    }
    std::deque<Item> taken;
    std::deque<Item>& queue = queues_[&source];
    while (!queue.empty() && taken.size() < chunk_) {
        if (!outdated(queue.front())) taken.push_back(std::move(queue.front()));
        queue.pop_front();
    }
    return taken;
}

bool FakeGroup::all_delivered(const FakeSource& source,
                              const std::vector<PartitionId>& partitions) const {
    return std::ranges::all_of(partitions, [&](PartitionId partition) {
        const auto found = assigned_.find(partition);
        return found != assigned_.end() && found->second.open_in == &source &&
               found->second.end_told == topic_.available(partition).to;
    });
}

// ---- RecordSource ----

void FakeSource::open(PartitionId partition) {
    const std::lock_guard lock{group_.mutex_};
    const auto found = group_.assigned_.find(partition);
    if (found == group_.assigned_.end()) return;  // revoked meanwhile: nothing comes
    FakeGroup::Fetching& fetching = found->second;
    if (fetching.open_in != nullptr) group_.violate("open() of an open partition");
    fetching.open_in = this;
    idle_ = false;
    std::ranges::move(fetching.parked, std::back_inserter(group_.queues_[this]));
    fetching.parked.clear();
}

void FakeSource::close(PartitionId partition) {
    const std::lock_guard lock{group_.mutex_};
    const auto found = group_.assigned_.find(partition);
    // As librdkafka: whoever closes it last cuts it off, even another lane's.
    if (found != group_.assigned_.end()) found->second.open_in = nullptr;
}

std::chrono::nanoseconds FakeSource::poll(std::chrono::milliseconds timeout) {
    const auto began = std::chrono::steady_clock::now();
    const auto deadline = began + timeout;
    std::unique_lock lock{group_.mutex_};
    timeouts_.push_back(timeout);
    for (;;) {
        taken_ = group_.take(*this);
        idle_ = taken_.empty();
        if (!taken_.empty() || std::exchange(woken_, false)) break;
        if (std::chrono::steady_clock::now() >= deadline) break;
        group_.changed_.wait_for(lock, look_again);
    }
    return std::chrono::steady_clock::now() - began;
}

const Arrival* FakeSource::next() {
    if (taken_.empty()) return nullptr;
    at_hand_ = std::move(taken_.front());
    taken_.pop_front();
    const FakeRecord& record = at_hand_.record;
    arrival_ = {.kind = at_hand_.kind,
                .record = {.from = &(*group_.names_)[record.partition],
                           .offset = record.offset,
                           .timestamp_ms = record.timestamp_ms,
                           .key = record.key,
                           .value = record.value,
                           .headers = {}}};
    if (arrival_.kind == Arrival::Kind::trouble) arrival_.trouble = *record.value;
    return &arrival_;
}

void FakeSource::wake() {
    const std::lock_guard lock{group_.mutex_};
    woken_ = true;
    group_.changed_.notify_all();
}

std::vector<std::chrono::milliseconds> FakeSource::timeouts() const {
    const std::lock_guard lock{group_.mutex_};
    return timeouts_;
}

bool FakeSource::idle(const std::vector<PartitionId>& partitions) const {
    const std::lock_guard lock{group_.mutex_};
    return idle_ && group_.all_delivered(*this, partitions);
}

void FakeSource::report_committed(std::span<const Position> positions) {
    const std::lock_guard lock{group_.mutex_};
    for (const Position& position : positions) {
        group_.reported_[position.partition] = position.next;
    }
}

}  // namespace sluice::fakes
