#pragma once

namespace sluice::config {

/// For Kafka::instance, where the file gives none: each daemon names itself after its host. With
/// spaces, which no name has that Kafka takes.
inline constexpr const char* of_the_host = "of the host";

}  // namespace sluice::config
