#include "sinks/load/cloudberry_sink.h"

#include "config/text/units.h"
#include "pipeline/errors.h"
#include "pipeline/fail_point.h"
#include "pipeline/ingest/change_fold.h"
#include "pipeline/ingest/stopped_at_reject.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/load/segments/segment_transfer.h"
#include "sinks/session/server_family.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace sluice {
namespace {

/// Before, a statement_timeout is for a message as a whole (the manual of PostgreSQL 13 says so at
/// statement_timeout): the time of one COPY would have to do for those of all tables. Greenplum 7
/// is PostgreSQL 12.
constexpr int times_each_statement = 130000;

bool moves_nothing(const Batch& batch) {
    return std::ranges::none_of(batch.slices(), &Slice::moves);
}

std::vector<TargetId> backwards(const std::vector<TargetId>& targets) {
    return {targets.rbegin(), targets.rend()};
}

/// Of whose rows a reject does not say which.
std::set<RecordLog::Index> of_several_rows(const TargetRows& rows) {
    std::set<RecordLog::Index> seen;
    std::set<RecordLog::Index> several;
    for (const EncodedRows* of_form : {&rows.binary, &rows.text})
        for (const EncodedRows::Row& row : of_form->rows)
            if (!seen.insert(row.record).second) several.insert(row.record);
    return several;
}

}  // namespace

CloudberrySink::CloudberrySink(CloudberrySinkOptions options)
    : options_(std::move(options)),
      session_(options_.dsn, "sluice/" + options_.identity.pipeline),
      books_(session_, options_.identity, options_.tips),
      unanswered_(session_, books_),
      locked_tables_(session_),
      loaders_(
          session_,
          options_.targets ? options_.loader_of : [of = options_.loader](TargetId) { return of; }),
      alike_(options_.reject_after),
      turns_(options_.targets ? KeyTurns::of_several_tables()
                              : KeyTurns(loaders_.at(0).waits_for_keys_of())) {}

std::vector<TargetId> CloudberrySink::targets_of(const Batch& batch) const {
    if (!options_.targets) return {0};
    return options_.targets->filled_by(batch);
}

Loader& CloudberrySink::at(TargetId target) {
    at_ = target;
    Loader& loader = loaders_.at(target);
    where_ = loader.target();
    return loader;
}

void CloudberrySink::at_books() {
    at_.reset();
    where_ = books_.where();
}

void CloudberrySink::at_tables() {
    at_.reset();
    where_ = "the tables";
}

CommitResult CloudberrySink::commit(Batch& batch) {
    // A partition that was taken out since, as its rows wait for another table, is read anew.
    std::erase_if(stops_, [&](const Stop& stop) {
        return std::ranges::none_of(batch.slices(), [&](const Slice& slice) {
            return stop.left == BatchMove{slice.partition, slice.range};
        });
    });
    CommitResult result = write(batch);
    prepared_.reset();  // a batch that is offered again may wait for long, and need not hold it
    if (auto* committed = std::get_if<Committed>(&result); committed != nullptr && !stops_.empty())
        committed->stop = std::ranges::min(stops_, {}, &Stop::record).message;
    return result;
}

/// What was begun is rolled back by the time that there is another way.
CommitResult CloudberrySink::write_by_some_way(Batch& batch) {
    try {
        return write_to_targets(batch);
    } catch (const SegmentsClosed& closed) {
        turns_.note(closed);
        batch.set_without_effect({});
    }
    return write_to_targets(batch);
}

CommitResult CloudberrySink::write_to_targets(Batch& batch) {
    const std::vector<TargetId> targets = targets_of(batch);
    if (auto held = locked(targets)) return *held;
    std::set<TargetId> refusing;
    for (const TargetId target : targets)
        if (at(target).expects_refusals(batch.targets[target])) refusing.insert(target);
    const bool whole = !unanswered_.take_refused() && refusing.empty();
    std::optional<CommitResult> result;
    if (whole) result = write_whole(batch, targets);
    if (!result) {
        if (whole) {
            if (at_) refusing.insert(*at_);
            // Rows that no longer fit need not be tried one by one.
            if (HeldUp drifted = drifted_among(targets, Look::outside); !drifted.targets.empty())
                return drifted;
        }
        result =
            write_isolated(batch, whole ? Before::failed : Before::nothing, std::move(refusing));
        alike_.end();
    }
    if (std::holds_alternative<Committed>(*result)) alike_.end(batch, targets);
    return *result;
}

