#include "sinks/outbox/outbox_purge.h"

#include "pipeline/errors.h"
#include "pipeline/fail_point.h"
#include "sinks/session/sql_text.h"

#include <algorithm>

namespace sluice {
namespace {

using namespace std::chrono_literals;

// How long a step may have the table for itself, about: grown and shrunk towards.
constexpr auto short_step = 10ms;
constexpr auto long_step = 25ms;
constexpr std::size_t fewest_rows = 100;
constexpr std::size_t most_rows = 10000;
constexpr auto prune_pause = 10s;
// Of ids, as the database stores them: for some steps, and far from what memory there may be.
constexpr std::size_t bytes_per_fetch = 1u << 20;

constexpr const char* not_null_violation = "23502";

}  // namespace

CloudberryOutboxPurge::CloudberryOutboxPurge(Options options)
    : options_(std::move(options)),
      batches_(options_.identity.own_table("outbox_batch")),
      session_(options_.dsn, "sluice/" + options_.identity.relay + " purge") {}

void CloudberryOutboxPurge::open() {
    if (session_.is_open()) return;
    session_.open();
    session_.run("SET lock_timeout = " + std::to_string(options_.wait.count()));
    session_.exec(
        "SELECT set_config(name, 'off', false) FROM pg_settings"
        " WHERE name IN ('enable_seqscan', 'jit')");
    read_note();
}

void CloudberryOutboxPurge::read_note() {
    const Rows note = session_.exec("SELECT batch, -1 - round FROM " + batches_ +
                                        " WHERE relay = $1 AND round < 0"
                                        " ORDER BY batch DESC, round DESC LIMIT 1",
                                    {options_.identity.relay});
    noted_ = {};
    if (!note.rows.empty()) {
        noted_ = {note.number(0, 0), static_cast<std::size_t>(note.number(0, 1))};
    }
    pending_.clear();
    fetched_ = noted_.batch - (noted_.left > 0 ? 1 : 0);
    purged_ = std::max(purged_, fetched_);
}

BatchNumber CloudberryOutboxPurge::purged() {
    open();
    read_note();
    return purged_;
}

PurgeStep CloudberryOutboxPurge::step(BatchNumber sent) {
    PurgeStep step;
    try {
        open();
        if (pending_.empty()) fetch(sent);
        step = delete_some();
        step.more = !pending_.empty() || purged_ < sent;
        if (pending_.empty() && Clock::now() - pruned_ > prune_pause) prune_books();
    } catch (const DatabaseError& error) {
        const bool outrun = error.sqlstate() == not_null_violation;
        if (!outrun && error.trouble() != Trouble::again) throw;
        if (outrun) read_note();
        step.gave_way = true;
        step.more = true;
    }
    step.purged = purged_;
    return step;
}

/// Batches that were sent, until enough rows for some steps are known.
void CloudberryOutboxPurge::fetch(BatchNumber sent) {
    const Rows rows = session_.exec(
        "SELECT batch, kind, ids FROM (SELECT batch, kind, ids,"
        " sum(pg_column_size(ids)) OVER (ORDER BY batch) - pg_column_size(ids) AS"
        " before FROM (SELECT batch, kind, ids FROM " +
            batches_ +
            " WHERE relay = $1 AND round = 0 AND batch > $2::bigint AND batch <="
            " $3::bigint ORDER BY batch LIMIT 200) next) sized WHERE before <"
            " $4::bigint ORDER BY batch",
        {options_.identity.relay, std::to_string(fetched_), std::to_string(sent),
         std::to_string(bytes_per_fetch)});
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        pending_.push_back(
            {rows.number(row, 0), rows.text(row, 1) == "retry", parse_array(rows.text(row, 2))});
        if (pending_.back().batch == noted_.batch) pending_.back().ids.resize(noted_.left);
    }
    fetched_ = pending_.empty() ? sent : pending_.back().batch;
    if (pending_.empty()) purged_ = std::max(purged_, sent);
}

