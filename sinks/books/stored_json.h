#pragma once

#include "pipeline/batch.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice {

struct StoredHeader {
    std::string name;
    std::optional<std::string> value;
};

/// What headers_json() has made of a record's headers, turned back. Throws std::runtime_error when
/// it is not that.
[[nodiscard]] std::vector<StoredHeader> parse_headers(const std::string& json);
/// The same for what reasons_json() has made.
[[nodiscard]] std::vector<Reason> parse_reasons(const std::string& json);

}  // namespace sluice
