#include "sinks/outbox/outbox_backlog.h"

namespace sluice {

OutboxBacklog read_backlog(Session& session, const RelayIdentity& identity,
                           const OutboxTable& table, BatchNumber mark) {
    const std::string batches = identity.own_table("outbox_batch");
    // As the relay reads it: rows of batches below the last note of a purge are gone.
    const Rows rows = session.exec(
        "SELECT (SELECT coalesce(max(batch), 0) FROM " + batches +
            " WHERE relay = $1), count(*) - count(c.batch), count(CASE WHEN c.batch > $2::bigint"
            " THEN 1 END), count(CASE WHEN c.batch <= $2::bigint THEN 1 END) FROM " +
            table.qualified + " o LEFT JOIN (SELECT b.batch, unnest(b.ids)::" + table.id_type +
            " AS claimed_id FROM " + batches +
            " b WHERE b.relay = $1 AND b.kind = 'claim' AND b.batch >= (SELECT"
            " coalesce(max(batch), 0) FROM " +
            batches + " WHERE relay = $1 AND kind = 'purged')) c ON c.claimed_id = o." + table.id,
        {identity.relay, std::to_string(mark)});
    return {.last = rows.number(0, 0),
            .unclaimed = rows.number(0, 1),
            .claimed = rows.number(0, 2),
            .sent = rows.number(0, 3)};
}

}  // namespace sluice
