#include "tests/fakes/fake_database.h"

#include "pipeline/errors.h"

#include <algorithm>
#include <utility>

namespace sluice::fakes {
namespace {

std::string describe(const std::vector<Slice>& slices) {
    std::string text;
    for (const Slice& slice : slices) {
        if (!text.empty()) text += ' ';
        text += std::to_string(slice.partition) + ":" + std::to_string(slice.range.from) + "-" +
                std::to_string(slice.range.to);
    }
    return text;
}

FakeDatabase::Row row_of(const Record& record) {
    std::optional<std::string> value;
    if (record.value) value = std::string(*record.value);
    return {record.from->id, record.offset, std::move(value)};
}

/// Of all targets.
void for_each_row(const Batch& batch, const std::function<void(RecordLog::Index)>& visit) {
    for (const TargetRows& target : batch.targets)
        for (const EncodedRows* const rows : {&target.binary, &target.text})
            for (const EncodedRows::Row& row : rows->rows) visit(row.record);
}

FakeDatabase::Write write_of(const Batch& batch) {
    FakeDatabase::Write write{.slices = batch.slices(), .rows = {}, .dead_letters = {}};
    for_each_row(batch, [&](RecordLog::Index record) {
        write.rows.push_back(row_of(batch.records.at(record)));
    });
    for (const Reject& reject : batch.rejects) {
        write.dead_letters.push_back({row_of(batch.records.at(reject.record)), reject.reasons});
    }
    return write;
}

bool same_moves(const std::vector<Slice>& a, const std::vector<Slice>& b) {
    return std::ranges::equal(a, b, [](const Slice& one, const Slice& other) {
        return one.partition == other.partition && one.range == other.range;
    });
}

}  // namespace

// ---- what tests look at ----

std::vector<FakeDatabase::Row> FakeDatabase::rows() const {
    const std::lock_guard lock{mutex_};
    std::vector<Row> sorted = rows_;
    std::ranges::sort(sorted);
    return sorted;
}

std::vector<FakeDatabase::DeadLetter> FakeDatabase::dead_letters() const {
    const std::lock_guard lock{mutex_};
    return dead_letters_;
}

std::vector<FakeDatabase::LedgerEntry> FakeDatabase::ledger() const {
    const std::lock_guard lock{mutex_};
    return ledger_;
}

std::optional<FakeDatabase::Progress> FakeDatabase::progress(PartitionId partition) const {
    const std::lock_guard lock{mutex_};
    const auto found = progress_.find(partition);
    if (found == progress_.end()) return std::nullopt;
    return found->second;
}

Offset FakeDatabase::next(PartitionId partition) const {
    const auto found = progress(partition);
    return found ? found->next : -1;
}

std::vector<std::string> FakeDatabase::offers() const {
    const std::lock_guard lock{mutex_};
    return offers_;
}

int FakeDatabase::reads() const {
    const std::lock_guard lock{mutex_};
    return reads_;
}

std::vector<std::string> FakeDatabase::violations() const {
    const std::lock_guard lock{mutex_};
    std::vector<std::string> all = violations_;
    // Per partition and incarnation the ledger's ranges join without a hole, from the anchor to
    // progress, and hold what their sums say.
    std::map<std::pair<PartitionId, int>, Offset> reached;
    for (const LedgerEntry& entry : ledger_) {
        const auto [at, first] =
            reached.try_emplace({entry.partition, entry.incarnation}, entry.range.from);
        const std::string where =
            std::to_string(entry.partition) + "@" + std::to_string(entry.range.from) + ": ";
        if (at->second != entry.range.from) all.push_back(where + "not where the ledger ended");
        at->second = entry.range.to;
        if (entry.loaded + entry.rejected + entry.filtered + entry.gaps + entry.lost !=
            entry.range.size()) {
            all.push_back(where + "the sums do not make up the range");
        }
    }
    for (const auto& each : progress_) {
        const PartitionId partition = each.first;
        const Progress& now = each.second;
        const auto first = std::ranges::find_if(ledger_, [&](const LedgerEntry& entry) {
            return entry.partition == partition && entry.incarnation == now.incarnation;
        });
        if (first != ledger_.end() && first->range.from != now.anchor) {
            all.push_back(std::to_string(partition) + ": the ledger does not begin at the anchor");
        }
        const auto at = reached.find({partition, now.incarnation});
        if (at != reached.end() && at->second != now.next) {
            all.push_back(std::to_string(partition) + ": progress is not where the ledger ended");
        }
    }
    return all;
}

// ---- what tests do ----

void FakeDatabase::script(std::vector<Fault> faults) {
    const std::lock_guard lock{mutex_};
    script_.assign(faults.begin(), faults.end());
}

void FakeDatabase::choose_faults(std::function<Fault()> choose) {
    const std::lock_guard lock{mutex_};
    choose_ = std::move(choose);
}

void FakeDatabase::fail_reads(int count) {
    const std::lock_guard lock{mutex_};
    reads_to_fail_ = count;
}

void FakeDatabase::refuse(std::function<bool(const std::string&)> refused) {
    const std::lock_guard lock{mutex_};
    refused_ = std::move(refused);
}

void FakeDatabase::hold_up(std::set<PartitionId> partitions) {
    const std::lock_guard lock{mutex_};
    held_up_ = std::move(partitions);
}

bool FakeDatabase::holds_up(PartitionId partition) const {
    const std::lock_guard lock{mutex_};
    return held_up_.contains(partition);
}

void FakeDatabase::set_progress(PartitionId partition, Offset next, RecordIdentity last) {
    const std::lock_guard lock{mutex_};
    Progress& of = progress_[partition];
    ledger_.push_back({.partition = partition,
                       .incarnation = of.incarnation,
                       .range = {of.next, next},
                       .lost = next - of.next});
    of.next = next;
    of.last = last;
}

void FakeDatabase::land() {
    const std::lock_guard lock{mutex_};
    land_locked([](PartitionId) { return true; });
}

void FakeDatabase::release() {
    const std::lock_guard lock{mutex_};
    releases_ = blocked_;
    released_.notify_all();
}

bool FakeDatabase::blocked() const {
    const std::lock_guard lock{mutex_};
    return blocked_ > 0;
}

// ---- transactions; the caller holds the mutex ----

void FakeDatabase::land_locked(const std::function<bool(PartitionId)>& concerned) {
    for (std::size_t i = 0; i < landing_.size();) {
        const bool waited_for = std::ranges::any_of(
            landing_[i].slices, [&](const Slice& slice) { return concerned(slice.partition); });
        if (!waited_for) {
            ++i;
            continue;
        }
        const Write write = std::move(landing_[i]);
        landing_.erase(landing_.begin() + static_cast<std::ptrdiff_t>(i));
        // It passed its compare-and-set before COMMIT, and its locks kept others out since.
        if (!apply(write).empty()) violate("a transaction lost its locks");
    }
}

std::vector<PartitionId> FakeDatabase::apply(const Write& write) {
    std::vector<PartitionId> fenced;
    for (const Slice& slice : write.slices) {
        const auto at = progress_.find(slice.partition);
        if (at == progress_.end() || at->second.next != slice.range.from ||
            at->second.incarnation != slice.incarnation) {
            fenced.push_back(slice.partition);
        }
    }
    if (!fenced.empty()) return fenced;
    for (const Slice& slice : write.slices) {
        Progress& of = progress_[slice.partition];
        of.next = slice.range.to;
        of.last = slice.last;
        ledger_.push_back({slice.partition, of.incarnation, slice.range, slice.loaded,
                           slice.rejected, slice.filtered, slice.gaps, 0});
    }
    rows_.insert(rows_.end(), write.rows.begin(), write.rows.end());
    dead_letters_.insert(dead_letters_.end(), write.dead_letters.begin(), write.dead_letters.end());
    return {};
}

Fault FakeDatabase::next_fault() {
    if (!script_.empty()) {
        const Fault fault = script_.front();
        script_.pop_front();
        return fault;
    }
    return choose_ ? choose_() : Fault::none;
}

// ---- Sink ----

void FakeSink::check(const Batch& batch) {
    std::map<PartitionId, std::int64_t> rows;
    std::set<std::pair<PartitionId, Offset>> seen;
    const auto count = [&](RecordLog::Index index) {
        const Record record = batch.records.at(index);
        ++rows[record.from->id];
        if (!seen.insert({record.from->id, record.offset}).second) {
            database_.violate("a record is twice in one batch");
        }
    };
    for_each_row(batch, count);
    for (const Reject& reject : batch.rejects) count(reject.record);
    for (const Slice& slice : batch.slices()) {
        if (slice.loaded + slice.rejected + slice.filtered + slice.gaps != slice.range.size()) {
            database_.violate("a slice's sums do not make up its range");
        }
        if (slice.loaded + slice.rejected != rows[slice.partition]) {
            database_.violate("a slice does not count its rows and rejects");
        }
        for (const auto& [partition, offset] : seen) {
            if (partition != slice.partition) continue;
            if (offset < slice.range.from || offset >= slice.range.to) {
                database_.violate("a row lies outside of its slice");
            }
        }
    }
}

void FakeSink::refuse_rows(Batch& batch) {
    if (!database_.refused_) return;
    std::vector<Reject> refused;
    for_each_row(batch, [&](RecordLog::Index index) {
        const Record record = batch.records.at(index);
        if (record.value && database_.refused_(std::string(*record.value)))
            refused.push_back({index, {{"n", "violates a constraint"}}});
    });
    batch.refuse(std::move(refused));
}

HeldUp FakeSink::held_up(const Batch& batch) const {
    HeldUp held;
    for (std::size_t target = 0; target < batch.targets.size(); ++target) {
        const auto partitions = batch.partitions_of(target);
        if (std::ranges::any_of(
                partitions, [&](PartitionId each) { return database_.held_up_.contains(each); }))
            held.targets.push_back({target, "it is locked"});
    }
    return held;
}

std::optional<CommitResult> FakeSink::settle(const std::vector<Slice>& slices) {
    if (in_doubt_.empty()) return std::nullopt;
    const std::vector<Slice> doubtful = std::exchange(in_doubt_, {});
    if (!same_moves(doubtful, slices)) return std::nullopt;
    std::size_t at_start = 0;
    std::size_t at_end = 0;
    for (const Slice& slice : slices) {
        const Offset now = database_.progress_[slice.partition].next;
        at_start += now == slice.range.from;
        at_end += now == slice.range.to;
    }
    if (at_end == slices.size()) return Committed{};
    if (at_start == slices.size()) return std::nullopt;
    return Fenced{};
}

CommitResult FakeSink::commit(Batch& batch) {
    std::unique_lock lock{database_.mutex_};
    database_.offers_.push_back(describe(batch.slices()));
    const auto ours = [&](PartitionId partition) {
        return std::ranges::any_of(
            batch.slices(), [&](const Slice& slice) { return slice.partition == partition; });
    };
    const Fault fault = database_.next_fault();
    if (fault == Fault::blocked) {
        ++database_.blocked_;
        database_.released_.wait(lock, [&] { return database_.releases_ > 0; });
        --database_.releases_;
        --database_.blocked_;
    }
    if (fault == Fault::retry) return Retry{"the database is away"};
    database_.land_locked(ours);
    if (auto settled = settle(batch.slices())) return *settled;
    if (HeldUp held = held_up(batch); !held.targets.empty()) return held;
    refuse_rows(batch);
    check(batch);
    FakeDatabase::Write write = write_of(batch);
    if (fault == Fault::lost_vanished || fault == Fault::lost_landed ||
        fault == Fault::lost_landing) {
        in_doubt_ = batch.slices();
        if (fault == Fault::lost_landed) {
            if (auto fenced = database_.apply(write); !fenced.empty()) return Fenced{fenced};
        }
        if (fault == Fault::lost_landing) {
            // The compare-and-set is answered before COMMIT is sent.
            std::vector<PartitionId> fenced;
            for (const Slice& slice : write.slices) {
                const auto at = database_.progress_.find(slice.partition);
                if (at == database_.progress_.end() || at->second.next != slice.range.from) {
                    fenced.push_back(slice.partition);
                }
            }
            if (!fenced.empty()) return Fenced{fenced};
            database_.landing_.push_back(std::move(write));
        }
        return Retry{"the answer to COMMIT was lost"};
    }
    if (auto fenced = database_.apply(write); !fenced.empty()) return Fenced{fenced};
    return Committed{};
}

// ---- ProgressStore ----

void FakeProgress::ask() {
    ++database_.reads_;
    if (database_.reads_to_fail_ == 0) return;
    --database_.reads_to_fail_;
    throw TroubleOfTheWorld("progress: the database is away");
}

std::vector<ResumePoint> FakeProgress::read(std::span<const PartitionId> partitions) {
    const std::lock_guard lock{database_.mutex_};
    ask();
    std::vector<ResumePoint> points;
    for (const PartitionId partition : partitions) {
        const auto at = database_.progress_.find(partition);
        if (at == database_.progress_.end()) continue;
        points.push_back({partition, at->second.next, at->second.last, at->second.incarnation});
    }
    return points;
}

std::set<std::string> FakeProgress::topics() {
    const std::lock_guard lock{database_.mutex_};
    ask();
    if (database_.progress_.empty()) return {};
    return {"numbers"};
}

void FakeProgress::anchor(std::span<const Position> starts) {
    const std::lock_guard lock{database_.mutex_};
    ask();
    for (const Position& start : starts) {
        database_.progress_.try_emplace(start.partition,
                                        FakeDatabase::Progress{start.next, start.next, {}, 0});
    }
}

Move FakeProgress::skip_lost(PartitionId partition, OffsetRange range) {
    const std::lock_guard lock{database_.mutex_};
    ask();
    database_.land_locked([&](PartitionId other) { return other == partition; });
    FakeDatabase::Progress& of = database_.progress_[partition];
    if (of.next != range.from) return Move::overtaken;
    database_.ledger_.push_back({.partition = partition,
                                 .incarnation = of.incarnation,
                                 .range = range,
                                 .lost = range.size()});
    of.next = range.to;
    of.last = {};
    return Move::made;
}

Move FakeProgress::begin_anew(PartitionId partition, Offset next, Offset start) {
    const std::lock_guard lock{database_.mutex_};
    ask();
    database_.land_locked([&](PartitionId other) { return other == partition; });
    FakeDatabase::Progress& of = database_.progress_[partition];
    if (of.next != next) return Move::overtaken;
    of = {start, start, {}, of.incarnation + 1};
    return Move::made;
}

}  // namespace sluice::fakes
