#include "sinks/outbox_purge.h"

#include "pipeline/errors.h"
#include "pipeline/fail_point.h"

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

}  // namespace

CloudberryOutboxPurge::CloudberryOutboxPurge(Options options)
    : options_(std::move(options)),
      batches_(options_.identity.own_table("outbox_batch")),
      session_(options_.dsn, "sluice/" + options_.identity.relay + " purge") {}

void CloudberryOutboxPurge::open() {
    if (session_.is_open()) return;
    session_.open();
    pending_.clear();
    fetched_ = purged_;
    session_.run("SET lock_timeout = " + std::to_string(options_.wait.count()));
    session_.exec(
        "SELECT set_config(name, 'off', false) FROM pg_settings"
        " WHERE name IN ('enable_seqscan', 'jit')");
}

BatchNumber CloudberryOutboxPurge::purged() {
    open();
    const Rows noted = session_.exec(
        "SELECT coalesce(max(batch), 0) FROM " + batches_ + " WHERE relay = $1 AND round = -1",
        {options_.identity.relay});
    purged_ = noted_ = fetched_ = std::max(purged_, noted.number(0, 0));
    return purged_;
}

PurgeStep CloudberryOutboxPurge::step(BatchNumber sent) {
    PurgeStep step;
    try {
        open();
        if (pending_.empty()) fetch(sent);
        step = delete_some();
        if (!step.more && purged_ > noted_) note_purged();
        if (!step.more && Clock::now() - pruned_ > prune_pause) prune_books();
    } catch (const DatabaseError& error) {
        if (error.trouble() != Trouble::again) throw;
        step.gave_way = true;
        step.more = true;
    }
    step.purged = purged_;
    return step;
}

/// Batches that were sent, until enough rows for some steps are known.
void CloudberryOutboxPurge::fetch(BatchNumber sent) {
    const Rows rows =
        session_.exec("SELECT batch, kind, ids FROM " + batches_ +
                          " WHERE relay = $1 AND round = 0 AND batch > $2::bigint AND batch <="
                          " $3::bigint ORDER BY batch LIMIT 200",
                      {options_.identity.relay, std::to_string(fetched_), std::to_string(sent)});
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        pending_.push_back(
            {rows.number(row, 0), rows.text(row, 1) == "retry", parse_array(rows.text(row, 2))});
    }
    fetched_ = pending_.empty() ? sent : pending_.back().batch;
    if (pending_.empty()) purged_ = std::max(purged_, sent);
}

PurgeStep CloudberryOutboxPurge::delete_some() {
    PurgeStep step;
    std::vector<std::string> ids;
    std::size_t whole = 0;  // batches that are done with this step
    std::size_t part = 0;   // ids of the one after them
    for (const Pending& pending : pending_) {
        if (pending.retry != pending_.front().retry || ids.size() >= rows_per_step_) break;
        part = std::min(pending.ids.size(), rows_per_step_ - ids.size());
        ids.insert(ids.end(), pending.ids.end() - static_cast<std::ptrdiff_t>(part),
                   pending.ids.end());
        if (part < pending.ids.size()) break;
        ++whole;
        part = 0;
    }
    if (!ids.empty()) {
        const auto began = Clock::now();
        step.rows = session_.exec(delete_statement(pending_.front().retry, ids)).affected;
        const auto took = Clock::now() - began;
        if (took > long_step) rows_per_step_ = std::max(fewest_rows, rows_per_step_ / 2);
        if (took < short_step) rows_per_step_ = std::min(most_rows, rows_per_step_ * 2);
        SLUICE_FAIL_POINT("outbox_after_purge_rows");
    }
    for (; whole > 0; --whole) {
        purged_ = pending_.front().batch;
        pending_.pop_front();
    }
    if (part > 0) pending_.front().ids.resize(pending_.front().ids.size() - part);
    step.more = !pending_.empty();
    return step;
}

std::string CloudberryOutboxPurge::delete_statement(bool retry,
                                                    const std::vector<std::string>& ids) const {
    const std::string list = quote_literal(array_literal(ids));
    if (!retry) {
        return "DELETE FROM " + options_.table.qualified + " o WHERE o." + options_.table.id +
               " = ANY (" + list + "::" + options_.table.id_type + "[])";
    }
    return "DELETE FROM " + options_.identity.own_table("refused_event") + " o WHERE o." +
           options_.identity.is_ours() + " AND o.batch::text || ':' || o.place::text = ANY (" +
           list + "::text[])";
}

/// So that a relay that starts anew need not look for these rows again.
void CloudberryOutboxPurge::note_purged() {
    session_.exec("INSERT INTO " + batches_ +
                      " (relay, batch, round, kind, ids, writer, revision) VALUES ($1, $2, -1,"
                      " 'purged', '{}', $3, $4) ON CONFLICT DO NOTHING",
                  {options_.identity.relay, std::to_string(purged_), options_.identity.writer,
                   options_.identity.revision});
    noted_ = purged_;
}

/// The last batch and the last note stay for ever: claims are numbered from the one, and reading
/// begins at the other.
void CloudberryOutboxPurge::prune_books() {
    session_.exec("DELETE FROM " + batches_ +
                      " WHERE relay = $1 AND batch < $2::bigint AND made_at < now() - $3::int *"
                      " interval '1 second'",
                  {options_.identity.relay, std::to_string(noted_),
                   std::to_string(options_.keep_books.count())});
    pruned_ = Clock::now();
}

}  // namespace sluice
