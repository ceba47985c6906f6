#pragma once

#include "daemon/admin/admin_server.h"
#include "daemon/admin/daemon_status.h"
#include "daemon/reload/reloader.h"
#include "daemon/supervisor/observatory.h"
#include "daemon/supervisor/supervisor.h"
#include "metrics/registry.h"

#include <chrono>
#include <string>

namespace sluice {

/// The admin server joined to the process: what it shows are snapshots, what it changes goes
/// through the same queues as everything else. Its parts outlive it.
class Admin {
public:
    struct Parts {
        metrics::Registry& registry;
        Observatory& observatory;
        Supervisor& supervisor;
        Reloader& reloader;
    };
    explicit Admin(const Parts& parts);

    /// AdminServer's. Until then it listens nowhere.
    void listen(const std::string& address) { server_.listen(address); }
    [[nodiscard]] std::string move_to(const std::string& address) {
        return server_.move_to(address);
    }

private:
    [[nodiscard]] DaemonStatus status() const;

    const Parts parts_;
    const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
    AdminServer server_;  // last: its threads use what is above
};

}  // namespace sluice
