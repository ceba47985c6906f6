#include "sinks/session/session_link.h"

#include "pipeline/errors.h"

#include <charconv>

namespace sluice {
namespace {

std::string conninfo_value(std::string_view text) {
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + "'";
}

/// The DSN with what it leaves open filled in.
std::string complete_dsn(const std::string& dsn, const std::string& application_name) {
    struct Default {
        const char* keyword;
        std::string value;
    };
    // A connection whose other end is gone must be noticed within a minute, also in mid-COMMIT.
    const Default defaults[] = {
        {"connect_timeout", "10"},     {"keepalives_idle", "15"},
        {"keepalives_interval", "5"},  {"keepalives_count", "3"},
        {"tcp_user_timeout", "45000"}, {"application_name", application_name}};
    char* message = nullptr;
    PQconninfoOption* options = PQconninfoParse(dsn.c_str(), &message);
    PQfreemem(message);  // may quote a piece of the password, so nobody gets to see it
    if (options == nullptr)
        throw WrongConfiguration(
            "cloudberry.dsn: not a connection string that libpq understands; write "
            "\"host=… dbname=… user=…\" or \"postgresql://…\", with quotes around values that hold "
            "spaces");
    std::string complete;
    const auto add = [&](std::string_view keyword, std::string_view value) {
        complete.append(keyword).append("=").append(conninfo_value(value)).append(" ");
    };
    for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
        if (std::string_view(option->keyword) == "client_encoding") continue;
        if (option->val != nullptr) {
            add(option->keyword, option->val);
            continue;
        }
        for (const Default& d : defaults)
            if (std::string_view(option->keyword) == d.keyword) add(d.keyword, d.value);
    }
    add("client_encoding", "UTF8");
    PQconninfoFree(options);
    return complete;
}

/// Settings that our statements rely on. Timeouts only where neither the role nor the DSN has any:
/// a frozen daemon must not hold its progress row for ever, and a wait must become visible. A
/// COMMIT that the server can still lose is none to Kafka's side: a claim that is sent would be
/// gone.
constexpr const char* session_settings =
    "SELECT set_config('standard_conforming_strings', 'on', false),"
    " set_config('datestyle', 'ISO', false);"
    "SELECT set_config(name, CASE name WHEN 'lock_timeout' THEN '30s'"
    " WHEN 'synchronous_commit' THEN 'on' ELSE '60s' END, false) FROM pg_settings"
    " WHERE name IN ('lock_timeout', 'idle_in_transaction_session_timeout') AND setting = '0'"
    " OR name = 'synchronous_commit' AND setting = 'off'";

/// The first line of what libpq says of a connection: "FATAL:  text\n…" → "text". It has words for
/// programmers where it was given a connection that had already broken.
std::string complaint_of(PGconn* connection) {
    std::string_view text = PQerrorMessage(connection);
    text = text.substr(0, text.find('\n'));
    for (const std::string_view severity : {"ERROR:  ", "FATAL:  ", "PANIC:  "})
        if (const auto at = text.find(severity); at != std::string_view::npos)
            text.remove_prefix(at + severity.size());
    const bool says_why = !text.empty() && text.find("connection not open") == text.npos &&
                          text.find("no connection to the server") == text.npos;
    return says_why ? std::string(text) : "the connection to the database broke";
}

/// Behind what an MPP database's segment says, its coordinator says which process of it that was,
/// "division by zero  (seg1 slice1 10.0.0.1:6001 pid=4711)": no two rows would be refused alike.
void leave_out_segment(std::string& message) {
    const auto at = message.rfind("  (seg");
    if (at == std::string::npos || at + 6 == message.size() || !message.ends_with(")")) return;
    const bool is_numbered = message[at + 6] >= '0' && message[at + 6] <= '9';
    if (is_numbered && message.find(" pid=", at) != std::string::npos) message.erase(at);
}

}  // namespace

DatabaseError::Details details_of(PGconn* connection, const PGresult* result) {
    const auto field = [&](int code) {
        const char* text = result == nullptr ? nullptr : PQresultErrorField(result, code);
        return std::string(text == nullptr ? "" : text);
    };
    DatabaseError::Details details;
    details.sqlstate = field(PG_DIAG_SQLSTATE);
    details.message = field(PG_DIAG_MESSAGE_PRIMARY);
    leave_out_segment(details.message);
    details.context = field(PG_DIAG_CONTEXT);
    details.column = field(PG_DIAG_COLUMN_NAME);
    details.constraint = field(PG_DIAG_CONSTRAINT_NAME);
    details.table = field(PG_DIAG_TABLE_NAME);
    const std::string position = field(PG_DIAG_STATEMENT_POSITION);
    std::from_chars(position.data(), position.data() + position.size(), details.position);
    if (details.message.empty()) details.message = complaint_of(connection);
    // The detail names the values ("Key (id)=(7) already exists."): what a dead letter needs.
    if (const std::string detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty())
        details.message += ": " + detail;
    return details;
}

Session::Link::Link(const std::string& dsn, const std::string& application_name)
    : connection(PQconnectdb(complete_dsn(dsn, application_name).c_str())) {
    if (PQstatus(raw()) != CONNECTION_OK)
        throw DatabaseError({{}, "cannot connect to the database: " + complaint_of(raw()), {}});
    PQsetNoticeReceiver(
        raw(), [](void*, const PGresult*) {}, nullptr);
    const Result result{PQexec(raw(), session_settings)};
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
        throw DatabaseError(details_of(raw(), result.get()));
}

void Session::Link::drain() {
    while (const Result result{PQgetResult(raw())}) {
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_COPY_IN && PQputCopyEnd(raw(), "not needed any more") < 0) return;
        if (status == PGRES_COPY_OUT) {
            char* data = nullptr;
            while (PQgetCopyData(raw(), &data, 0) > 0) PQfreemem(data);
        }
        if (PQstatus(raw()) == CONNECTION_BAD) return;
    }
}

void Session::Link::cancel() {
    PGcancel* const request = PQgetCancel(raw());
    char error[256];
    if (request != nullptr) PQcancel(request, error, sizeof error);
    PQfreeCancel(request);
}

}  // namespace sluice
