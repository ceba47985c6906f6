#include "sinks/session.h"

#include "pipeline/errors.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <pqxx/pqxx>
#include <set>
#include <utility>

namespace sluice {
namespace {

std::string describe(const DatabaseError::Details& details) {
    std::string text = details.message;
    if (!details.sqlstate.empty()) text += " (SQLSTATE " + details.sqlstate + ")";
    if (const std::string_view what_to_do = remedy(details.sqlstate); !what_to_do.empty())
        text.append("; ").append(what_to_do);
    return text;
}

/// "ERROR:  text\nCONTEXT:  …" → "text": what libpqxx hands out is the whole block.
std::string primary(std::string_view block) {
    block = block.substr(0, block.find('\n'));
    for (const std::string_view severity : {"ERROR:  ", "FATAL:  ", "PANIC:  "})
        if (const auto at = block.find(severity); at != std::string_view::npos)
            block.remove_prefix(at + severity.size());
    return std::string(block.empty() ? "the connection broke" : block);
}

struct ClearResult {
    void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;

/// A result's error, or why there is none: the connection broke.
DatabaseError::Details details_of(PGconn* connection, const PGresult* result) {
    const auto field = [&](int code) {
        const char* text = result == nullptr ? nullptr : PQresultErrorField(result, code);
        return std::string(text == nullptr ? "" : text);
    };
    DatabaseError::Details details;
    details.sqlstate = field(PG_DIAG_SQLSTATE);
    details.message = field(PG_DIAG_MESSAGE_PRIMARY);
    details.context = field(PG_DIAG_CONTEXT);
    details.column = field(PG_DIAG_COLUMN_NAME);
    details.constraint = field(PG_DIAG_CONSTRAINT_NAME);
    if (details.message.empty()) details.message = primary(PQerrorMessage(connection));
    // The detail names the values ("Key (id)=(7) already exists."): what a dead letter needs.
    if (const std::string detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty())
        details.message += ": " + detail;
    return details;
}

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
/// a frozen daemon must not hold its progress row for ever, and a wait must become visible.
constexpr const char* session_settings =
    "SELECT set_config('standard_conforming_strings', 'on', false),"
    " set_config('datestyle', 'ISO', false);"
    "SELECT set_config(name, CASE name WHEN 'lock_timeout' THEN '30s' ELSE '60s' END, false)"
    " FROM pg_settings"
    " WHERE name IN ('lock_timeout', 'idle_in_transaction_session_timeout') AND setting = '0'";

/// Receives the connection that libpqxx makes, and lets it make one only: a statement must never
/// run in another session than the one that its transaction began in.
class OnceOnly : public pqxx::connectionpolicy {
public:
    using pqxx::connectionpolicy::connectionpolicy;
    handle do_startconnect(handle original) override {
        // libpqxx asks twice while it connects, and again to revive what broke.
        if (connection == nullptr) connection = normalconnect(original);
        if (connection != original && original != nullptr) throw pqxx::broken_connection();
        if (PQstatus(connection) != CONNECTION_OK) throw pqxx::broken_connection();
        return connection;
    }
    handle connection = nullptr;
};

class Connection : public pqxx::connection_base {
public:
    explicit Connection(const std::string& dsn) : connection_base(policy_), policy_(dsn) {
        init();
        PQsetNoticeReceiver(
            raw(), [](void*, const PGresult*) {}, nullptr);
    }
    ~Connection() { close(); }
    [[nodiscard]] PGconn* raw() const { return policy_.connection; }

private:
    OnceOnly policy_;
};

Rows rows_of(const pqxx::result& result) {
    Rows rows;
    rows.affected = static_cast<std::int64_t>(result.affected_rows());
    rows.rows.reserve(result.size());
    for (const auto& from : result) {
        Row& row = rows.rows.emplace_back();
        for (const auto& field : from)
            row.push_back(field.is_null() ? Cell()
                                          : Cell(std::string(field.c_str(), field.size())));
    }
    return rows;
}

/// Whatever fails here shows when the answer is read.
void send_offer(PGconn* connection, const std::string& statement,
                const std::vector<const std::string*>& values, bool binary) {
    std::vector<const char*> texts;
    std::vector<int> sizes;
    for (const std::string* value : values) {
        texts.push_back(value->c_str());
        sizes.push_back(static_cast<int>(value->size()));
    }
    const std::vector<int> formats(values.size(), binary ? 1 : 0);
    PQsendQueryPrepared(connection, statement.c_str(), static_cast<int>(values.size()),
                        texts.data(), sizes.data(), formats.data(), 0);
    PQpipelineSync(connection);
}

std::vector<const char*> pointers(const Row& parameters) {
    std::vector<const char*> texts;
    texts.reserve(parameters.size());
    for (const Cell& value : parameters) texts.push_back(value ? value->c_str() : nullptr);
    return texts;
}

}  // namespace

DatabaseError::DatabaseError(Details details)
    : runtime_error(describe(details)),
      details_(std::move(details)),
      trouble_(classify(details_.sqlstate, details_.message)) {}

std::int64_t Rows::number(std::size_t row, std::size_t column) const {
    return std::strtoll(text(row, column).c_str(), nullptr, 10);
}

struct Session::Link {
    explicit Link(const std::string& dsn) : connection(dsn), statements(connection) {}

