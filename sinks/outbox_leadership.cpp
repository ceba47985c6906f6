#include "sinks/outbox_leadership.h"

#include "pipeline/errors.h"

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
    if (held_ && hold()) return true;
    try {
        session_.run(begin);
        held_ = session_
                    .exec(
                        "SELECT pg_try_advisory_xact_lock(hashtext('sluice.outbox'),"
                        " hashtext($1))",
                        {key_})
                    .text(0, 0) == "t";
        asked_ = std::chrono::steady_clock::now();
        if (!held_) session_.run("ROLLBACK");
        return held_;
    } catch (const DatabaseError& error) {
        release();
        throw TroubleOfTheWorld(std::string("outbox: ") + error.what());
    }
}

bool AdvisoryLeadership::hold() {
    const auto now = std::chrono::steady_clock::now();
    if (!held_ || now - asked_ < renewal) return held_;
    try {
        session_.exec("SELECT 1");
        asked_ = now;
    } catch (const DatabaseError&) {
        release();
    }
    return held_;
}

void AdvisoryLeadership::release() noexcept {
    held_ = false;
    session_.close();
}

}  // namespace sluice
