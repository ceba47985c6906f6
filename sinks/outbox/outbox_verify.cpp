#include "sinks/outbox/outbox_verify.h"

#include "sinks/outbox/outbox_backlog.h"
#include "sinks/session/sql_text.h"

#include <iterator>

namespace sluice {
namespace {

/// A row of outbox_batch.
struct BookRow {
    BatchNumber batch = 0;
    std::int64_t round = 0;
    std::string kind;
    std::vector<std::string> ids;
    std::int64_t made_at_ms = 0;
};

/// Adds one row of outbox_batch after the other: notes of the purge first, rounds of a batch in
/// order.
class BooksReader {
public:
    explicit BooksReader(OutboxBooks& books) : books_(books) {}

    void add(const BookRow& row) {
        if (row.kind == "purged") {
            notes_[row.made_at_ms] = {row.batch, static_cast<std::size_t>(-1 - row.round)};
        }
        if (row.kind == "claim" || row.kind == "retry") {
            ++books_.batches;
            current_.clear();
        }
        if (row.kind == "claim") {
            for (const std::string& id : row.ids) {
                claim(id, {row.batch, current_.size(), row.made_at_ms, false});
            }
        }
        if (row.kind != "refused") return;
        for (const std::string& text : row.ids) {
            const auto place = static_cast<std::size_t>(std::stoul(text));
            if (place < current_.size()) current_[place]->refused = true;
        }
    }

private:
    void claim(const std::string& id, const OutboxBooks::Claim& claim) {
        const auto added = books_.claims.emplace(id, claim);
        current_.push_back(&added->second);
        if (added == books_.claims.begin()) return;
        const auto& [other_id, before] = *std::prev(added);
        if (other_id == id && !was_deleted(before, claim.made_at_ms)) {
            books_.claimed_twice.push_back(id);
        }
    }

    /// Whether the purge had come by the row of a claim at that time.
    [[nodiscard]] bool was_deleted(const OutboxBooks::Claim& claim, std::int64_t by_ms) const {
        const auto later = notes_.upper_bound(by_ms);
        if (later == notes_.begin()) return false;
        const Note& note = std::prev(later)->second;
        return claim.batch < note.batch || (claim.batch == note.batch && claim.place >= note.left);
    }

    /// Rows of batches below this one are gone, and of it those from the place `left` on.
    struct Note {
        BatchNumber batch = 0;
        std::size_t left = 0;
    };

    OutboxBooks& books_;
    std::map<std::int64_t, Note> notes_;  // by when they were made
    std::vector<OutboxBooks::Claim*> current_;
};

}  // namespace

OutboxBooks read_books(Session& session, const RelayIdentity& identity, const OutboxTable& table) {
    const std::string batches = identity.own_table("outbox_batch");
    OutboxBooks books;
    Transaction snapshot(session, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    const Rows rows = session.exec(
        "SELECT batch, round, kind, ids, (extract(epoch FROM made_at) * 1000)::bigint FROM " +
            batches + " WHERE relay = $1 ORDER BY round >= 0, batch, round",
        {identity.relay});
    BooksReader reader(books);
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        reader.add({rows.number(row, 0), rows.number(row, 1), rows.text(row, 2),
                    parse_array(rows.text(row, 3)), rows.number(row, 4)});
    }
    const OutboxBacklog backlog = read_backlog(session, identity, table, 0);
    books.last = backlog.last;
    books.unclaimed = backlog.unclaimed;
    books.rows = backlog.unclaimed + backlog.claimed + backlog.sent;
    books.refused_events = session
                               .exec("SELECT count(*) FROM " + identity.own_table("refused_event") +
                                         " WHERE relay = $1",
                                     {identity.relay})
                               .number(0, 0);
    snapshot.roll_back();
    return books;
}

}  // namespace sluice
