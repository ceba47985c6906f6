#include "sinks/load/segments/segment_transfer.h"

#include "config/text/units.h"
#include "pipeline/fail_point.h"
#include "pipeline/log.h"
#include "sinks/session/server_family.h"
#include "sinks/session/sql_text.h"

#include <atomic>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

namespace sluice {
namespace {

/// Serves rows for as long as it is there.
class OnOffer {
public:
    OnOffer(segments::Channel& channel, const EncodedRows& rows, std::size_t most_segments)
        : channel_(channel) {
        channel_.open(rows, most_segments);
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

std::string remedy_of_way(const segments::Server& server) {
    const std::string url = server.url("");
    const std::string at = url.substr(url.find("//") + 2) + "/";
    const std::string reach =
        "each segment's host must reach that address: look at advertise in [segments], at the "
        "port in the Service and NetworkPolicy, and at firewalls";
    if (!url.starts_with("gpfdists:"))
        return reach + "; curl -i http://" + at + " answers there with 400 or 404";
    return reach +
           ", and at the certificates: in the folder gpfdists of each segment's data directory, "
           "curl -i --cacert root.crt --cert client.crt --key client.key https://" +
           at + " answers with 400 or 404";
}

std::string remedy_of_rights(const std::string& role) {
    return "ALTER ROLE " + role +
           " CREATEEXTTABLE (type='readable', protocol='gpfdist'), and GRANT TEMPORARY on the "
           "database";
}

SegmentTransfer::SegmentTransfer(Session& session, SegmentRoute route, Into into)
    : session_(session),
      route_(std::move(route)),
      into_(std::move(into)),
      counts_(route_.server == nullptr ? nullptr : route_.server->counts_of(route_.pipeline)) {}

std::int64_t SegmentTransfer::insert(const EncodedRows& rows) {
    try {
        // Who listens there instead has none of these rows.
        if (route_.server->listening().empty())
            give_up(not_delivered("this daemon does not listen for segments: its address is taken, "
                                  "perhaps by another daemon of this host"),
                    "set another address as listen in [segments]; ss -ltnp shows who has it");
        prepare();
        const std::int64_t inserted = run_insert(rows);
        if (limits_time_) session_.run("SET LOCAL statement_timeout = 0");
        SLUICE_FAIL_POINT("segments_read");
        if (counts_->way.open())
            log(LogLevel::info, route_.pipeline, "segments fetch its rows again");
        return inserted;
    } catch (const SegmentsClosed&) {
        throw;
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
                      limit +
                      "', true) END,"
                      " coalesce(current_setting('gp_external_max_segs', true), '0')");
    limits_time_ = state.rows[0][1].has_value();
    const std::size_t most = std::stoul(state.text(0, 2));
    most_segments_ = most == 0 ? std::numeric_limits<std::size_t>::max() : most;
    if (state.text(0, 0) == "t" && channel_->location() == location_) return;
    static std::atomic<int> tables = 0;
    table_ = "sluice_segments_" + std::to_string(++tables);
    channel_.emplace(*route_.server, route_.pipeline);
    location_ = channel_->location();
    make_table();
}

/// What no table can be made for is nothing that a row could be blamed for.
void SegmentTransfer::make_table() {
    const bool has_segments = is_mpp(session_.family());
    const std::string columns = definition();
    try {
        session_.run("CREATE READABLE EXTERNAL TEMP TABLE " + table_ + " (" + columns +
                     ") LOCATION (" + quote_literal(location_) + ") FORMAT 'TEXT' ENCODING 'UTF8'");
    } catch (const DatabaseError& error) {
        if (error.trouble() == Trouble::world || error.trouble() == Trouble::again) throw;
        if (!has_segments)
            close_way(DatabaseError({error.sqlstate(), no_segments, {}}), "set load = \"copy\"");
        close_way(error, error.sqlstate() == "42501" ? remedy_of_rights("…") : "run sluice check");
    }
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
    for (const std::string& column : into_.columns) {
        const auto type = types.find(column);
        if (type == types.end())
            throw DatabaseError(
                {"42703", into_.relation + " has no column \"" + column + "\"", {}});
        definition +=
            (definition.empty() ? "" : ", ") + quote_identifier(column) + " " + type->second;
    }
    return definition;
}

struct SegmentTransfer::Attempt {
    std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
    bool given_up = false;  ///< since segments did not come

    [[nodiscard]] auto lasted() const { return std::chrono::steady_clock::now() - began; }
};

std::int64_t SegmentTransfer::run_insert(const EncodedRows& rows) {
    const std::string columns = identifier_list(into_.columns);
    OnOffer on_offer(*channel_, rows, most_segments_);
    Attempt attempt;
    const auto wanted = [&] {
        attempt.given_up = route_.unfetched == SegmentRoute::Unfetched::copy &&
                           channel_->missing_for() > route_.patience;
        return !attempt.given_up;
    };
    segments::Delivery delivery;
    try {
        const std::int64_t inserted =
            session_
                .exec_while("INSERT INTO " + into_.relation + " (" + columns + ") SELECT " +
                                columns + " FROM pg_temp." + table_,
                            wanted)
                .affected;
        delivery = on_offer.end();
        if (!delivery.failure.empty()) throw not_delivered(delivery.failure);
        if (delivery.rows != rows.rows.size())
            throw not_delivered("segments have read " + std::to_string(delivery.rows) + " of " +
                                std::to_string(rows.rows.size()) + " rows");
        return inserted;
    } catch (const DatabaseError& error) {
        if (delivery.scan.empty()) delivery = on_offer.end();
        const DatabaseError wrong = what_went_wrong(error, attempt, delivery);
        give_up(wrong, remedy_of_way(*route_.server) +
                           (attempt.given_up
                                ? ", unless the statement waits in the database, for a lock or in "
                                  "a resource queue: pg_stat_activity"
                                : ""));
    }
}

DatabaseError SegmentTransfer::what_went_wrong(const DatabaseError& error, const Attempt& attempt,
                                               const segments::Delivery& delivery) const {
    // What we told segments ourselves comes back as an error of the data.
    if (error.sqlstate() == "22000" && !delivery.failure.empty())
        return not_delivered(delivery.failure);
    const bool is_cancelled = error.sqlstate() == "57014" && error.trouble() == Trouble::world;
    if (!is_cancelled) return error;
    const std::string seen =
        delivery.readers == 0
            ? "no segment came for the rows"
            : std::to_string(delivery.readers) + " of " + std::to_string(delivery.segments) +
                  " segments came, and read " + std::to_string(delivery.rows) + " rows";
    if (attempt.given_up)
        return not_delivered(seen + ", and nothing happened for " +
                             config::format_duration(route_.patience));
    if (limits_time_ && attempt.lasted() >= route_.server->timeout())
        return DatabaseError({"57014",
                              seen + ": the statement took " +
                                  config::format_duration(route_.server->timeout()) +
                                  ", which is timeout in [segments]",
                              {}});
    return error;
}

void SegmentTransfer::give_up(const DatabaseError& error, const std::string& remedy) {
    if (goes_by_copy_after(error)) close_way(error, remedy);
    throw DatabaseError(error);
}

/// Where the connection is there still, it is not to blame.
bool SegmentTransfer::goes_by_copy_after(const DatabaseError& error) const {
    if (route_.unfetched != SegmentRoute::Unfetched::copy || !session_.is_open()) return false;
    const std::string& code = error.sqlstate();
    return (code.starts_with("08") && code != "08P01") ||
           (code == "57014" && error.trouble() == Trouble::world);
}

void SegmentTransfer::close_way(const DatabaseError& error, const std::string& remedy) {
    const DatabaseError shown = without_secrets(error);
    const SegmentsClosed closed({"08006", shown.details().message, {}});
    if (route_.unfetched == SegmentRoute::Unfetched::say) throw closed;
    if (counts_->way.close())
        log(LogLevel::warn, route_.pipeline,
            std::string("segments do not fetch its rows from ") + route_.server->url("") + ": " +
                shown.what() +
                "; its rows go by COPY, and segments are tried again, now and then: " + remedy);
    throw closed;
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
