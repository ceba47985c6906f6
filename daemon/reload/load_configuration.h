#pragma once

#include "config/load.h"

#include <filesystem>

namespace sluice {

/// config::load(), whose problems have those of librdkafka and libpq with their own settings among
/// them: what no client can be made with stops a start and a reload, and not the pipelines. Asks
/// neither Kafka nor the database.
[[nodiscard]] config::Loaded load_configuration(const std::filesystem::path& file);

}  // namespace sluice
