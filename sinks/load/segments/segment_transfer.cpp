#include "sinks/load/segments/segment_transfer.h"

#include "pipeline/fail_point.h"
#include "sinks/session/sql_text.h"

#include <atomic>
#include <map>
#include <string_view>
#include <utility>

namespace sluice {
namespace {

/// Serves rows for as long as it is there.
class OnOffer {
public:
    OnOffer(segments::Channel& channel, const EncodedRows& rows) : channel_(channel) {
        channel_.open(rows);
    }
    ~OnOffer() { channel_.close(); }
    OnOffer(const OnOffer&) = delete;
    OnOffer& operator=(const OnOffer&) = delete;

    segments::Delivery end() { return channel_.close(); }

private:
    segments::Channel& channel_;
};

/// Trouble of the world, whatever the database calls it.
DatabaseError not_delivered(const std::string& why) {
    return DatabaseError({"08006", why, {}});
}

std::string replaced(std::string text, std::string_view what) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at))
        text.replace(at, what.size(), "…");
    return text;
}

}  // namespace

SegmentTransfer::SegmentTransfer(Session& session, SegmentRoute route, Into into)
    : session_(session), route_(std::move(route)), into_(std::move(into)) {}

std::int64_t SegmentTransfer::insert(const EncodedRows& rows) {
    try {
        prepare();
        const std::int64_t inserted = run_insert(rows);
        if (limits_time_) session_.run("SET LOCAL statement_timeout = 0");
        SLUICE_FAIL_POINT("segments_read");
        return inserted;
    } catch (const DatabaseError& error) {
        throw without_secrets(error);
    }
}

/// One external table a session is enough, since what it reads changes; but whatever statement of
/// a session that is no more still runs somewhere must not find the rows of another.
void SegmentTransfer::prepare() {
    const std::string limit = std::to_string(route_.server->timeout().count());
    const Rows state =
        session_.exec("SELECT to_regclass('pg_temp." + (table_.empty() ? "none" : table_) +
                      "') IS NOT NULL, CASE current_setting('statement_timeout') WHEN '0' THEN"
                      " set_config('statement_timeout', '" +
                      limit + "', true) END");
    limits_time_ = state.rows[0][1].has_value();
    if (state.text(0, 0) == "t" && channel_->location() == location_) return;
    static std::atomic<int> tables = 0;
    table_ = "sluice_segments_" + std::to_string(++tables);
    channel_.emplace(*route_.server, route_.pipeline);
    location_ = channel_->location();
    session_.run("CREATE READABLE EXTERNAL TEMP TABLE " + table_ + " (" + definition() +
                 ") LOCATION (" + quote_literal(location_) + ") FORMAT 'TEXT' ENCODING 'UTF8'");
}

/// The relation's types: what COPY would read the same text as.
std::string SegmentTransfer::definition() {
    const Rows found = session_.exec(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = $1"
        "::regclass AND attnum > 0 AND NOT attisdropped",
        {into_.relation});
    std::map<std::string, std::string> types;
    for (std::size_t row = 0; row < found.rows.size(); ++row)
        types[found.text(row, 0)] = found.text(row, 1);
    std::string definition;
    for (const std::string& column : into_.columns)
        definition +=
            (definition.empty() ? "" : ", ") + quote_identifier(column) + " " + types[column];
    return definition;
}

std::int64_t SegmentTransfer::run_insert(const EncodedRows& rows) {
    const std::string columns = identifier_list(into_.columns);
    OnOffer on_offer(*channel_, rows);
    std::int64_t inserted = 0;
    try {
        inserted = session_
                       .exec("INSERT INTO " + into_.relation + " (" + columns + ") SELECT " +
                             columns + " FROM pg_temp." + table_)
                       .affected;
    } catch (const DatabaseError& error) {
        // What we told segments ourselves comes back as an error of the data.
        const std::string failure = on_offer.end().failure;
        if (error.sqlstate() == "22000" && !failure.empty()) throw not_delivered(failure);
        throw;
    }
    const segments::Delivery delivery = on_offer.end();
    if (!delivery.failure.empty()) throw not_delivered(delivery.failure);
    if (delivery.rows != rows.rows.size())
        throw not_delivered("segments have read " + std::to_string(delivery.rows) + " of " +
                            std::to_string(rows.rows.size()) + " rows");
    return inserted;
}

/// The path is what keeps others from reading the rows, and errors have it.
DatabaseError SegmentTransfer::without_secrets(const DatabaseError& error) const {
    if (!channel_) return error;
    DatabaseError::Details details = error.details();
    details.message = replaced(std::move(details.message), channel_->secret());
    details.context = replaced(std::move(details.context), channel_->secret());
    return DatabaseError(std::move(details));
}

}  // namespace sluice
