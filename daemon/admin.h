#pragma once

#include "config/admin.h"
#include "daemon/admin_server.h"
#include "daemon/daemon_status.h"
#include "daemon/observatory.h"
#include "daemon/reloader.h"
#include "daemon/supervisor.h"
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
    Admin(const config::Admin& config, const Parts& parts);

private:
    [[nodiscard]] DaemonStatus status() const;

    const Parts parts_;
    const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
    AdminServer server_;  // last: its threads use what is above
};

}  // namespace sluice
