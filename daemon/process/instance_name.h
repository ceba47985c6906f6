#pragma once

#include "config/config.h"

#include <mutex>
#include <set>
#include <string>

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
    /// Another process goes by this name, and Kafka lets the latest have it. From now on of() does
    /// without; says so, the first time.
    void give_up(const std::string& name);

private:
    std::string own_;  ///< empty: no slot was to be had
    int slot_ = -1;    ///< the socket whose address is the slot

    mutable std::mutex mutex_;  // guards what follows
    std::set<std::string> given_up_;
};

}  // namespace sluice