/// Of one target, rows wait for whoever has it; of several, the others' need not.
std::optional<CommitResult> CloudberrySink::locked(const std::vector<TargetId>& targets) {
    if (!options_.targets) return std::nullopt;
    std::vector<std::string> tables;
    for (const TargetId target : targets)
        tables.push_back(qualified((*options_.targets)[target].table));
    HeldUp held;
    for (const auto& [place, reason] : locked_tables_.among(tables))
        held.targets.push_back({targets[place], "table " + tables[place] + ": " + reason});
    if (held.targets.empty()) return std::nullopt;
    return held;
}

std::optional<CommitResult> CloudberrySink::held_up(const DatabaseError& error) const {
    const bool is_one_targets = options_.targets && at_ && session_.is_open();
    if (!is_one_targets || is_everybodys(error.sqlstate())) return std::nullopt;
    return held_up(where_ + ": " + error.what());
}

CommitResult CloudberrySink::write(Batch& batch) {
    where_ = "the database";
    at_.reset();
    batch.set_without_effect({});
    try {
        if (auto settled = unanswered_.settle(batch)) {
            // What of them had no effect was told by who did not hear of the COMMIT.
            if (auto* committed = std::get_if<Committed>(&*settled))
                committed->rows =
                    rows_by_table(batch, std::vector<WithoutEffect>(batch.targets.size()));
            return *settled;
        }
        if (moves_nothing(batch)) return Committed{};
        session_.open();
        return write_by_some_way(batch);
    } catch (const TroubleOfTheWorld& changed) {
        if (!options_.targets || !at_) throw;
        return held_up(changed.what());
    } catch (const WrongConfiguration& does_not_fit) {
        if (!options_.targets || !at_) throw;
        return held_up(does_not_fit.what());
    } catch (const OutcomeUnknown& error) {
        alike_.end();
        unanswered_.note(batch);
        return Retry{std::string("the answer to COMMIT was lost: ") + error.what()};
    } catch (const RefusedAlike& error) {
        return wait_alike(batch, error);
    } catch (const DatabaseError& error) {
        turns_.note(error);
        alike_.end();
        if (auto held = held_up(error)) return *held;
        refuse_drift();
        if (error.trouble() == Trouble::wrong)
            throw WrongConfiguration(where_ + ": " + error.what());
        return Retry{where_ + ": " + error.what()};
    }
}

/// A table that was altered under us explains nearly any error.
void CloudberrySink::refuse_drift() {
    if (!session_.is_open() || options_.targets) return;
    try {
        loaders_.at(0).refuse_drift();
    } catch (const DatabaseError&) {
        // The error that led here says more.
    }
}

CommitResult CloudberrySink::wait_alike(const Batch& batch, const RefusedAlike& error) {
    const std::string reason =
        where_ + ": " + error.what() + "; " + error.seen() +
        ", so the data need not be to blame: " +
        (options_.reject_after ? "after " + config::format_duration(*options_.reject_after) +
                                     " of this the rows are rejected (reject_after)"
                               : "this waits until it ends (reject_after = \"never\")");
    alike_.note(batch, options_.targets ? at_ : std::nullopt);
    if (options_.targets) return held_up(reason);
    refuse_drift();
    return Retry{reason};
}

/// Leaves what precedes each partition's first refused record.
void CloudberrySink::cut_before(Batch& batch, const std::vector<Reject>& refused) {
    std::map<PartitionId, Reject> first;
    for (const Reject& reject : refused) {
        const auto [at, is_new] =
            first.try_emplace(batch.records.at(reject.record).from->id, reject);
        if (!is_new && reject.record < at->second.record) at->second = reject;
    }
    for (const auto& each : first) {
        const PartitionId partition = each.first;
        const Reject& reject = each.second;
        const Record record = batch.records.at(reject.record);
        batch.cut(partition, record.offset);
        std::erase_if(stops_, [&](const Stop& stop) { return stop.left.partition == partition; });
        stops_.push_back({.record = reject.record,
                          .message = stopped_at_reject(record, reject.reasons),
                          .left = {partition, batch.slice(partition, record.offset).range}});
    }
}

