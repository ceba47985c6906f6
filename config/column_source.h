#pragma once

#include "config/config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Where a column's value comes from, read from its short text form.
namespace sluice::config {

/// "id", "/customer/city" (a JSON Pointer), "@value", "@key/id", "@headers/trace-id" and so on, as
/// far as records of this format have it; otherwise what is wrong and what to write.
[[nodiscard]] std::variant<Source, std::string> parse_source(std::string_view text, Format format);

/// A CSV field number, from 1.
[[nodiscard]] std::variant<Source, std::string> parse_source(std::int64_t position, Format format);

/// The unescaped reference tokens of a JSON Pointer (RFC 6901), or what is wrong with it.
[[nodiscard]] std::variant<std::vector<std::string>, std::string> parse_pointer(
    std::string_view pointer);

/// Which element of an array a reference token means: "0", "12"; nullopt: none (RFC 6901, 4).
[[nodiscard]] std::optional<std::uint64_t> element_of(std::string_view token);

/// The JSON Pointer of a top-level field: the inverse of parse_pointer() for one token.
[[nodiscard]] std::string pointer_to(std::string_view field);

/// What stands for a format, a conversion in the configuration: "json", "epoch_ms".
[[nodiscard]] std::string_view name_of(Format format);
[[nodiscard]] std::string_view name_of(Conversion conversion);

/// For a field whose name looks like a path of another notation, a.b or $.a.b: the JSON Pointer
/// that may be meant; else empty.
[[nodiscard]] std::string pointer_meant(const Source& source);

}  // namespace sluice::config
