#pragma once

#include "config/config.h"

#include <string>
#include <vector>

namespace sluice::kafka {

struct WrongProperty {
    std::string name;  ///< empty: of no property by itself
    std::string text;  ///< begins with the name in quotes; holds no secret value
};

/// What librdkafka has against [kafka.properties] in the clients that this configuration's
/// pipelines run with, each property of which is told. They are made without brokers and without
/// TLS and logging in: nobody is asked, and no file of theirs is read.
[[nodiscard]] std::vector<WrongProperty> wrong_properties(const config::Config& config);

}  // namespace sluice::kafka
