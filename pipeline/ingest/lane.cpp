#include "pipeline/ingest/lane.h"

#include "pipeline/backoff.h"
#include "pipeline/errors.h"
#include "pipeline/ingest/stopped_at_reject.h"
#include "pipeline/log.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// How long an idle lane waits for records; wake() ends it sooner.
constexpr std::chrono::milliseconds idle_poll = 500ms;
/// A poll that is over this soon found something waiting.
constexpr std::chrono::milliseconds was_there = 1ms;

}  // namespace

Lane::Lane(LaneOptions options, LaneParts parts, LaneListener& listener)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      listener_(listener),
      sink_trouble_(options_.name),
      fetch_trouble_(options_.name),
      schema_trouble_(options_.name) {}

Lane::~Lane() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
    }
    changed_.notify_all();
    parts_.source.wake();
    if (thread_.joinable()) thread_.join();
}

void Lane::run() {
    thread_ = std::thread([this] {
        std::exception_ptr failure;
        try {
            loop();
        } catch (...) {
            failure = std::current_exception();
        }
        // Moved out of this thread: it must not be the one that frees what another reads.
        if (failure) listener_.on_failed(std::move(failure));
        const std::lock_guard lock{mutex_};
        ended_ = true;
        changed_.notify_all();
    });
}

void Lane::start(std::vector<ResumePoint> points) {
    {
        const std::lock_guard lock{mutex_};
        std::ranges::move(points, std::back_inserter(to_start_));
    }
    parts_.source.wake();
}

void Lane::stop(std::span<const PartitionId> partitions) {
    {
        const std::lock_guard lock{mutex_};
        for (const PartitionId partition : partitions) {
            std::erase_if(to_start_,
                          [&](const ResumePoint& point) { return point.partition == partition; });
            to_stop_.insert(partition);
        }
    }
    changed_.notify_all();
    parts_.source.wake();
}

bool Lane::wait_until_stopped(std::span<const PartitionId> partitions, Clock::time_point deadline) {
    std::unique_lock lock{mutex_};
    return changed_.wait_until(lock, deadline, [&] {
        return ended_ || std::ranges::none_of(partitions, [&](PartitionId partition) {
                   return to_stop_.contains(partition);
               });
    });
}

bool Lane::serves(PartitionId partition) const {
    const std::lock_guard lock{mutex_};
    return open_.contains(partition) ||
           std::ranges::any_of(
               to_start_, [&](const ResumePoint& point) { return point.partition == partition; });
}

void Lane::set_limits(const config::BatchLimits& limits) {
    {
        const std::lock_guard lock{mutex_};
        new_limits_ = limits;
    }
    parts_.source.wake();
}

std::string Lane::trouble() const {
    for (const OngoingTrouble* each : {&sink_trouble_, &schema_trouble_, &fetch_trouble_})
        if (std::string trouble = each->text(); !trouble.empty()) return trouble;
    return {};
}

void Lane::end_fetch_trouble() {
    if (!troubled_) return;
    troubled_.reset();
    fetch_trouble_.end();
}

void Lane::loop() {
    came_since_ = Clock::now();
    // A record may be taken only after the command that opened its partition was applied, and a
    // record fetched before a rewind must meet a closed partition: so commands are applied here,
    // between two polls, and nowhere else.
    while (apply_commands()) {
        const std::size_t records = poll();
        if (batch_.empty() || !is_due(records)) continue;
        catching_up_ = false;
        flush();
    }
}

std::size_t Lane::poll() {
    Polled polled{.waited = parts_.source.poll(time_to_flush())};
    auto since = Clock::now();
    // What had to be waited for has not waited itself.
    if (polled.waited > was_there) came_since_ = since;
    while (const Arrival* const arrival = parts_.source.next()) {
        if (arrival->kind == Arrival::Kind::record) {
            ++polled.records;
            polled.bytes += arrival->record.key.value_or("").size();
            polled.bytes += arrival->record.value.value_or("").size();
        }
        take(*arrival);
        if (!batch_is_full()) continue;
        polled.decoding += Clock::now() - since;
        catching_up_ = true;
        flush();
        since = Clock::now();
    }
    polled.decoding += Clock::now() - since;
    options_.observer.on_polled(polled, oldest_ms_);
    return polled.records;
}

bool Lane::apply_commands() {
    for (;;) {
        std::unique_lock lock{mutex_};
        if (ending_) return false;
        if (new_limits_) options_.limits = *std::exchange(new_limits_, std::nullopt);
        if (to_stop_.empty()) {
            // stop() took back the starts before it: those that are left came after.
            const std::vector<ResumePoint> to_start = std::exchange(to_start_, {});
            for (const ResumePoint& point : to_start) open_.insert(point.partition);
            lock.unlock();
            for (const ResumePoint& point : to_start) take_up(point);
            return true;
        }
        const std::set<PartitionId> to_stop = to_stop_;
        lock.unlock();
        let_go(to_stop);
    }
}

