#include "sinks/load/cloudberry_sink.h"

#include "pipeline/errors.h"
#include "pipeline/fail_point.h"
#include "sinks/books/schema.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <map>

namespace sluice {
namespace {

bool moves_nothing(const Batch& batch) {
    return std::ranges::none_of(batch.slices(), &Slice::moves);
}

void append_rejects(std::vector<Reject>& to, const EncodedRows& rows, Refused refused) {
    for (std::size_t i = 0; i < refused.rows.size(); ++i) {
        to.push_back({rows.rows[refused.rows[i]].record, std::move(refused.reasons[i]),
                      RejectCause::refused});
    }
}

CommitResult retry(const std::string& doing, const DatabaseError& error) {
    return Retry{doing + ": " + error.what()};
}

}  // namespace

CloudberrySink::CloudberrySink(CloudberrySinkOptions options)
    : options_(std::move(options)),
      session_(options_.dsn, "sluice/" + options_.identity.pipeline),
      books_(session_, options_.identity),
      copy_binary_(copy_statement(qualified(options_.table), options_.columns, CopyForm::binary)),
      copy_text_(copy_statement(qualified(options_.table), options_.columns, CopyForm::text)),
      judge_(session_, qualified(options_.table), options_.columns),
      server_side_(session_, qualified(options_.table), options_.columns),
      isolate_binary_(
          session_, judge_, server_side_,
          isolation_options(copy_binary_, options_.table, options_.columns, options_.on_invalid)),
      isolate_text_(
          session_, judge_, server_side_,
          isolation_options(copy_text_, options_.table, options_.columns, options_.on_invalid)) {}

CommitResult CloudberrySink::commit(Batch& batch) {
    if (stop_ && stop_->left != moves_of(batch)) stop_.reset();
    CommitResult result = write(batch);
    if (auto* committed = std::get_if<Committed>(&result); committed != nullptr && stop_)
        committed->stop = stop_->message;
    return result;
}

CommitResult CloudberrySink::write(Batch& batch) {
    where_ = "the database";
    try {
        if (auto settled = settle(batch)) return *settled;
        if (moves_nothing(batch)) return Committed{};
        stop_at_rejects(batch);
        session_.open();
        if (!line_numbers_)
            line_numbers_ = is_mpp(family_of(session_)) ? LineNumbers::hint : LineNumbers::exact;
        const TargetRows& rows = batch.targets.front();
        const bool whole = !isolate_binary_.expects_refusals(rows.binary.rows.size()) &&
                           !isolate_text_.expects_refusals(rows.text.rows.size());
        Refusal refusal;
        if (whole) {
            auto outcome = write_whole(batch);
            if (const auto* result = std::get_if<CommitResult>(&outcome)) return *result;
            refusal = std::get<Refusal>(outcome);
        }
        return write_isolated(batch, refusal);
    } catch (const OutcomeUnknown& error) {
        in_doubt_ = moves_of(batch);
        return Retry{std::string("the answer to COMMIT was lost: ") + error.what()};
    } catch (const DatabaseError& error) {
        if (error.trouble() == Trouble::wrong)
            throw WrongConfiguration(where_ + ": " + error.what());
        return retry(where_, error);
    }
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
    if (at_start == all) return std::nullopt;
    return fenced;
}

void CloudberrySink::stop_at_rejects(const Batch& batch) const {
    if (options_.on_reject != config::OnReject::stop || batch.rejects.empty()) return;
    const auto first =
        std::min_element(batch.rejects.begin(), batch.rejects.end(),
                         [](const Reject& a, const Reject& b) { return a.record < b.record; });
    throw RejectedRecord(stop_message(batch, *first));
}

std::string CloudberrySink::stop_message(const Batch& batch, const Reject& reject) const {
    const Record record = batch.records.at(reject.record);
    return options_.identity.topic + "[" + std::to_string(record.partition) + "]@" +
           std::to_string(record.offset) + ": " + describe(reject.reasons) +
           "; on_reject = \"stop\" holds the pipeline here: change the mapping or the table, or "
           "set "
           "on_reject = \"dead_letter\"";
}

/// Leaves what precedes each partition's first refused record.
void CloudberrySink::cut_before(Batch& batch, const std::vector<Reject>& refused) {
    std::map<PartitionId, Reject> first;
    for (const Reject& reject : refused) {
        const auto [at, is_new] =
            first.try_emplace(batch.records.at(reject.record).partition, reject);
        if (!is_new && reject.record < at->second.record) at->second = reject;
    }
    const auto earliest =
        std::ranges::min_element(first, {}, [](const auto& each) { return each.second.record; });
    std::string message = stop_message(batch, earliest->second);
    for (const auto& [partition, reject] : first)
        batch.cut(partition, batch.records.at(reject.record).offset);
    stop_ = {std::move(message), moves_of(batch)};
}

std::variant<CommitResult, CloudberrySink::Refusal> CloudberrySink::write_whole(
    const Batch& batch) {
    enum class At { binary, text, books, commit } at = At::binary;
    const auto began = Clock::now();
    const TargetRows& rows = batch.targets.front();
    try {
        SLUICE_FAIL_POINT("before_copy");
        Transaction transaction(session_);
        where_ = name_of_target();
        copy_whole(copy_binary_, rows.binary);
        at = At::text;
        copy_whole(copy_text_, rows.text);
        if (!rows.binary.rows.empty()) check_types();
        SLUICE_FAIL_POINT("after_copy");
        at = At::books;
        if (!write_books(batch)) return CommitResult(give_up(batch, transaction));
        at = At::commit;
        return CommitResult(finish(transaction, began));
    } catch (const DatabaseError& error) {
        // Deferred constraints speak up at COMMIT.
        const bool refused_a_row = error.trouble() == Trouble::data && at != At::books;
        if (!refused_a_row || batch.row_count() == 0) throw;
        Refusal refusal;
        if (at == At::binary) refusal.of_binary = error;
        if (at == At::text) refusal.of_text = error;
        return refusal;
    }
}

void CloudberrySink::copy_whole(const CopyStatement& statement, const EncodedRows& rows) {
    if (rows.rows.empty()) return;
    session_.send(statement.sql);
    session_.await_copy();
    const bool binary = statement.form == CopyForm::binary;
    if (binary) session_.put(copy_header());
    put_rows(session_, rows, 0, rows.rows.size());
    if (binary) session_.put(copy_trailer());
    session_.end_copy();
    session_.finish();
}

CommitResult CloudberrySink::write_isolated(Batch& batch, const Refusal& refusal) {
    const auto began = Clock::now();
    const TargetRows& rows = batch.targets.front();
    SLUICE_FAIL_POINT("before_copy");
    where_ = name_of_target();
    const bool stops = options_.on_reject == config::OnReject::stop;
    const auto look = [&](RowIsolation& isolation, const EncodedRows& of, const auto& first) {
        // Who stops at the first one need not know them all.
        return stops ? RowIsolation::Known{.first = first} : isolation.look(of, first);
    };
    const auto of_binary = look(isolate_binary_, rows.binary, refusal.of_binary);
    const auto of_text = look(isolate_text_, rows.text, refusal.of_text);
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

    where_ = name_of_target();
    judge_.begin();
    std::vector<Reject> refused;
    append_rejects(refused, rows.binary,
                   isolate_binary_.load(rows.binary, *line_numbers_, of_binary));
    append_rejects(refused, rows.text, isolate_text_.load(rows.text, *line_numbers_, of_text));
    if (!refused.empty()) {
        check_table();
        if (!judge_.still_holds())
            return Retry{name_of_target() + ": its constraints have just changed"};
        if (stops) {
            if (auto fenced = fenced_already()) return *fenced;
            transaction.roll_back();
            cut_before(batch, refused);
            if (moves_nothing(batch)) return Committed{};
            return write_isolated(batch, {});
        }
        batch.refuse(std::move(refused));
    } else if (!rows.binary.rows.empty()) {
        check_types();
    }
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
    return {.copy = sent - began, .commit = Clock::now() - sent};
}

std::string CloudberrySink::name_of_target() const {
    return "table " + qualified(options_.table);
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

/// After an ALTER TABLE the rows no longer fit, all of them: that is not the data's fault.
void CloudberrySink::check_table() {
    const Table now = read_table(session_, qualified(options_.table));
    for (const std::string& name : options_.columns) {
        const auto find = [&](const Table& table) -> const Column* {
            for (const Column& column : table.columns)
                if (column.name == name) return &column;
            return nullptr;
        };
        const Column* before = find(options_.table);
        const Column* after = find(now);
        if (before != nullptr && after != nullptr && before->type_name == after->type_name)
            continue;
        throw changed(name);
    }
}

/// Eight bytes that were a bigint are a double precision as well: COPY in binary would load them
/// as another value, and no error would say so. Asked behind COPY, whose lock keeps the table as it
/// is until the transaction ends.
void CloudberrySink::check_types() {
    const Rows now = session_.exec_prepared(
        "types",
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a"
        " WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped",
        {qualified(options_.table)});
    std::map<std::string, std::string> types;
    for (std::size_t row = 0; row < now.rows.size(); ++row)
        types[now.text(row, 0)] = now.text(row, 1);
    for (const Column& column : options_.table.columns) {
        const bool copied =
            std::ranges::find(options_.columns, column.name) != options_.columns.end();
        if (copied && types[column.name] != column.type_name) throw changed(column.name);
    }
}

TroubleOfTheWorld CloudberrySink::changed(const std::string& column) const {
    return TroubleOfTheWorld(name_of_target() + ": column " + quote_identifier(column) +
                             " has changed since the pipeline started; it starts anew");
}

}  // namespace sluice
