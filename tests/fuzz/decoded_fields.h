#pragma once

#include "pipeline/batch.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/values/json_text.h"

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::fuzz {

/// A slot for each path, in their order.
inline std::vector<WantedField> wanted_at(const std::vector<std::vector<std::string>>& paths) {
    std::vector<WantedField> all;
    for (const auto& path : paths) {
        WantedField& field = all.emplace_back();
        field.slot = all.size() - 1;
        field.source.path = path;
    }
    return all;
}

/// What a decoder writes as an object or an array is valid JSON.
inline void check_json(const Value& value, JsonIndex& index) {
    if (value.kind != Value::Kind::json_object && value.kind != Value::Kind::json_array) return;
    std::string text(value.text);
    text.append(RecordLog::padding, ' ');
    if (json::check(std::string_view(text).substr(0, value.text.size()), index)) std::abort();
}

}  // namespace sluice::fuzz
