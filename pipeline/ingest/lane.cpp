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
      source_(parts.source),
      router_(std::move(parts.router)),
      listener_(listener),
      offering_(options_.name, options_.retry, std::move(parts.sink), options_.observer,
                [this] { source_.wake(); }),
      mailbox_([this](bool hurried) { offering_.set_hurried(hurried); }),
      fetch_trouble_(options_.name),
      schema_trouble_(options_.name) {}

Lane::~Lane() {
    mailbox_.end();
    source_.wake();
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
        // Whoever takes over what was this lane's need not meet its last commit.
        offering_.stop();
        // Moved out of this thread: it must not be the one that frees what another reads.
        if (failure) listener_.on_failed(std::move(failure));
        mailbox_.note_ended();
    });
}

void Lane::start(std::vector<ResumePoint> points) {
    mailbox_.start(std::move(points));
    source_.wake();
}

void Lane::stop(std::span<const PartitionId> partitions) {
    mailbox_.stop(partitions);
    source_.wake();
}

void Lane::set_limits(const config::BatchLimits& limits, bool reads_on) {
    mailbox_.set_limits({limits, reads_on});
    source_.wake();
}

std::string Lane::trouble() const {
    if (std::string trouble = offering_.trouble(); !trouble.empty()) return trouble;
    if (std::string trouble = schema_trouble_.text(); !trouble.empty()) return trouble;
    return fetch_trouble_.text();
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
        if (offering_.is_over()) settle();
        const std::size_t records = poll();
        // While the batch before it is on its way, a batch may as well grow.
        if (offering_.is_under_way() && !offering_.is_over()) continue;
        if (batch_.empty() || !is_due(records)) continue;
        catching_up_ = false;
        flush();
    }
}