    [[nodiscard]] PGconn* raw() const { return connection.raw(); }
    /// Reads the answer to its end. Terminates also on a broken connection.
    void drain() {
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

    /// Asks the server to cancel what it does, over a connection of its own.
    void cancel() {
        PGcancel* const request = PQgetCancel(raw());
        char error[256];
        if (request != nullptr) PQcancel(request, error, sizeof error);
        PQfreeCancel(request);
    }

    Connection connection;
    pqxx::nontransaction statements;
    std::set<std::string> prepared;
    std::unique_ptr<char, void (*)(void*)> row{nullptr, PQfreemem};  // of a COPY … TO STDOUT
};

Session::Session(std::string dsn, std::string application_name)
    : dsn_(std::move(dsn)), application_name_(std::move(application_name)) {}

Session::~Session() = default;

void Session::open() {
    if (link_) return;
    try {
        auto fresh = std::make_unique<Link>(complete_dsn(dsn_, application_name_));
        fresh->statements.exec(session_settings);
        link_ = std::move(fresh);
    } catch (const pqxx::sql_error& error) {
        throw DatabaseError({error.sqlstate(), primary(error.what()), {}, {}});
    } catch (const pqxx::failure& error) {
        throw DatabaseError(
            {{}, "cannot connect to the database: " + primary(error.what()), {}, {}});
    }
}

void Session::close() {
    link_.reset();
}

Session::Link& Session::link() {
    open();
    return *link_;
}

void Session::fail(DatabaseError::Details details) {
    if (link_ && PQstatus(link_->raw()) == CONNECTION_BAD) close();
    throw DatabaseError(std::move(details));
}

int Session::server_version() {
    return link().connection.server_version();
}

template <typename Call>
Rows Session::guarded(Call call) {
    Link& connected = link();
    try {
        return rows_of(call(connected));
    } catch (const pqxx::sql_error& error) {
        fail({error.sqlstate(), primary(error.what()), {}, {}});
    } catch (const pqxx::failure& error) {
        close();
        throw DatabaseError({{}, primary(error.what()), {}, {}});
    }
}

Rows Session::exec(const std::string& sql) {
    return guarded([&](Link& link) { return link.statements.exec(sql); });
}

Rows Session::exec(const std::string& sql, const Row& parameters) {
    return guarded([&](Link& link) {
        return link.statements.exec_params(
            sql, pqxx::prepare::make_dynamic_params(pointers(parameters)));
    });
}

Rows Session::exec_prepared(const std::string& name, const std::string& sql,
                            const Row& parameters) {
    return guarded([&](Link& link) {
        if (link.prepared.insert(name).second) link.connection.prepare(name, sql);
        return link.statements.exec_prepared(
            name, pqxx::prepare::make_dynamic_params(pointers(parameters)));
    });
}

std::string Session::prepare_offer(std::int64_t type, std::size_t parameters) {
    const std::string name = "offer_" + std::to_string(type) + "_" + std::to_string(parameters);
    Link& connected = link();
    if (connected.prepared.contains(name)) return name;
    const std::vector<Oid> types(parameters, static_cast<Oid>(type));
    const Result result{PQprepare(connected.raw(), name.c_str(), "SELECT 1",
                                  static_cast<int>(parameters), types.data())};
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK)
        fail(details_of(connected.raw(), result.get()));
    connected.prepared.insert(name);
    return name;
}

std::vector<std::optional<DatabaseError>> Session::offer(const Offer& offer) {
    // So few answers fit into any socket's buffer: neither side waits for the other to read.
    constexpr std::size_t under_way = 64;
    std::set<std::size_t> sizes;
    for (const auto& set : offer.sets) sizes.insert(set.size());
    std::map<std::size_t, std::string> statements;
    for (const std::size_t size : sizes) statements[size] = prepare_offer(offer.type, size);
    PGconn* const connection = link().raw();
    std::vector<std::optional<DatabaseError>> answers;
    answers.reserve(offer.sets.size());
    if (PQenterPipelineMode(connection) != 1) fail(details_of(connection, nullptr));
    while (answers.size() < offer.sets.size()) {
        const std::size_t end = std::min(answers.size() + under_way, offer.sets.size());
        for (std::size_t i = answers.size(); i < end; ++i)
            send_offer(connection, statements[offer.sets[i].size()], offer.sets[i], offer.binary);
        while (answers.size() < end) answers.push_back(offer_answer());
    }
    PQexitPipelineMode(connection);
    return answers;
}

/// A statement's result, the NULL behind it, and the end of its transaction.
std::optional<DatabaseError> Session::offer_answer() {
    PGconn* const connection = link_->raw();
    std::optional<DatabaseError> refused;
    for (;;) {
        const Result result{PQgetResult(connection)};
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_PIPELINE_SYNC) return refused;
        if (result && status != PGRES_TUPLES_OK)
            refused = DatabaseError(details_of(connection, result.get()));
        if (PQstatus(connection) == CONNECTION_BAD) fail(details_of(connection, result.get()));
    }
}

void Session::send(const std::string& sql) {
    PGconn* connection = link().raw();
    if (PQsendQuery(connection, sql.c_str()) == 1) return;
    DatabaseError::Details details = details_of(connection, nullptr);
    close();
    throw DatabaseError(std::move(details));
}

void Session::await_copy() {
    PGconn* connection = link().raw();
    while (const Result result{PQgetResult(connection)}) {
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_COPY_IN) return;
        if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) continue;
        auto details = details_of(connection, result.get());
        link_->drain();
        fail(std::move(details));
    }
    fail({"XX000", "the server answered without starting the COPY", {}, {}});
}

