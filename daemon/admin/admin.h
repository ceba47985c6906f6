#pragma once

#include "daemon/admin/admin_server.h"
#include "daemon/admin/daemon_status.h"
#include "daemon/admin/history.h"
#include "daemon/admin/letter_retries.h"
#include "daemon/admin/pipeline_books.h"
#include "daemon/admin/stopped_lag.h"
#include "daemon/reload/reloader.h"
#include "daemon/supervisor/observatory.h"
#include "daemon/supervisor/supervisor.h"
#include "metrics/registry.h"

#include <chrono>
#include <functional>
#include <string>
#include <thread>

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
    void remember();
    void look_at_standing();

    const Parts parts_;
    const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
    History history_;
    StoppedLag stopped_lag_{parts_.registry};
    LetterRetries retries_{[this] { return parts_.reloader.config(); }};
    PipelineBooks books_{[this] { return parts_.reloader.config(); }};
    AdminServer server_;  // this and the threads last: they use what is above
    std::jthread remembering_;
    std::jthread looking_;
};

}  // namespace sluice