void Lane::let_go(const std::set<PartitionId>& partitions) {
    if (!batch_.empty()) flush();
    for (const PartitionId partition : partitions) close(partition);
    const std::lock_guard lock{mutex_};
    for (const PartitionId partition : partitions) to_stop_.erase(partition);
    changed_.notify_all();
}

void Lane::take_up(const ResumePoint& point) {
    const auto index = static_cast<std::size_t>(point.partition);
    if (cursors_.size() <= index) cursors_.resize(index + 1);
    cursors_[index] = {.open = true,
                       .next = point.next,
                       .last = point.last,
                       .incarnation = point.incarnation,
                       .must_verify = point.last.known() && point.last.offset < point.next,
                       .newest = std::nullopt};
    options_.observer.on_took_up(point);
    parts_.source.open(point.partition);
}

Lane::Cursor* Lane::cursor_of(PartitionId partition) {
    const auto index = static_cast<std::size_t>(partition);
    if (index >= cursors_.size() || !cursors_[index].open) return nullptr;
    return &cursors_[index];
}

void Lane::take(const Arrival& arrival) {
    const PartitionId partition = arrival.record.from->id;
    Cursor* const cursor = cursor_of(partition);
    if (cursor == nullptr) return;
    switch (arrival.kind) {
        case Arrival::Kind::record:
            return take_record(*cursor, arrival.record);
        case Arrival::Kind::end:
            return reach_end(*cursor, partition, arrival.record.offset);
        case Arrival::Kind::out_of_range:
            return lose(partition, LostPosition::outside);
        case Arrival::Kind::trouble:
            troubled_ = partition;
            fetch_trouble_.begin(name_of(options_.partitions[partition]) + ": " + arrival.trouble);
    }
}

void Lane::take_record(Cursor& cursor, const Record& record) {
    end_fetch_trouble();
    if (cursor.must_verify) {
        if (record.offset < cursor.last.offset) return;
        cursor.must_verify = false;
        if (!is_the_known_one(cursor, record)) {
            return lose(record.from->id, LostPosition::replaced);
        }
    }
    if (record.offset < cursor.next) return;  // read and committed before
    cursor.at_end = false;
    add(cursor, record);
}

/// The record before `next` was at last.offset. Compaction or retention may have removed it since,
/// but nothing can have appeared between it and `next`.
bool Lane::is_the_known_one(const Cursor& cursor, const Record& record) const {
    if (record.offset >= cursor.next) return true;
    return identify(record) == cursor.last;
}

void Lane::reach_end(Cursor& cursor, PartitionId partition, Offset next) {
    end_fetch_trouble();
    if (next < cursor.next) return lose(partition, LostPosition::outside);
    cursor.must_verify = false;
    cursor.at_end = true;
    if (next == cursor.next) return;
    Slice& slice = slice_of(cursor, partition);
    slice.gaps += next - cursor.next;
    cursor.next = slice.range.to = next;
}

void Lane::lose(PartitionId partition, LostPosition how) {
    // Progress is read next, so it must not lag behind what is here; and a batch that still held
    // the partition would meet the partition's next start.
    if (!batch_.empty()) flush();
    if (cursor_of(partition) == nullptr) return;  // the batch was dropped: progress is read anyway
    close(partition);
    listener_.on_lost_position(partition, how);
}

Slice& Lane::slice_of(Cursor& cursor, PartitionId partition) {
    if (batch_.empty()) {
        batch_taken_ = Clock::now();
        batch_began_ = came_since_;
    }
    Slice& slice = batch_.slice(partition, cursor.next);
    if (slice.range.from == slice.range.to) {
        slice.last = cursor.last;
        slice.incarnation = cursor.incarnation;
    }
    return slice;
}

void Lane::add(Cursor& cursor, const Record& record) {
    const std::optional<Mapped> mapped = map(record);
    if (!mapped) return;
    const auto [index, outcome] = *mapped;
    if (outcome == RowMapper::Outcome::rejected && options_.on_reject == config::OnReject::stop) {
        const std::vector<Reason> reasons = batch_.take_back_reject();
        if (!batch_.empty()) flush();
        throw RejectedRecord(stopped_at_reject(record, reasons));
    }
    Slice& slice = slice_of(cursor, record.from->id);
    slice.gaps += record.offset - cursor.next;
    switch (outcome) {
        case RowMapper::Outcome::row:
            ++slice.loaded;
            break;
        case RowMapper::Outcome::rejected:
            ++slice.rejected;
            break;
        case RowMapper::Outcome::filtered:
            ++slice.filtered;
            break;
    }
    if (!cursor.newest && record.timestamp_ms >= 0) {
        oldest_ms_ = std::min(oldest_ms_, record.timestamp_ms);
    }
    cursor.next = slice.range.to = record.offset + 1;
    cursor.newest = index;
}

