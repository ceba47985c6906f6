// Several statements in one message, COPY in blocks of ours, answers that are read while other
// statements are on their way.
#include "sinks/session/session_link.h"

#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <map>

namespace sluice {
namespace {

// Between two looks whether anybody still wants what is waited for.
constexpr std::chrono::milliseconds glance{100};

[[nodiscard]] bool send_offer(PGconn* connection, const std::string& statement,
                              const std::vector<const std::string*>& values, bool binary) {
    std::vector<const char*> texts;
    std::vector<int> sizes;
    for (const std::string* value : values) {
        texts.push_back(value->c_str());
        sizes.push_back(static_cast<int>(value->size()));
    }
    const std::vector<int> formats(values.size(), binary ? 1 : 0);
    return PQsendQueryPrepared(connection, statement.c_str(), static_cast<int>(values.size()),
                               texts.data(), sizes.data(), formats.data(), 0) == 1 &&
           PQpipelineSync(connection) == 1;
}

}  // namespace

void Session::send(const std::string& sql) {
    PGconn* connection = link().raw();
    if (PQsendQuery(connection, sql.c_str()) != 1) break_off(details_of(connection, nullptr));
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
            break_off(details_of(connection, result.get()));
        }
        data.remove_prefix(part.size());
    }
}

std::int64_t Session::end_copy() {
    PGconn* connection = link().raw();
    const bool sent = PQputCopyEnd(connection, nullptr) == 1;
    const Result result{PQgetResult(connection)};
    if (sent && result && PQresultStatus(result.get()) == PGRES_COMMAND_OK) {
        note_step();
        return std::strtoll(PQcmdTuples(result.get()), nullptr, 10);
    }
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
    note_step();
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

Rows Session::exec_while(const std::string& sql, const std::function<bool()>& wanted) {
    send(sql);
    while (!answers_within(glance))
        if (!wanted()) {
            link_->cancel();
            break;
        }
    return answer(true);
}

std::string Session::run(const std::string& sql) {
    send(sql);
    return finish();
}

void Session::start_copy_out(const std::string& sql) {
    send(sql);
    while (!answers_within(glance)) heed_interruption();
    const Result result{PQgetResult(link_->raw())};
    if (result && PQresultStatus(result.get()) == PGRES_COPY_OUT) return;
    auto details = details_of(link_->raw(), result.get());
    link_->drain();
    fail(std::move(details));
}

std::optional<std::string_view> Session::next_row() {
    Link& connected = link();
    PGconn* const connection = connected.raw();
    char* data = nullptr;
    int size = PQgetCopyData(connection, &data, 1);
    while (size == 0 && PQconsumeInput(connection) == 1) {
        size = PQgetCopyData(connection, &data, 1);
        if (size != 0) break;
        heed_interruption();
        pollfd socket{.fd = PQsocket(connection), .events = POLLIN, .revents = 0};
        ::poll(&socket, 1, static_cast<int>(glance.count()));
    }
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

void Session::heed_interruption() {
    if (!interrupted_) return;
    stop_copy_out();
    throw DatabaseError({"57014", "interrupted, since it is not wanted any more", {}});
}

void Session::copy_out(const std::string& sql,
                       const std::function<void(std::string_view)>& on_row) {
    start_copy_out(sql);
    while (const auto row = next_row()) on_row(*row);
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
    if (PQenterPipelineMode(connection) != 1) break_off(details_of(connection, nullptr));
    while (answers.size() < offer.sets.size()) {
        const std::size_t end = std::min(answers.size() + under_way, offer.sets.size());
        for (std::size_t i = answers.size(); i < end; ++i)
            if (!send_offer(connection, statements[offer.sets[i].size()], offer.sets[i],
                            offer.binary))
                break_off(details_of(connection, nullptr));
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
        if (status == PGRES_PIPELINE_SYNC) {
            note_step();
            return refused;
        }
        if (result && status != PGRES_TUPLES_OK)
            refused = DatabaseError(details_of(connection, result.get()));
        if (PQstatus(connection) == CONNECTION_BAD) fail(details_of(connection, result.get()));
    }
}

}  // namespace sluice