void Session::put(std::string_view data) {
    // libpq takes an int; this also bounds what it buffers at once.
    constexpr std::size_t block = 128u << 10;
    PGconn* connection = link().raw();
    while (!data.empty()) {
        const std::string_view part = data.substr(0, block);
        if (PQputCopyData(connection, part.data(), static_cast<int>(part.size())) != 1) {
            // The server may have said why before it hung up.
            const Result result{PQgetResult(connection)};
            auto details = details_of(connection, result.get());
            close();
            throw DatabaseError(std::move(details));
        }
        data.remove_prefix(part.size());
    }
}

std::int64_t Session::end_copy() {
    PGconn* connection = link().raw();
    const bool sent = PQputCopyEnd(connection, nullptr) == 1;
    const Result result{PQgetResult(connection)};
    if (sent && result && PQresultStatus(result.get()) == PGRES_COMMAND_OK)
        return std::strtoll(PQcmdTuples(result.get()), nullptr, 10);
    auto details = details_of(connection, result.get());
    link_->drain();
    fail(std::move(details));
}

std::string Session::finish() {
    PGconn* connection = link().raw();
    std::string tag;
    while (const Result result{PQgetResult(connection)}) {
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
            tag = PQcmdStatus(result.get());
            continue;
        }
        auto details = details_of(connection, result.get());
        link_->drain();
        fail(std::move(details));
    }
    if (PQstatus(connection) == CONNECTION_BAD) fail(details_of(connection, nullptr));
    return tag;
}

