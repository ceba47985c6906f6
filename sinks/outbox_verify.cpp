#include "sinks/outbox_verify.h"

#include "sinks/outbox_backlog.h"
#include "sinks/sql_text.h"

namespace sluice {
namespace {

/// Adds one row of outbox_batch; rounds of a batch come in order.
class BooksReader {
public:
    explicit BooksReader(OutboxBooks& books) : books_(books) {}

    void add(BatchNumber batch, const std::string& kind, const std::vector<std::string>& ids) {
        if (kind == "claim" || kind == "retry") {
            ++books_.batches;
            current_.clear();
        }
        if (kind == "claim") {
            for (const std::string& id : ids) {
                const auto [place, is_new] = books_.claims.try_emplace(id);
                if (!is_new) books_.claimed_twice.push_back(id);
                place->second = {batch, false};
                current_.push_back(&place->second);
            }
        }
        if (kind != "refused") return;
        for (const std::string& text : ids) {
            const auto place = static_cast<std::size_t>(std::stoul(text));
            if (place < current_.size()) current_[place]->refused = true;
        }
    }

private:
    OutboxBooks& books_;
    std::vector<OutboxBooks::Claim*> current_;
};

}  // namespace

OutboxBooks read_books(Session& session, const RelayIdentity& identity, const OutboxTable& table) {
    const std::string batches = identity.own_table("outbox_batch");
    OutboxBooks books;
    Transaction snapshot(session, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    const Rows rows = session.exec("SELECT batch, kind, ids FROM " + batches +
                                       " WHERE relay = $1 AND round >= 0 ORDER BY batch, round",
                                   {identity.relay});
    BooksReader reader(books);
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        reader.add(rows.number(row, 0), rows.text(row, 1), parse_array(rows.text(row, 2)));
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
