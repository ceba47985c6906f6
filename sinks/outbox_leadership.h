#pragma once

#include "pipeline/outbox_ports.h"
#include "sinks/outbox_store.h"
#include "sinks/session.h"

#include <chrono>
#include <string>

namespace sluice {

/// An advisory lock in a transaction that reads nothing and that the server ends when its owner has
/// been silent for some seconds: a frozen relay loses the lead, as a dead one does at once.
class AdvisoryLeadership : public Leadership {
public:
    AdvisoryLeadership(const std::string& dsn, const RelayIdentity& identity);

    bool acquire() override;
    bool hold() override;
    void release() noexcept override;

private:
    const std::string key_;
    Session session_;
    std::chrono::steady_clock::time_point asked_;
    bool held_ = false;
};

}  // namespace sluice