PurgeStep CloudberryOutboxPurge::delete_some() {
    PurgeStep step;
    if (pending_.empty()) return step;
    std::vector<std::string> ids;
    std::size_t whole = 0;  // batches that are done with this step
    std::size_t part = 0;   // ids of the one after them
    Note note;
    for (const Pending& pending : pending_) {
        if (pending.retry != pending_.front().retry || ids.size() >= rows_per_step_) break;
        part = std::min(pending.ids.size(), rows_per_step_ - ids.size());
        ids.insert(ids.end(), pending.ids.end() - static_cast<std::ptrdiff_t>(part),
                   pending.ids.end());
        note = {pending.batch, pending.ids.size() - part};
        if (note.left > 0) break;
        ++whole;
        part = 0;
    }
    const auto began = Clock::now();
    step.rows = delete_noting(note, pending_.front().retry, ids);
    const auto took = Clock::now() - began;
    if (took > long_step) rows_per_step_ = std::max(fewest_rows, rows_per_step_ / 2);
    if (took < short_step) rows_per_step_ = std::min(most_rows, rows_per_step_ * 2);
    SLUICE_FAIL_POINT("outbox_after_purge_rows");
    for (; whole > 0; --whole) {
        purged_ = pending_.front().batch;
        pending_.pop_front();
    }
    if (part > 0) pending_.front().ids.resize(note.left);
    return step;
}

/// In one message, so that nobody who freezes keeps the table to himself. Throws a violation of
/// NOT NULL where somebody else has come further.
std::int64_t CloudberryOutboxPurge::delete_noting(const Note& note, bool retry,
                                                  const std::vector<std::string>& ids) {
    // One after the other: who waits here sees the note of whom he waited for.
    std::string statements =
        "SELECT pg_advisory_xact_lock(hashtext('sluice.outbox_purge'), "
        "hashtext(" +
        quote_literal(batches_ + " " + options_.identity.relay) + "));" + insert_note(note);
    if (!ids.empty()) statements += ";" + delete_statement(retry, ids);
    const std::string tag = session_.run(statements);
    noted_ = note;
    return ids.empty() ? 0 : std::stoll(tag.substr(tag.rfind(' ') + 1));
}

std::string CloudberryOutboxPurge::insert_note(const Note& note) const {
    return "INSERT INTO " + batches_ +
           " (relay, batch, round, kind, ids, writer, revision) SELECT " +
           quote_literal(options_.identity.relay) + ", " + std::to_string(note.batch) + ", " +
           note.round() + ", CASE WHEN NOT EXISTS (SELECT 1 FROM " + batches_ + " WHERE " +
           options_.identity.is_ours() + " AND round < 0 AND (batch > " +
           std::to_string(noted_.batch) + " OR (batch = " + std::to_string(noted_.batch) +
           " AND round > " + noted_.round() + "))) THEN 'purged' END, '{}', " +
           quote_literal(options_.identity.writer) + ", " +
           quote_literal(options_.identity.revision);
}

std::string CloudberryOutboxPurge::delete_statement(bool retry,
                                                    const std::vector<std::string>& ids) const {
    const std::string list = quote_literal(array_literal(ids));
    if (!retry) {
        return "DELETE FROM " + options_.table.qualified + " o WHERE o." + options_.table.id +
               " = ANY (" + list + "::" + options_.table.id_type + "[])";
    }
    return "DELETE FROM " + options_.identity.own_table("refused_event") + " o WHERE o." +
           options_.identity.is_ours() + " AND " + refused_event_key + " = ANY (" + list +
           "::text[])";
}

/// The last batch and the last note stay for ever: claims are numbered from the one, and reading
/// begins at the other.
void CloudberryOutboxPurge::prune_books() {
    session_.exec("DELETE FROM " + batches_ +
                      " WHERE relay = $1 AND batch < $2::bigint AND made_at < now() - $3::int *"
                      " interval '1 second'",
                  {options_.identity.relay, std::to_string(noted_.batch),
                   std::to_string(options_.keep_books.count())});
    pruned_ = Clock::now();
}

}  // namespace sluice