std::optional<Lane::Mapped> Lane::map(const Record& record) {
    Backoff backoff{options_.retry};
    for (;;) {
        std::string trouble;
        try {
            const Mapped mapped = try_to_map(record);
            schema_trouble_.end();
            return mapped;
        } catch (const TroubleOfTheWorld& world) {
            trouble = world.what();
        }
        schema_trouble_.begin(name_of(record) + ": " + trouble, "; trying again");
        // What came before it need not wait with it.
        if (!batch_.empty()) flush();
        const bool is_ours = cursor_of(record.from->id) != nullptr;
        if (is_ours && wait(backoff)) continue;
        if (is_ours) {
            close(record.from->id);
            listener_.on_rewind({record.from->id}, RewindCause::given_up);
        }
        schema_trouble_.end();  // whoever meets it again says so
        return std::nullopt;
    }
}

Lane::Mapped Lane::try_to_map(const Record& record) {
    const RecordLog::Index index = batch_.records.append(record);
    try {
        return {index, parts_.mapper.map(index, batch_)};
    } catch (const TroubleOfTheWorld&) {
        batch_.records.take_back();
        throw;
    } catch (const WrongConfiguration& wrong) {
        batch_.records.take_back();
        if (!batch_.empty()) flush();
        throw WrongConfiguration(name_of(record) + ": " + wrong.what());
    }
}

bool Lane::wait(Backoff& backoff) {
    std::unique_lock lock{mutex_};
    return !changed_.wait_for(lock, backoff.next(), [&] { return ending_ || !to_stop_.empty(); });
}

bool Lane::backlog_ends() const {
    return catching_up_ && std::ranges::none_of(cursors_, [](const Cursor& cursor) {
               return cursor.open && !cursor.at_end;
           });
}

/// A batch whose delay began during the flush before takes along what else waits by now.
bool Lane::is_due(std::size_t records_polled) const {
    if (backlog_ends()) return true;
    if (time_to_flush() > 0ms) return false;
    return records_polled == 0 || Clock::now() - batch_taken_ >= options_.limits.delay;
}

bool Lane::batch_is_full() const {
    return batch_.records.size() >= options_.limits.rows || batch_.bytes() >= options_.limits.bytes;
}

std::chrono::milliseconds Lane::time_to_flush() const {
    if (batch_.empty()) return idle_poll;
    const auto age = Clock::now() - batch_began_;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(options_.limits.delay - age);
    return std::max(left, 0ms);
}

void Lane::flush() {
    for (const Slice& slice : batch_.slices()) {
        Cursor& cursor = cursors_[static_cast<std::size_t>(slice.partition)];
        if (!cursor.newest) continue;
        cursor.last = identify(batch_.records.at(*cursor.newest));
        batch_.slice(slice.partition, slice.range.from).last = cursor.last;
    }
    // What comes while this lasts waits, and that counts as its delay.
    came_since_ = Clock::now();
    offer();
}

void Lane::offer() {
    Backoff backoff{options_.retry};
    for (;;) {
        options_.observer.on_offering();
        const CommitResult result = parts_.sink->commit(batch_);
        if (const auto* committed = std::get_if<Committed>(&result)) {
            after_commit(*committed);
            if (!committed->stop.empty()) throw RejectedRecord(committed->stop);
            return;
        }
        if (const auto* fenced = std::get_if<Fenced>(&result)) {
            log(LogLevel::warn, options_.name,
                "fenced: another writer moved the progress of " +
                    std::to_string(fenced->partitions.size()) + " of " +
                    std::to_string(batch_.slices().size()) + " partitions");
            options_.observer.on_fenced();
            return drop_batch(RewindCause::fenced);
        }
        options_.observer.on_retry();
        sink_trouble_.begin(std::get<Retry>(result).reason, "; trying again");
        if (wait(backoff)) continue;
        options_.observer.on_given_up();
        return drop_batch(RewindCause::given_up);
    }
}

void Lane::after_commit(const Committed& how) {
    options_.observer.on_committed(batch_, how);
    sink_trouble_.end();
    std::vector<Position> positions;
    for (const Slice& slice : batch_.slices()) {
        cursors_[static_cast<std::size_t>(slice.partition)].newest.reset();
        positions.push_back({slice.partition, slice.range.to});
    }
    parts_.source.report_committed(positions);
    clear_batch();
}

void Lane::drop_batch(RewindCause cause) {
    std::vector<PartitionId> partitions;
    for (const Slice& slice : batch_.slices()) {
        partitions.push_back(slice.partition);
        close(slice.partition);
    }
    clear_batch();
    sink_trouble_.end();  // whoever reads progress now meets it again, and says so
    listener_.on_rewind(std::move(partitions), cause);
}

void Lane::clear_batch() {
    batch_.clear();
    oldest_ms_ = LaneObserver::no_time;
}

void Lane::close(PartitionId partition) {
    if (Cursor* const cursor = cursor_of(partition)) {
        parts_.source.close(partition);
        cursor->open = false;
        if (troubled_ == partition) end_fetch_trouble();
        const std::lock_guard lock{mutex_};
        open_.erase(partition);
    }
}

}  // namespace sluice