bool Session::answers_within(std::chrono::milliseconds time) {
    PGconn* connection = link().raw();
    // Bytes that TLS holds already are not seen by poll().
    if (PQconsumeInput(connection) == 0 || PQisBusy(connection) == 0) return true;
    pollfd socket{.fd = PQsocket(connection), .events = POLLIN, .revents = 0};
    ::poll(&socket, 1, static_cast<int>(time.count()));
    return PQconsumeInput(connection) == 0 || PQisBusy(connection) == 0;
}

std::string Session::run(const std::string& sql) {
    send(sql);
    return finish();
}

void Session::start_copy_out(const std::string& sql) {
    send(sql);
    const Result result{PQgetResult(link_->raw())};
    if (result && PQresultStatus(result.get()) == PGRES_COPY_OUT) return;
    auto details = details_of(link_->raw(), result.get());
    link_->drain();
    fail(std::move(details));
}

std::optional<std::string_view> Session::next_row() {
    Link& connected = link();
    char* data = nullptr;
    const int size = PQgetCopyData(connected.raw(), &data, 0);
    connected.row.reset(data);
    if (size > 0) return std::string_view(data, static_cast<std::size_t>(size));
    finish();
    return std::nullopt;
}

void Session::stop_copy_out() noexcept {
    if (!link_) return;
    try {
        link_->cancel();
        link_->drain();
        if (PQstatus(link_->raw()) == CONNECTION_BAD) close();
    } catch (const std::exception&) {
        close();
    }
}

void Session::copy_out(const std::string& sql,
                       const std::function<void(std::string_view)>& on_row) {
    start_copy_out(sql);
    while (const auto row = next_row()) on_row(*row);
}

Transaction::Transaction(Session& session, const std::string& settings) : session_(session) {
    try {
        session_.run("BEGIN;" + settings);
    } catch (...) {
        roll_back();
        throw;
    }
}

void Transaction::commit() {
    try {
        const std::string tag = session_.run("COMMIT");
        open_ = false;
        // An error before it, overlooked: the server rolls back and calls that success.
        if (tag != "COMMIT")
            throw DatabaseError({"25P02", "the server answered COMMIT with " + tag, {}, {}});
    } catch (const DatabaseError& error) {
        open_ = false;
        // An error with the session alive is a refusal, e.g. of a deferred constraint. Anything
        // else may have come after the commit took effect.
        const bool refused = session_.is_open() && error.trouble() != Trouble::world;
        if (refused || error.sqlstate() == "25P02") throw;
        session_.close();
        throw OutcomeUnknown(error.what());
    }
}

void Transaction::roll_back() noexcept {
    if (!open_ || !session_.is_open()) return;
    open_ = false;
    try {
        session_.run("ROLLBACK");
    } catch (const std::exception&) {
        session_.close();
    }
}

std::string quote_identifier(std::string_view name) {
    std::string quoted = "\"";
    for (const char c : name) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + "\"";
}

std::string quote_literal(std::string_view text) {
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'') quoted += '\'';
        quoted += c;
    }
    return quoted + "'";
}

std::string array_literal(const std::vector<std::int64_t>& numbers) {
    std::string literal = "{";
    for (const std::int64_t number : numbers) {
        if (literal.size() > 1) literal += ',';
        char digits[24];
        literal.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
    }
    return literal + "}";
}

std::string array_literal(const std::vector<std::string>& texts) {
    std::string literal = "{";
    for (const std::string& text : texts) {
        if (literal.size() > 1) literal += ',';
        literal += '"';
        for (const char c : text) {
            if (c == '"' || c == '\\') literal += '\\';
            literal += c;
        }
        literal += '"';
    }
    return literal + "}";
}

std::vector<std::string> parse_array(std::string_view literal) {
    std::vector<std::string> texts;
    bool quoted = false;
    bool inside = false;
    for (std::size_t i = 1; i + 1 < literal.size(); ++i) {
        const char c = literal[i];
        if (!inside) {
            texts.emplace_back();
            inside = true;
        }
        if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            inside = false;
        } else if (c == '\\') {
            texts.back() += literal[++i];
        } else {
            texts.back() += c;
        }
    }
    return texts;
}

}  // namespace sluice