std::size_t Lane::poll() {
    Polled polled{.waited = source_.poll(time_to_flush())};
    auto since = Clock::now();
    // What had to be waited for has not waited itself.
    if (polled.waited > was_there) came_since_ = since;
    while (const Arrival* const arrival = source_.next()) {
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
    options_.observer.on_polled(polled, oldest_ms());
    return polled.records;
}

bool Lane::apply_commands() {
    for (;;) {
        const LaneMailbox::Orders orders = mailbox_.take();
        if (orders.end) return false;
        if (orders.limits) {
            options_.limits = orders.limits->batch;
            router_.set_most_bytes(options_.limits.bytes);
            options_.reads_on = orders.limits->reads_on;
        }
        if (orders.to_stop.empty()) {
            for (const ResumePoint& point : orders.to_start) take_up(point);
            return true;
        }
        let_go(orders.to_stop);
    }
}

void Lane::let_go(const std::set<PartitionId>& partitions) {
    flush_all();
    for (const PartitionId partition : partitions) close(partition);
    mailbox_.note_stopped(partitions);
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
    source_.open(point.partition);
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

inline void Lane::take_record(Cursor& cursor, const Record& record) {
    end_fetch_trouble();
    if (cursor.must_verify) {
        if (record.offset < cursor.last.offset) return;
        cursor.must_verify = false;
        if (!is_the_known_one(cursor, record)) {
            return lose(record.from->id, LostPosition::replaced);
        }
        options_.observer.on_recognised(record.from->id);
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
    if (std::exchange(cursor.must_verify, false)) options_.observer.on_recognised(partition);
    cursor.at_end = true;
    if (next == cursor.next) return;
    Slice& slice = slice_of(cursor, partition);
    slice.gaps += next - cursor.next;
    cursor.next = slice.range.to = next;
}

void Lane::lose(PartitionId partition, LostPosition how) {
    // Progress is read next, so it must not lag behind what is here; and a batch that still held
    // the partition would meet the partition's next start.
    flush_all();
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
        flush_all();
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
        } catch (const FieldsWithoutColumn& lacking) {
            if (!grow(record.from->id, lacking, trouble)) return std::nullopt;
            if (trouble.empty()) continue;
        } catch (const TroubleOfTheWorld& world) {
            trouble = world.what();
        }
        schema_trouble_.begin(name_of(record) + ": " + trouble, "; trying again");
        // What came before it need not wait with it.
        flush_all();
        const bool is_ours = cursor_of(record.from->id) != nullptr;
        if (is_ours && mailbox_.wait(backoff.next())) continue;
        if (is_ours) {
            close(record.from->id);
            listener_.on_rewind({record.from->id}, RewindCause::given_up);
        }
        schema_trouble_.end();  // whoever meets it again says so
        return std::nullopt;
    }
}

/// The lane's own batch must not be what keeps the table locked. False: the partition's records
/// wait for the table.
bool Lane::grow(PartitionId partition, const FieldsWithoutColumn& lacking, std::string& trouble) {
    flush_all();
    if (cursor_of(partition) == nullptr) return false;
    try {
        std::string why = router_.grow(lacking);
        if (why.empty()) return true;
        close(partition);
        listener_.on_held_up({partition}, std::move(why));
        return false;
    } catch (const TroubleOfTheWorld& world) {
        trouble = world.what();
        return true;
    }
}

Lane::Mapped Lane::try_to_map(const Record& record) {
    const RecordLog::Index index = batch_.records.append(record);
    try {
        return {index, router_.map(index, batch_)};
    } catch (const FieldsWithoutColumn&) {
        batch_.records.take_back();
        throw;
    } catch (const TroubleOfTheWorld&) {
        batch_.records.take_back();
        throw;
    } catch (const WrongConfiguration& wrong) {
        batch_.records.take_back();
        flush_all();
        throw WrongConfiguration(name_of(record) + ": " + wrong.what());
    }
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
    // Its end wakes the source.
    if (batch_.empty() || offering_.is_under_way()) return idle_poll;
    const auto age = Clock::now() - batch_began_;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(options_.limits.delay - age);
    return std::max(left, 0ms);
}

void Lane::flush() {
    const auto before = Clock::now();
    std::unique_ptr<PreparedBatch> prepared = offering_.prepare(batch_);
    options_.observer.on_prepared(Clock::now() - before);
    settle();
    if (batch_.empty()) return;
    for (const Slice& slice : batch_.slices()) {
        Cursor& cursor = cursors_[static_cast<std::size_t>(slice.partition)];
        if (!cursor.newest) continue;
        cursor.last = identify(batch_.records.at(*cursor.newest));
        cursor.newest.reset();
        batch_.slice(slice.partition, slice.range.from).last = cursor.last;
    }
    // What comes while this lasts waits, and that counts as its delay.
    came_since_ = Clock::now();
    options_.observer.on_batch_made();
    offered_oldest_ms_ = std::exchange(oldest_ms_, LaneObserver::no_time);
    offering_.begin(batch_, std::move(prepared));
    if (!options_.reads_on) settle();
}

void Lane::flush_all() {
    flush();
    settle();
}

void Lane::settle() {
    if (!offering_.is_under_way()) return;
    const BatchOffering::Outcome outcome = offering_.settle();
    for (const BatchOffering::Held& held : outcome.held) give_back(held);
    switch (outcome.end) {
        case BatchOffering::End::committed:
            after_commit();
            if (!outcome.stop.empty()) throw RejectedRecord(outcome.stop);
            break;
        case BatchOffering::End::fenced:
            drop_batches(RewindCause::fenced);
            break;
        case BatchOffering::End::given_up:
            drop_batches(RewindCause::given_up);
    }
}

void Lane::after_commit() {
    std::vector<Position> positions;
    for (const Slice& slice : offering_.batch().slices())
        positions.push_back({slice.partition, slice.range.to});
    source_.report_committed(positions);
    offered_oldest_ms_ = LaneObserver::no_time;
    if (!options_.max_rejects) return;
    const std::string too_many =
        options_.reject_count.add(offering_.batch(), *options_.max_rejects);
    if (!too_many.empty()) throw TooManyRejects(too_many);
}

void Lane::drop_batches(RewindCause cause) {
    std::set<PartitionId> partitions;
    for (const Batch* const batch : {&offering_.batch(), &std::as_const(batch_)}) {
        for (const Slice& slice : batch->slices()) {
            partitions.insert(slice.partition);
            close(slice.partition);
        }
    }
    batch_.clear();
    oldest_ms_ = offered_oldest_ms_ = LaneObserver::no_time;
    listener_.on_rewind({partitions.begin(), partitions.end()}, cause);
}

void Lane::give_back(const BatchOffering::Held& held) {
    batch_.drop(held.partitions);
    if (batch_.empty()) {
        batch_.clear();
        oldest_ms_ = LaneObserver::no_time;
    }
    for (const PartitionId partition : held.partitions) {
        cursors_[static_cast<std::size_t>(partition)].newest.reset();
        close(partition);
    }
    listener_.on_held_up(held.partitions, held.why);
}

void Lane::close(PartitionId partition) {
    if (Cursor* const cursor = cursor_of(partition)) {
        source_.close(partition);
        cursor->open = false;
        if (troubled_ == partition) end_fetch_trouble();
        mailbox_.note_closed(partition);
    }
}

}  // namespace sluice
