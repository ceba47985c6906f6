#pragma once

#include "config/config.h"

#include <chrono>
#include <filesystem>
#include <string>

namespace sluice::config {

/// [admin]. It decides nothing about pipelines and holds from the start of a process to its end, so
/// it is no part of what reloads compare.
struct Admin {
    std::string listen = "127.0.0.1:9187";  ///< "host:port"; empty: no admin server
    Secret token;  ///< for calls that change something; empty: those are off
    /// How long a pipeline may have work to do and make no progress before it counts as stuck.
    std::chrono::milliseconds stuck_after{60000};
    bool operator==(const Admin&) const = default;
};

/// Of a file that load() has found nothing wrong with.
[[nodiscard]] Admin load_admin(const std::filesystem::path& file);
[[nodiscard]] Admin parse_admin(const std::string& toml);

}  // namespace sluice::config