std::optional<CommitResult> CloudberrySink::write_whole(Batch& batch,
                                                        const std::vector<TargetId>& targets,
                                                        Transaction* open) {
    enum class Stage { rows, books, commit } stage = Stage::rows;
    const auto began = Clock::now();
    try {
        SLUICE_FAIL_POINT("before_copy");
        if (!targets.empty()) at(targets.front());
        std::optional<Transaction> own;
        Transaction& transaction =
            open != nullptr ? *open : own.emplace(session_, turns_.begin(session_));
        std::vector<WithoutEffect> none(batch.targets.size());
        std::map<TargetId, TakenAway> gone;
        if (refer_to_each_other(targets)) {
            for (const TargetId target : targets) at(target).take_turn();
            for (const TargetId target : backwards(targets))
                gone[target] = at(target).take_away(batch.targets[target]);
        }
        if (HeldUp drifted = load(batch, targets, gone); !drifted.targets.empty()) return drifted;
        for (const TargetId target : targets) none[target] = at(target).without_effect();
        batch.set_without_effect(batch.without_effect_in_all(none));
        SLUICE_FAIL_POINT("after_copy");
        stage = Stage::books;
        if (!write_books(batch)) return give_up(batch, transaction);
        stage = Stage::commit;
        return finish(transaction, began, rows_by_table(batch, none));
    } catch (const DatabaseError& error) {
        // Deferred constraints speak up at COMMIT.
        if (!may_be_a_rows(session_, error) || stage == Stage::books || !batch.has_changes()) throw;
        return std::nullopt;
    }
}

/// COPYs that follow each other share a message: a table then costs one statement and one round
/// trip, and all of them one look at the end. An error of that look, in a transaction that it has
/// aborted, is one that may be a row's: whose it is is asked outside, before rows are tried.
HeldUp CloudberrySink::load(const Batch& batch, const std::vector<TargetId>& targets,
                            std::map<TargetId, TakenAway>& gone) {
    std::vector<TargetId> to_look_at;
    const auto note = [&](TargetId target, bool look) {
        if (look) to_look_at.push_back(target);
        SLUICE_FAIL_POINT("after_target");
    };
    const auto prepared = std::exchange(prepared_, nullptr);
    const bool share = session_.server_version() >= times_each_statement;
    for (auto next = targets.begin(); next != targets.end();) {
        std::string copies;
        auto end = next;
        for (; share && end != targets.end(); ++end) {
            const std::string of_target = at(*end).copies(batch.targets[*end]);
            if (of_target.empty()) break;
            copies += of_target;
        }
        if (end == next) {
            note(*next, at(*next).load_without_look(batch.targets[*next], gone[*next],
                                                    prepared ? prepared->take(*next) : nullptr));
            ++next;
            continue;
        }
        session_.send(copies);
        for (; next != end; ++next) note(*next, at(*next).feed_without_look(batch.targets[*next]));
        session_.finish();
    }
    return drifted_among(to_look_at, Look::in_transaction);
}

HeldUp CloudberrySink::drifted_among(const std::vector<TargetId>& targets, Look look) {
    std::vector<ExpectedTable> expected;
    for (const TargetId target : targets) expected.push_back(at(target).expects());
    if (targets.size() > 1) at_tables();
    const std::vector<Drift> drifts = look == Look::outside && options_.targets
                                          ? drifted_or_out_of_reach(session_, expected)
                                          : drift_among(session_, expected);
    if (!drifts.empty() && !options_.targets) throw TroubleOfTheWorld(drifts.front().what);
    HeldUp drifted;
    for (const Drift& drift : drifts) drifted.targets.push_back({targets[drift.place], drift.what});
    return drifted;
}

