#include "sinks/outbox_leadership.h"

#include "pipeline/errors.h"

#include <chrono>

namespace sluice {
namespace {

using namespace std::chrono_literals;

// Between two signs of life; the server's patience is ten times that.
constexpr auto renewal = 700ms;
constexpr const char* begin = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '7s'";

}  // namespace

AdvisoryLeadership::AdvisoryLeadership(const std::string& dsn, const RelayIdentity& identity)
    : key_(identity.schema + "." + identity.relay),
      session_(dsn, "sluice/" + identity.relay + " lead") {}

bool AdvisoryLeadership::acquire() {
    if (held_) return true;
    if (renewing_.joinable()) release();
    try {
        session_.run(begin);
        held_ = session_
                    .exec(
                        "SELECT pg_try_advisory_xact_lock(hashtext('sluice.outbox'),"
                        " hashtext($1))",
                        {key_})
                    .text(0, 0) == "t";
        if (!held_) session_.run("ROLLBACK");
    } catch (const DatabaseError& error) {
        release();
        throw TroubleOfTheWorld(std::string("outbox: ") + error.what());
    }
    if (held_) renewing_ = std::jthread([this](const std::stop_token& stop) { renew(stop); });
    return held_;
}

void AdvisoryLeadership::renew(const std::stop_token& stop) {
    std::unique_lock lock{mutex_};
    while (!ending_.wait_for(lock, stop, renewal, [&] { return stop.stop_requested(); })) {
        try {
            session_.exec("SELECT 1");
        } catch (const DatabaseError&) {
            held_ = false;
            return;
        }
    }
}

void AdvisoryLeadership::release() noexcept {
    if (renewing_.joinable()) {
        renewing_.request_stop();
        renewing_.join();
    }
    held_ = false;
    session_.close();
}

}  // namespace sluice
