#include "sinks/load/cloudberry_sink.h"

#include "config/units.h"
#include "pipeline/errors.h"
#include "pipeline/fail_point.h"
#include "pipeline/ingest/stopped_at_reject.h"

#include <algorithm>
#include <map>
#include <utility>

namespace sluice {
namespace {

bool moves_nothing(const Batch& batch) {
    return std::ranges::none_of(batch.slices(), &Slice::moves);
}

CommitResult retry(const std::string& doing, const DatabaseError& error) {
    return Retry{doing + ": " + error.what()};
}

}  // namespace

CloudberrySink::CloudberrySink(CloudberrySinkOptions options)
    : options_(std::move(options)),
      session_(options_.dsn, "sluice/" + options_.identity.pipeline),
      books_(session_, options_.identity),
      loader_(options_.loader(session_)) {}

CommitResult CloudberrySink::commit(Batch& batch) {
    if (stop_ && stop_->left != moves_of(batch)) stop_.reset();
    CommitResult result = write(batch);
    if (auto* committed = std::get_if<Committed>(&result); committed != nullptr && stop_)
        committed->stop = stop_->message;
    return result;
}

CommitResult CloudberrySink::write(Batch& batch) {
    where_ = "the database";
    batch.set_without_effect({});
    try {
        if (auto settled = settle(batch)) return *settled;
        if (moves_nothing(batch)) return Committed{};
        session_.open();
        const bool whole = !std::exchange(refused_at_commit_, false) &&
                           !loader_->expects_refusals(batch.targets.front());
        if (whole) {
            if (auto result = write_whole(batch)) return *result;
            // Rows that no longer fit need not be tried one by one.
            loader_->refuse_drift();
        }
        CommitResult result = write_isolated(batch);
        refused_alike_.reset();
        return result;
    } catch (const OutcomeUnknown& error) {
        refused_alike_.reset();
        in_doubt_ = moves_of(batch);
        return Retry{std::string("the answer to COMMIT was lost: ") + error.what()};
    } catch (const RefusedAlike& error) {
        return wait_alike(batch, error);
    } catch (const DatabaseError& error) {
        refused_alike_.reset();
        refuse_drift();
        if (error.trouble() == Trouble::wrong)
            throw WrongConfiguration(where_ + ": " + error.what());
        return retry(where_, error);
    }
}

/// A table that was altered under us explains nearly any error.
void CloudberrySink::refuse_drift() {
    if (!session_.is_open()) return;
    try {
        loader_->refuse_drift();
    } catch (const DatabaseError&) {
        // The error that led here says more.
    }
}

Alike CloudberrySink::alike_rows() const {
    const bool patience_is_over = refused_alike_ && options_.reject_after &&
                                  Clock::now() - refused_alike_->since >= *options_.reject_after;
    return patience_is_over ? Alike::refuse : Alike::wait;
}

CommitResult CloudberrySink::wait_alike(const Batch& batch, const RefusedAlike& error) {
    if (auto moves = moves_of(batch); !refused_alike_ || refused_alike_->of != moves)
        refused_alike_ = {std::move(moves), Clock::now()};
    refuse_drift();
    return Retry{loader_->target() + ": " + error.what() + "; " + error.seen() +
                 ", so the data need not be to blame: " +
                 (options_.reject_after
                      ? "after " + config::format_duration(*options_.reject_after) +
                            " of this the rows are rejected (reject_after)"
                      : "this waits until it ends (reject_after = \"never\")")};
}

std::vector<CloudberrySink::Doubt> CloudberrySink::moves_of(const Batch& batch) {
    std::vector<Doubt> moves;
    for (const Slice& slice : batch.slices())
        if (slice.moves()) moves.push_back({slice.partition, slice.range});
    return moves;
}

/// A plain read proves nothing: the old transaction may still be committing behind the connection
/// that broke. An UPDATE of the same rows waits for its locks, and what it then reads is the truth.
std::optional<CommitResult> CloudberrySink::settle(const Batch& batch) {
    if (in_doubt_.empty()) return std::nullopt;
    // Another batch: the doubtful one was dropped, and progress was read or will fence us.
    if (in_doubt_ != moves_of(batch)) {
        in_doubt_.clear();
        return std::nullopt;
    }
    std::map<PartitionId, Offset> now;
    try {
        Transaction transaction(session_, "SET LOCAL lock_timeout = '5s'");
        now = books_.settled(batch);
        transaction.commit();
    } catch (const DatabaseError& error) {
        return retry("finding out whether an unanswered COMMIT took effect", error);
    } catch (const OutcomeUnknown& error) {
        return Retry{std::string("finding out whether an unanswered COMMIT took effect: ") +
                     error.what()};
    }
    std::size_t at_end = 0;
    std::size_t at_start = 0;
    Fenced fenced;
    for (const Doubt& doubt : in_doubt_) {
        const auto next = now.find(doubt.partition);
        const bool known = next != now.end();
        at_end += known && next->second == doubt.range.to;
        const bool started = known && next->second == doubt.range.from;
        at_start += started;
        if (!started) fenced.partitions.push_back(doubt.partition);
    }
    const std::size_t all = in_doubt_.size();
    in_doubt_.clear();
    if (at_end == all) return Committed{.settled = true};
    if (at_start != all) return fenced;
    refused_at_commit_ = true;
    return std::nullopt;
}

/// Leaves what precedes each partition's first refused record.
void CloudberrySink::cut_before(Batch& batch, const std::vector<Reject>& refused) {
    std::map<PartitionId, Reject> first;
    for (const Reject& reject : refused) {
        const auto [at, is_new] =
            first.try_emplace(batch.records.at(reject.record).from->id, reject);
        if (!is_new && reject.record < at->second.record) at->second = reject;
    }
    const Reject& earliest = std::ranges::min_element(first, {}, [](const auto& each) {
                                 return each.second.record;
                             })->second;
    std::string message = stopped_at_reject(batch.records.at(earliest.record), earliest.reasons);
    for (const auto& [partition, reject] : first)
        batch.cut(partition, batch.records.at(reject.record).offset);
    stop_ = {std::move(message), moves_of(batch)};
}

std::optional<CommitResult> CloudberrySink::write_whole(Batch& batch) {
    enum class At { rows, books, commit } at = At::rows;
    const auto began = Clock::now();
    try {
        SLUICE_FAIL_POINT("before_copy");
        Transaction transaction(session_);
        where_ = loader_->target();
        loader_->load(batch.targets.front());
        batch.set_without_effect(loader_->without_effect());
        SLUICE_FAIL_POINT("after_copy");
        at = At::books;
        if (!write_books(batch)) return give_up(batch, transaction);
        at = At::commit;
        return finish(transaction, began);
    } catch (const DatabaseError& error) {
        // Deferred constraints speak up at COMMIT.
        if (!may_be_a_rows(session_, error) || at == At::books || !batch.has_changes()) throw;
        return std::nullopt;
    }
}

CommitResult CloudberrySink::write_isolated(Batch& batch) {
    batch.set_without_effect({});
    const auto began = Clock::now();
    const TargetRows& rows = batch.targets.front();
    SLUICE_FAIL_POINT("before_copy");
    where_ = loader_->target();
    const bool stops = options_.on_reject == config::OnReject::stop;
    // Who stops at the first one need not know them all.
    if (!stops) loader_->look(rows);
    // Deferred constraints would blame the transaction; this way they blame the statement.
    Transaction transaction(session_, "SET CONSTRAINTS ALL IMMEDIATE");
    const auto fenced_already = [&]() -> std::optional<Fenced> {
        where_ = books_.where();
        Fenced fenced{books_.moved_by_others(batch)};
        if (fenced.partitions.empty()) return std::nullopt;
        transaction.roll_back();
        return fenced;
    };
    // Rows that another writer has loaded look like duplicates: not rejects, and a waste of time.
    if (auto fenced = fenced_already()) return *fenced;

    where_ = loader_->target();
    std::vector<Reject> refused = loader_->isolate(rows, alike_rows());
    if (!refused.empty() && stops) {
        if (auto fenced = fenced_already()) return *fenced;
        transaction.roll_back();
        cut_before(batch, refused);
        if (moves_nothing(batch)) return Committed{};
        return write_isolated(batch);
    }
    if (batch.refuse(std::move(refused))) {
        // The other rows of these records are loaded: all of them, or a dead letter.
        transaction.roll_back();
        return write_isolated(batch);
    }
    batch.set_without_effect(loader_->without_effect());
    SLUICE_FAIL_POINT("after_copy");
    if (!write_books(batch)) return give_up(batch, transaction);
    return finish(transaction, began);
}

Committed CloudberrySink::finish(Transaction& transaction, Clock::time_point began) {
    SLUICE_FAIL_POINT("before_commit");
    where_ = "COMMIT";
    const auto sent = Clock::now();
    transaction.commit();
    SLUICE_FAIL_POINT("after_commit");
    return {.writing = sent - began, .commit = Clock::now() - sent};
}

bool CloudberrySink::write_books(const Batch& batch) {
    where_ = books_.where();
    books_.insert_dead_letters(batch);
    books_.insert_ledger(batch);
    if (options_.receipts) {
        where_ = options_.receipts->where();
        options_.receipts->insert(session_, batch);
        where_ = books_.where();
    }
    SLUICE_FAIL_POINT("before_progress");
    return books_.move_progress(batch);
}

Fenced CloudberrySink::give_up(const Batch& batch, Transaction& transaction) {
    // First of all, or we would see the progress that we moved ourselves.
    transaction.roll_back();
    where_ = books_.where();
    Fenced fenced{books_.moved_by_others(batch)};
    // Moved and moved back, or the row was taken away: whatever it was, nobody may go on from here.
    if (fenced.partitions.empty())
        for (const Doubt& move : moves_of(batch)) fenced.partitions.push_back(move.partition);
    return fenced;
}

}  // namespace sluice