/// An error says whose it is, unless it is one of the look at all of them.
CloudberrySink::Together CloudberrySink::load_together(const Batch& batch,
                                                       const std::vector<TargetId>& targets) {
    session_.run("SAVEPOINT together");
    try {
        std::map<TargetId, TakenAway> none_is_gone;
        Together result{.drifted = load(batch, targets, none_is_gone)};
        session_.run("RELEASE SAVEPOINT together");
        return result;
    } catch (const DatabaseError& error) {
        if (!may_be_a_rows(session_, error)) throw;
    }
    session_.run("ROLLBACK TO SAVEPOINT together;RELEASE SAVEPOINT together");
    if (at_) return {.refusing = {*at_}};
    return {.refusing = {targets.begin(), targets.end()}};
}

CommitResult CloudberrySink::write_isolated(Batch& batch, Before before,
                                            std::set<TargetId> refusing) {
    batch.set_without_effect({});
    const auto began = Clock::now();
    const std::vector<TargetId> targets = targets_of(batch);
    SLUICE_FAIL_POINT("before_copy");
    const bool stops = options_.on_reject == config::OnReject::stop;
    for (const TargetId target : targets) {
        Loader& loader = at(target);
        if (targets.size() == 1 || loader.copies(batch.targets[target]).empty())
            refusing.insert(target);
        // Who stops at the first one need not know them all.
        if (!stops && refusing.contains(target))
            loader.look(batch.targets[target], before != Before::nothing);
    }
    // Deferred constraints would blame the transaction; this way they blame the statement.
    Transaction transaction(session_, "SET CONSTRAINTS ALL IMMEDIATE;" + turns_.begin(session_));
    const auto fenced_already = [&]() -> std::optional<Fenced> {
        at_books();
        Fenced fenced{books_.moved_by_others(batch)};
        if (fenced.partitions.empty()) return std::nullopt;
        transaction.roll_back();
        return fenced;
    };
    // Rows that another writer has loaded look like duplicates: not rejects, and a waste of time.
    // That one would be known late, by the ledger, is worth it where refusals are nothing new: an
    // MPP database takes as long for the look as for some ten thousand rows.
    if (before != Before::nothing || !books_.follows_own(batch))
        if (auto fenced = fenced_already()) return *fenced;

    std::map<TargetId, TakenAway> gone;
    const bool refer = refer_to_each_other(targets);
    if (refer) {
        for (const TargetId target : targets) at(target).take_turn();
        for (const TargetId target : backwards(targets))
            gone[target] = at(target).take_away_isolated(batch.targets[target], nullptr);
    }
    std::map<TargetId, std::vector<Reject>> refused_by;
    std::vector<WithoutEffect> none(batch.targets.size());
    const auto isolate = [&](TargetId target) {
        refused_by[target] = at(target).isolate(
            batch.targets[target],
            alike_.of(batch, options_.targets ? std::optional(target) : std::nullopt),
            gone[target]);
        SLUICE_FAIL_POINT("after_target");
    };
    const auto refuses = [&](TargetId target) { return refusing.contains(target); };
    for (auto next = targets.begin(); next != targets.end();) {
        if (refuses(*next)) {
            isolate(*next++);
            continue;
        }
        const auto end = std::ranges::find_if(next, targets.end(), refuses);
        Together together = load_together(batch, {next, end});
        if (!together.drifted.targets.empty()) return std::move(together.drifted);
        if (together.refusing.empty()) next = end;
        refusing.merge(together.refusing);
    }
    for (const TargetId target : targets) none[target] = at(target).without_effect();
    if (refer) take_away_again(batch, targets, refused_by);
    std::vector<Reject> refused;
    for (auto& [target, rejects] : refused_by)
        for (Reject& reject : rejects) {
            if (options_.targets) (*options_.targets)[target].sign(reject.reasons);
            refused.push_back(std::move(reject));
        }
    if (!refused.empty() && stops) {
        if (auto fenced = fenced_already()) return *fenced;
        transaction.roll_back();
        cut_before(batch, refused);
        if (moves_nothing(batch)) return Committed{};
        return write_isolated(batch, before, std::move(refusing));
    }
    const bool found_some = !refused.empty();
    if (batch.refuse(std::move(refused))) {
        // The other rows of these records are loaded: all of them, or a dead letter.
        transaction.roll_back();
        return write_isolated(batch, before, std::move(refusing));
    }
    // Where nothing more is found, these rows can only be written so: they change places, say.
    if (loses_rows_of_savepoints(session_.family()) && batch.has_changes() &&
        (found_some || before != Before::failed_again)) {
        // Temporary tables that queries were asked of stay where nothing is rolled back.
        const bool wrote_none = !refer && std::ranges::all_of(targets, [&](TargetId target) {
            return refused_by.contains(target) && at(target).has_left_others();
        });
        if (!wrote_none) transaction.roll_back();
        if (auto written = write_whole(batch, targets, wrote_none ? &transaction : nullptr))
            return std::move(*written);
        transaction.roll_back();
        return write_isolated(batch, Before::failed_again, std::move(refusing));
    }
    batch.set_without_effect(batch.without_effect_in_all(none));
    SLUICE_FAIL_POINT("after_copy");
    if (!write_books(batch)) return give_up(batch, transaction);
    return finish(transaction, began, rows_by_table(batch, none));
}

