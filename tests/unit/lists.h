#pragma once

#include "pipeline/record.h"

#include <string>
#include <vector>

/// Lists as tests of lanes and pipelines write them.
namespace sluice::lists {

using Strings = std::vector<std::string>;
using Partitions = std::vector<PartitionId>;

inline std::string joined(const Strings& lines) {
    std::string text;
    for (const std::string& line : lines) text += line + "; ";
    return text;
}

}  // namespace sluice::lists
