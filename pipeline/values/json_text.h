#pragma once

#include "pipeline/values/json_index.h"
#include "pipeline/values/scratch.h"
#include "pipeline/values/value.h"
#include "schemas/json_string.h"

#include <optional>
#include <string>
#include <string_view>

/// What is done with JSON text whose grammar has been checked already.
namespace sluice::json {

struct Unescaped {
    std::string_view text;
    const char* complaint = nullptr;  ///< why it is no text: \u0000, or half of a surrogate pair
};

/// The content of a string, from what stands between its quotes. A view of `raw` when there is
/// nothing to unescape.
[[nodiscard]] Unescaped unescape(std::string_view raw, Scratch& scratch);

/// What jsonb, unlike json, refuses within strings; nullptr when nothing.
[[nodiscard]] const char* complaint_of_jsonb(std::string_view json);

/// Whether a text is one JSON value.
[[nodiscard]] std::optional<JsonError> check(std::string_view text, JsonIndex& index);

/// "…: "," or "}" is expected at byte 17", bytes counted from 1.
[[nodiscard]] std::string describe(const JsonError& error);

enum class Elements { as_text, as_json };

/// A PostgreSQL array literal with the elements of a JSON array; nested arrays become dimensions.
/// Elements::as_json (for json[] and jsonb[]) leaves strings quoted as JSON. Not a literal when the
/// result is a complaint.
[[nodiscard]] Unescaped array_literal(std::string_view array, Elements elements, Scratch& scratch,
                                      std::string& buffer);

}  // namespace sluice::json
