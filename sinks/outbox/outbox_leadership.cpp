#include "sinks/outbox/outbox_leadership.h"

#include "pipeline/errors.h"
#include "pipeline/log.h"

#include <chrono>

namespace sluice {
namespace {

using namespace std::chrono_literals;

// The server's patience with a silent owner, after which the lead may be another's.
constexpr auto patience = 7s;
// Between two signs of life.
constexpr auto renewal = 700ms;
// How long a release waits at most for a server that does not answer.
constexpr auto glance = 100ms;
constexpr const char* begin = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '7s'";

}  // namespace

AdvisoryLeadership::AdvisoryLeadership(const std::string& dsn, const RelayIdentity& identity,
                                       std::chrono::milliseconds longest_step)
    : relay_(identity.relay),
      key_(identity.schema + "." + identity.relay),
      longest_step_(longest_step),
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
    asked_ = Clock::now();
    if (held_) renewing_ = std::jthread([this](const std::stop_token& stop) { renew(stop); });
    return held_;
}

void AdvisoryLeadership::renew(const std::stop_token& stop) {
    auto renewed = Clock::now();
    std::unique_lock lock{mutex_};
    while (!ending_.wait_for(lock, stop, renewal, [&] { return stop.stop_requested(); })) {
        if (Clock::now() - asked_.load() > longest_step_) {
            log(LogLevel::error, relay_, "the relay hangs: its lead is given up");
            held_ = false;
            session_.close();
            return;
        }
        try {
            session_.send("SELECT 1");
            while (!session_.answers_within(glance)) {
                if (stop.stop_requested()) return;
                if (Clock::now() - renewed < patience) continue;
                held_ = false;
                return;
            }
            session_.finish();
            renewed = Clock::now();
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
