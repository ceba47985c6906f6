#include "sinks/outbox/outbox_store.h"

#include "pipeline/errors.h"
#include "pipeline/values/hex.h"
#include "sinks/books/dead_letters.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <random>

namespace sluice {
namespace {

/// Reading is one large join: what a planner without statistics may choose instead is quadratic.
constexpr const char* reader_settings =
    "SELECT set_config(name, CASE name WHEN 'work_mem' THEN '64MB' WHEN 'statement_timeout' THEN"
    " '0' ELSE 'off' END, false) FROM pg_settings WHERE name IN"
    " ('enable_nestloop', 'enable_mergejoin', 'jit', 'work_mem', 'statement_timeout')";

constexpr const char* unique_violation = "23505";

/// Errors of the database as the pipeline knows them.
template <typename Call>
auto guarded(Call call) {
    try {
        return call();
    } catch (const DatabaseError& error) {
        if (error.trouble() == Trouble::wrong) throw WrongConfiguration(error.what());
        throw TroubleOfTheWorld(std::string("outbox: ") + error.what());
    }
}

std::string bytea_or_null(std::optional<std::string_view> bytes) {
    return bytes ? quote_literal(bytea_text(*bytes)) + "::bytea" : "NULL";
}

std::string text_or_null(std::optional<std::string_view> text) {
    return text ? quote_literal(*text) : "NULL";
}

std::vector<std::string> ids_of(const EventBatch& events) {
    std::vector<std::string> ids;
    ids.reserve(events.events().size());
    for (const OutboxEvent& event : events.events()) ids.emplace_back(event.id);
    return ids;
}

}  // namespace

const char* const refused_event_key = "o.batch::text || ':' || o.place::text";

std::string RelayIdentity::own_table(const char* name) const {
    return quote_identifier(schema) + "." + name;
}

std::string RelayIdentity::is_ours() const {
    return "relay = " + quote_literal(relay);
}

std::optional<std::string> read_origin(Session& session, const RelayIdentity& identity) {
    const Rows rows = session.exec(
        "SELECT origin FROM " + identity.own_table("outbox_relay") + " WHERE relay = $1",
        {identity.relay});
    if (rows.rows.empty()) return std::nullopt;
    return rows.text(0, 0);
}

std::string ensure_origin(Session& session, const RelayIdentity& identity) {
    return guarded([&] {
        const std::string table = identity.own_table("outbox_relay");
        std::random_device random;
        char digits[17];
        std::snprintf(digits, sizeof digits, "%08x%08x", random(), random());
        session.exec("INSERT INTO " + table +
                         " (relay, origin) SELECT $1::text, $2::text WHERE NOT EXISTS"
                         " (SELECT 1 FROM " +
                         table + " WHERE relay = $1::text) ON CONFLICT DO NOTHING",
                     {identity.relay, digits});
        const auto origin = read_origin(session, identity);
        if (!origin) throw TroubleOfTheWorld("outbox: somebody deletes from " + table);
        return *origin;
    });
}

std::string transactional_id(const RelayIdentity& identity, const std::string& origin) {
    return "sluice." + identity.schema + "." + identity.relay + "." + origin;
}

std::optional<std::string> relay_of_table(Session& session, const std::string& schema,
                                          const std::string& qualified) {
    const Rows rows = session.exec(
        "SELECT relay FROM " + quote_identifier(schema) + ".outbox_table WHERE name = $1",
        {qualified});
    if (rows.rows.empty()) return std::nullopt;
    return rows.text(0, 0);
}

std::string complaint_of_table(const std::string& schema, const std::string& qualified,
                               const std::string& relay) {
    return "table " + qualified + " is that of outbox." + relay +
           ": each would delete what the other has not sent; give each its own table, or, if "
           "outbox." +
           relay + " is gone for good, DELETE FROM " + quote_identifier(schema) +
           ".outbox_table WHERE name = " + quote_literal(qualified);
}

void take_table(Session& session, const RelayIdentity& identity, const std::string& qualified) {
    guarded([&] {
        const std::string tables = identity.own_table("outbox_table");
        session.exec(
            "INSERT INTO " + tables +
                " (name, relay) SELECT $1::text, $2::text WHERE NOT EXISTS (SELECT 1 FROM " +
                tables + " WHERE name = $1::text) ON CONFLICT DO NOTHING",
            {qualified, identity.relay});
        const auto owner = relay_of_table(session, identity.schema, qualified);
        if (owner == identity.relay) return;
        throw WrongConfiguration(
            complaint_of_table(identity.schema, qualified, owner.value_or("?")));
    });
}

BatchNumber last_claimed(Session& session, const RelayIdentity& identity) {
    return session
        .exec_prepared("last_claimed",
                       "SELECT coalesce(max(batch), 0) FROM " + identity.own_table("outbox_batch") +
                           " WHERE relay = $1",
                       {identity.relay})
        .number(0, 0);
}

ClaimResult insert_claim(Session& session, const RelayIdentity& identity, const Claim& claim) {
    const std::string batches = identity.own_table("outbox_batch");
    const char* const kind = claim.kind == ClaimedBatch::Kind::retry ? "retry" : "claim";
    try {
        const Rows made = session.exec_prepared(
            "claim",
            "INSERT INTO " + batches +
                " (relay, batch, round, kind, ids, writer, revision) SELECT $1::text,"
                " $2::bigint, 0, $3::text, $4::text[], $5::text, $6::text WHERE (SELECT"
                " coalesce(max(batch), 0) FROM " +
                batches + " WHERE relay = $1::text) = $7::bigint",
            {identity.relay, std::to_string(claim.number), kind, array_literal(claim.ids),
             identity.writer, identity.revision, std::to_string(claim.last)});
        return made.affected == 1 ? ClaimResult::claimed : ClaimResult::outrun;
    } catch (const DatabaseError& error) {
        if (error.sqlstate() != unique_violation) throw;
        return ClaimResult::outrun;
    }
}

CloudberryOutbox::CloudberryOutbox(const std::string& dsn, RelayIdentity identity,
                                   OutboxTable table)
    : identity_(std::move(identity)),
      table_(std::move(table)),
      batches_(identity_.own_table("outbox_batch")),
      reader_(dsn, "sluice/" + identity_.relay + " reader"),
      books_(dsn, "sluice/" + identity_.relay) {}

template <typename Call>
auto CloudberryOutbox::heeded(Call call) {
    return guarded([&] {
        try {
            return call();
        } catch (const DatabaseError& error) {
            // The server, or the way there, is gone: "" a broken connection, 57P… a shutdown.
            if (error.sqlstate().empty() || error.sqlstate().starts_with("57P")) lost_ = true;
            throw;
        }
    });
}

BatchNumber CloudberryOutbox::last_claimed() {
    return heeded([&] { return sluice::last_claimed(books_, identity_); });
}

std::vector<ClaimedBatch> CloudberryOutbox::claimed_above(BatchNumber mark) {
    return heeded([&] {
        const Rows rows = books_.exec("SELECT batch, round, kind, ids FROM " + batches_ +
                                          " WHERE relay = $1 AND batch > $2::bigint AND round >= 0"
                                          " ORDER BY batch, round",
                                      {identity_.relay, std::to_string(mark)});
        std::vector<ClaimedBatch> batches;
        for (std::size_t row = 0; row < rows.rows.size(); ++row) {
            const std::string& kind = rows.text(row, 2);
            std::vector<std::string> ids = parse_array(rows.text(row, 3));
            const auto round = static_cast<int>(rows.number(row, 1));
            if (round == 0) {
                ClaimedBatch& batch = batches.emplace_back();
                batch.number = rows.number(row, 0);
                if (kind == "retry") batch.kind = ClaimedBatch::Kind::retry;
                batch.ids = std::move(ids);
                continue;
            }
            if (batches.empty()) continue;
            batches.back().round = round;
            if (kind != "refused") continue;
            for (const std::string& place : ids) {
                batches.back().refused.push_back(std::stoi(place));
            }
        }
        return batches;
    });
}

/// With the place in the batch as one column more: an id's text is not what it was when it was
/// claimed, where it depends on settings, such as a time's.
std::string CloudberryOutbox::select_claimed(const ClaimedBatch& batch) const {
    const bool retry = batch.kind == ClaimedBatch::Kind::retry;
    const std::string claimed = " JOIN (SELECT unnest(ids)::" + (retry ? "text" : table_.id_type) +
                                " AS claimed_id, generate_subscripts(ids, 1) - 1 AS place FROM"
                                " (SELECT " +
                                quote_literal(array_literal(batch.ids)) +
                                "::text[] AS ids) batch) c ON c.claimed_id = ";
    if (retry) {
        // What append_event() understands.
        return std::string(
                   "SELECT o.id, o.topic, o.kafka_partition, o.key, o.value, o.headers,"
                   " o.timestamp_ms, c.place::text FROM ") +
               identity_.own_table("refused_event") + " o" + claimed + refused_event_key +
               " WHERE o." + identity_.is_ours();
    }
    return "SELECT " + table_.select + ", c.place::text FROM " + table_.qualified + " o" + claimed +
           "o." + table_.id;
}

EventBatch CloudberryOutbox::read_claimed(const ClaimedBatch& batch) {
    return heeded([&] {
        open_reader();
        // The place travels as if it were the last header.
        std::vector<std::string> headers;
        if (batch.kind == ClaimedBatch::Kind::rows) headers = table_.headers;
        headers.emplace_back();
        std::vector<int> refused = batch.refused;
        std::ranges::sort(refused);
        EventBatch events;
        reader_.copy_out("COPY (" + select_claimed(batch) + ") TO STDOUT (FORMAT binary)",
                         [&](std::string_view row) {
                             if (!append_event(row, headers, events)) return;
                             OutboxEvent& event = events.events().back();
                             event.place = std::stoi(std::string(*event.headers.back().value));
                             event.headers.pop_back();
                             event.refused = std::ranges::binary_search(refused, event.place);
                         });
        std::ranges::sort(events.events(), {}, &OutboxEvent::place);
        return events;
    });
}

void CloudberryOutbox::open_reader() {
    if (reader_.is_open()) return;
    reader_.open();
    reader_.exec(reader_settings);
}

void CloudberryOutbox::begin_sweep(BatchNumber purged) {
    const std::string unclaimed =
        "COPY (SELECT " + table_.select + " FROM " + table_.qualified +
        " o LEFT JOIN (SELECT unnest(b.ids)::" + table_.id_type + " AS claimed_id FROM " +
        batches_ + " b WHERE b." + identity_.is_ours() + " AND b.kind = 'claim' AND b.batch > " +
        std::to_string(purged) + ") c ON c.claimed_id = o." + table_.id +
        " WHERE c.claimed_id IS NULL ORDER BY " + table_.order + ") TO STDOUT (FORMAT binary)";
    heeded([&] {
        open_reader();
        sweeping_ = is_done([&] { reader_.start_copy_out(unclaimed); });
    });
}

EventBatch CloudberryOutbox::read(const EventLimits& limits) {
    EventBatch events;
    if (!sweeping_) return events;
    heeded([&] {
        const bool done = is_done([&] {
            while (events.events().size() < limits.rows && events.bytes() < limits.bytes) {
                const auto row = reader_.next_row();
                if (!row) {
                    sweeping_ = false;
                    break;
                }
                append_event(*row, table_.headers, events);
            }
        });
        if (!done) {
            sweeping_ = false;
            events = {};
        }
    });
    return events;
}

bool CloudberryOutbox::is_done(const std::function<void()>& read) const {
    try {
        read();
    } catch (const DatabaseError&) {
        if (!reader_.is_interrupted()) throw;
        return false;
    }
    return true;
}

void CloudberryOutbox::end_sweep() noexcept {
    if (sweeping_) reader_.stop_copy_out();
    sweeping_ = false;
    if (!lost_.exchange(false)) return;
    // Both are made anew at once, instead of each being found broken by a try of its own.
    reader_.close();
    books_.close();
}

ClaimResult CloudberryOutbox::claim(BatchNumber number, BatchNumber last,
                                    const EventBatch& events) {
    return heeded([&] {
        return insert_claim(books_, identity_,
                            {.number = number, .last = last, .ids = ids_of(events)});
    });
}

std::string CloudberryOutbox::decision(BatchNumber number, int round, const char* kind,
                                       const std::string& places) const {
    return "INSERT INTO " + batches_ +
           " (relay, batch, round, kind, ids, writer, revision) VALUES (" +
           quote_literal(identity_.relay) + ", " + std::to_string(number) + ", " +
           std::to_string(round) + ", '" + kind + "', '" + places + "', " +
           quote_literal(identity_.writer) + ", " + quote_literal(identity_.revision) + ")";
}

DecisionResult CloudberryOutbox::take_over(ClaimedBatch& batch) {
    return heeded([&] {
        try {
            books_.run(decision(batch.number, batch.round + 1, "taken_over", "{}"));
        } catch (const DatabaseError& error) {
            if (error.sqlstate() != unique_violation) throw;
            return DecisionResult::outrun;
        }
        ++batch.round;
        return DecisionResult::decided;
    });
}

std::string CloudberryOutbox::refused_values(BatchNumber number, const EventBatch& events,
                                             const std::vector<Refusal>& refusals) const {
    std::string values;
    for (const Refusal& refusal : refusals) {
        const OutboxEvent& event = events.events()[refusal.event];
        std::optional<std::string> headers;
        std::string detail = refusal.detail;
        if (refusal.reason == RefusalReason::bad_headers) {
            headers = std::string(event.headers_json.value_or(""));
            if (!event.headers.empty()) {
                detail += "; besides, from columns of their own: " + headers_json(event.headers);
            }
        } else if (!event.headers.empty()) {
            headers = headers_json(event.headers);
        }
        if (!values.empty()) values += ", ";
        values += "(" + quote_literal(identity_.relay) + ", " + std::to_string(number) + ", " +
                  std::to_string(event.place) + ", " + quote_literal(event.id) + ", " +
                  text_or_null(event.topic) + ", " +
                  (event.partition ? std::to_string(*event.partition) : "NULL") + ", " +
                  bytea_or_null(event.key) + ", " + bytea_or_null(event.value) + ", " +
                  text_or_null(headers) + ", " + std::to_string(event.timestamp_ms) + ", " +
                  quote_literal(name_of(refusal.reason)) + ", " + quote_literal(detail) + ")";
    }
    return values;
}

DecisionResult CloudberryOutbox::refuse(BatchNumber number, int round, const EventBatch& events,
                                        const std::vector<Refusal>& refusals) {
    std::vector<std::int64_t> places;
    for (const Refusal& refusal : refusals) places.push_back(events.events()[refusal.event].place);
    return heeded([&] {
        try {
            // One message, hence one transaction, which no frozen client can hold open.
            books_.run(decision(number, round, "refused", array_literal(places)) +
                       "; INSERT INTO " + identity_.own_table("refused_event") +
                       " (relay, batch, place, id, topic, kafka_partition, key, value, headers,"
                       " timestamp_ms, reason, detail) VALUES " +
                       refused_values(number, events, refusals));
        } catch (const DatabaseError& error) {
            if (error.sqlstate() != unique_violation) throw;
            return DecisionResult::outrun;
        }
        return DecisionResult::decided;
    });
}

}  // namespace sluice
