#pragma once

#include "config/load.h"

#include <doctest/doctest.h>

#include <string>

/// What imports have made, looked at by their tests.
namespace sluice::translation_test {

/// It has to be a configuration.
inline config::Config configuration_in(const std::string& toml) {
    const config::Loaded loaded = config::parse(toml, "made.toml");
    for (const auto& problem : loaded.problems) FAIL_CHECK(config::to_string(problem) << toml);
    return loaded.config;
}

inline bool tells(const std::string& toml, const std::string& what) {
    INFO(toml);
    return toml.find(what) != std::string::npos;
}

}  // namespace sluice::translation_test
