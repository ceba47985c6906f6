#include "sinks/outbox/refused_events.h"

#include "pipeline/errors.h"
#include "sinks/session/sql_text.h"
#include "sinks/session/where_sql.h"

namespace sluice {
namespace {

const SqlField fields[] = {{{"id", config::FieldType::text}, "o.id"},
                           {{"topic", config::FieldType::text}, "o.topic"},
                           {{"partition", config::FieldType::number}, "o.kafka_partition::bigint"},
                           {{"reason", config::FieldType::text}, "o.reason"},
                           {{"detail", config::FieldType::text}, "o.detail"},
                           {{"refused", config::FieldType::time}, "o.refused_at"},
                           {{"batch", config::FieldType::number}, "o.batch"}};

/// All refused events, called o, with c.claimed where they are claimed to be sent again.
std::string from_all_events(const std::string& schema) {
    const std::string name = quote_identifier(schema);
    return " FROM " + name +
           ".refused_event o LEFT JOIN (SELECT DISTINCT b.relay, unnest(b.ids) AS claimed FROM " +
           name +
           ".outbox_batch b WHERE b.kind = 'retry' AND b.round = 0) c"
           " ON c.relay = o.relay AND c.claimed = " +
           refused_event_key;
}

/// Those of a query; $1 is the relay, and the condition's constants follow in `parameters`.
std::string from_events(const RefusedEventQuery& query, Row& parameters) {
    std::string sql = from_all_events(query.schema) + " WHERE o.relay = $1::text";
    if (query.where) sql += " AND " + to_sql(*query.where, fields, parameters);
    return sql;
}

}  // namespace

std::vector<config::Field> refused_event_fields() {
    return names_of(fields);
}

RefusedEventCount count_refused_events(Session& session, const RefusedEventQuery& query) {
    Row parameters = {query.relay};
    const std::string from = from_events(query, parameters);
    const Rows rows = session.exec("SELECT count(*), count(c.claimed)" + from, parameters);
    return {.open = rows.number(0, 0) - rows.number(0, 1), .claimed = rows.number(0, 1)};
}

std::map<std::string, std::int64_t> count_open_refused_events(Session& session,
                                                              const std::string& schema) {
    const Rows rows = session.exec("SELECT o.relay, count(*)" + from_all_events(schema) +
                                   " WHERE c.claimed IS NULL GROUP BY o.relay");
    std::map<std::string, std::int64_t> open;
    for (std::size_t row = 0; row < rows.rows.size(); ++row)
        open[rows.text(row, 0)] = rows.number(row, 1);
    return open;
}

std::vector<std::pair<std::string, std::int64_t>> sum_up_refused_events(
    Session& session, const RefusedEventQuery& query) {
    Row parameters = {query.relay};
    const std::string from = from_events(query, parameters);
    const Rows rows = session.exec(
        "SELECT o.reason, count(*)" + from + " AND c.claimed IS NULL GROUP BY 1 ORDER BY 2 DESC, 1",
        parameters);
    std::vector<std::pair<std::string, std::int64_t>> reasons;
    for (std::size_t row = 0; row < rows.rows.size(); ++row)
        reasons.emplace_back(rows.text(row, 0), rows.number(row, 1));
    return reasons;
}

std::vector<RefusedEvent> newest_refused_events(Session& session, const RefusedEventQuery& query,
                                                std::int64_t limit) {
    Row parameters = {query.relay};
    const std::string from = from_events(query, parameters);
    const Rows rows = session.exec(
        "SELECT o.batch, o.place, o.id, o.topic, o.kafka_partition, o.reason, o.detail,"
        " to_char(o.refused_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
        " c.claimed IS NOT NULL" +
            from + " ORDER BY o.batch DESC, o.place DESC LIMIT " + std::to_string(limit),
        parameters);
    std::vector<RefusedEvent> events;
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        events.push_back({.batch = rows.number(row, 0),
                          .place = static_cast<int>(rows.number(row, 1)),
                          .id = rows.text(row, 2),
                          .topic = rows.rows[row][3],
                          .partition = rows.rows[row][4],
                          .reason = rows.text(row, 5),
                          .detail = rows.text(row, 6),
                          .refused_at = rows.text(row, 7),
                          .claimed = rows.text(row, 8) == "t"});
    }
    return events;
}

RefusedEventPass::RefusedEventPass(Session& session, Options options)
    : session_(session), options_(std::move(options)) {}

std::optional<std::int64_t> RefusedEventPass::next() {
    const std::string& relay = options_.query.relay;
    for (;;) {
        Transaction transaction(session_, "SET LOCAL lock_timeout = '2s'");
        session_.exec(
            "SELECT pg_advisory_xact_lock(hashtext('sluice refused_event'), hashtext($1))",
            {relay});
        // Before the events are read: whoever claims one of them later has another number.
        const BatchNumber last = last_claimed(session_, identity());
        if (options_.decision == Decision::send_again && last < options_.mark) {
            throw LostProgress("kafka's mark says that batch " + std::to_string(options_.mark) +
                               " was sent, but the books end at " + std::to_string(last) +
                               ": what is claimed now would count as sent; first let the pipeline "
                               "start, whose on_mark_lost says how to go on");
        }
        if (!last_batch_) last_batch_ = last;
        std::vector<std::string> keys = read_page();
        if (keys.empty()) return std::nullopt;
        const auto count = static_cast<std::int64_t>(keys.size());
        if (options_.decision == Decision::discard) {
            remove(keys);
        } else if (!claim(std::move(keys), last)) {
            continue;
        }
        transaction.commit();
        return count;
    }
}

RelayIdentity RefusedEventPass::identity() const {
    return {.schema = options_.query.schema,
            .relay = options_.query.relay,
            .writer = options_.writer,
            .revision = options_.revision};
}

/// Open ones, as many as a relay holds in memory without trouble.
std::vector<std::string> RefusedEventPass::read_page() {
    constexpr std::int64_t most_bytes = 16 << 20;
    Row parameters = {options_.query.relay};
    const std::string from = from_events(options_.query, parameters);
    const Rows rows = session_.exec(
        std::string("SELECT ") + refused_event_key + ", coalesce(octet_length(o.value), 0)" + from +
            " AND c.claimed IS NULL AND o.batch <= " + std::to_string(*last_batch_) +
            " ORDER BY o.batch, o.place LIMIT 1000",
        parameters);
    std::vector<std::string> keys;
    std::int64_t bytes = 0;
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        bytes += rows.number(row, 1);
        if (!keys.empty() && bytes > most_bytes) break;
        keys.push_back(rows.text(row, 0));
    }
    return keys;
}

bool RefusedEventPass::claim(std::vector<std::string> keys, BatchNumber last) {
    return insert_claim(session_, identity(),
                        {.number = last + 1,
                         .last = last,
                         .kind = ClaimedBatch::Kind::retry,
                         .ids = std::move(keys)}) == ClaimResult::claimed;
}

void RefusedEventPass::remove(const std::vector<std::string>& keys) {
    session_.exec("DELETE FROM " + quote_identifier(options_.query.schema) +
                      ".refused_event o WHERE o.relay = $1 AND " + refused_event_key +
                      " = ANY ($2::text[])",
                  {options_.query.relay, array_literal(keys)});
}

}  // namespace sluice