/// By foreign keys, which MPP databases take and do not enforce.
bool CloudberrySink::refer_to_each_other(const std::vector<TargetId>& targets) {
    const auto refers = [&](TargetId target) {
        return (*options_.targets)[target].table.references > 0;
    };
    if (targets.size() < 2 || std::ranges::none_of(targets, refers)) return false;
    return !is_mpp(session_.family());
}

/// A row that others referred to before they were brought elsewhere may go now.
void CloudberrySink::take_away_again(const Batch& batch, const std::vector<TargetId>& targets,
                                     std::map<TargetId, std::vector<Reject>>& refused) {
    for (const TargetId target : backwards(targets)) {
        const TargetRows& rows = batch.targets[target];
        std::set<RecordLog::Index> records;
        for (const Reject& reject : refused[target]) records.insert(reject.record);
        for (const RecordLog::Index record : of_several_rows(rows)) records.erase(record);
        if (records.empty()) continue;
        const TakenAway gone = at(target).take_away_isolated(rows, &records);
        if (gone.removals.empty()) continue;
        const OrderedChanges changes(rows);
        std::set<RecordLog::Index> made;
        for (const std::size_t change : gone.removals) made.insert(changes[change].about().record);
        std::erase_if(refused[target],
                      [&](const Reject& reject) { return made.contains(reject.record); });
    }
}

std::map<std::string, std::int64_t> CloudberrySink::rows_by_table(
    const Batch& batch, const std::vector<WithoutEffect>& none) const {
    std::map<std::string, std::int64_t> rows;
    for (TargetId target = 0; options_.targets && target < none.size(); ++target) {
        const std::size_t count = batch.targets[target].size() - none[target].rows;
        if (count > 0) rows[(*options_.targets)[target].name()] += static_cast<std::int64_t>(count);
    }
    return rows;
}

Committed CloudberrySink::finish(Transaction& transaction, Clock::time_point began,
                                 std::map<std::string, std::int64_t> rows) {
    SLUICE_FAIL_POINT("before_commit");
    at_.reset();
    where_ = "COMMIT";
    const auto sent = Clock::now();
    transaction.commit();
    books_.note_committed();
    SLUICE_FAIL_POINT("after_commit");
    return {.writing = sent - began, .commit = Clock::now() - sent, .rows = std::move(rows)};
}

bool CloudberrySink::write_books(const Batch& batch) {
    turns_.end(session_);
    at_books();
    books_.insert_dead_letters(batch);
    if (options_.receipts) {
        where_ = options_.receipts->where();
        options_.receipts->insert(session_, batch);
        where_ = books_.where();
    }
    SLUICE_FAIL_POINT("before_progress");
    return books_.insert_ledger(batch);
}

Fenced CloudberrySink::give_up(const Batch& batch, Transaction& transaction) {
    // First of all, or we would see the progress that we moved ourselves.
    transaction.roll_back();
    at_books();
    Fenced fenced{books_.moved_by_others(batch)};
    // Moved and moved back, or the row was taken away: whatever it was, nobody may go on from here.
    if (fenced.partitions.empty())
        for (const BatchMove& move : moves_of(batch)) fenced.partitions.push_back(move.partition);
    return fenced;
}

}  // namespace sluice
