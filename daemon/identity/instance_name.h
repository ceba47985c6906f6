#pragma once

#include "config/config.h"

#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace sluice {

/// What Kafka calls the members of this process (group.instance.id), so that one that was killed
/// has its partitions back as soon as it runs again. Where the configuration gives no name, the
/// process names itself after its host and its configuration, and after a slot: the first that no
/// other process of this host holds. The kernel frees a slot when its process ends, however it
/// does. From any thread; one per process.
class InstanceName {
public:
    /// What tells daemons of one host apart: each such pair counts its slots by itself.
    struct Identity {
        std::string schema;
        std::string config_file;
    };
    explicit InstanceName(const Identity& identity);
    ~InstanceName();
    InstanceName(const InstanceName&) = delete;
    InstanceName& operator=(const InstanceName&) = delete;

    /// For members of this configuration, now; empty: they go without a name.
    [[nodiscard]] std::string of(const config::Kafka& kafka) const;
    using Clock = std::chrono::steady_clock;
    /// Kafka has fenced a member of this name. That alone proves nothing: a member that was cut off
    /// for longer than its session is fenced too, and may come back under its name. Two processes
    /// of one name fence each other in turns: whoever is fenced again so soon gives the name up.
    /// From then on of() does without; says so, the first time.
    void on_fenced(const std::string& name, const std::string& group, Clock::time_point now);

private:
    std::string own_;  ///< empty: no slot was to be had
    int slot_ = -1;    ///< the socket whose address is the slot

    mutable std::mutex mutex_;  // guards what follows
    std::map<std::pair<std::string, std::string>, Clock::time_point> fenced_;  // by name and group
    std::set<std::string> given_up_;
};

}  // namespace sluice
