#include "config/document.h"

#include "config/key_depth.h"

#include <algorithm>
#include <sstream>
#include <utility>

namespace sluice::config {
namespace {

/// The library met input that it takes for impossible.
struct BrokenExpectation {};

[[noreturn]] void throw_broken_expectation() {
    throw BrokenExpectation{};
}

}  // namespace
}  // namespace sluice::config

// toml++ 3.3.0 asserts what input can break ("[[." is enough), and in release builds tells the
// compiler that it cannot happen. Both must become an error.
#undef NDEBUG
#define TOML_ASSERT(expr) \
    (static_cast<bool>(expr) ? void() : ::sluice::config::throw_broken_expectation())
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

namespace sluice::config {
namespace {

constexpr int max_key_parts = 32;

Place place_of(const toml::source_position& position) {
    return {.line = static_cast<int>(position.line), .column = static_cast<int>(position.column)};
}

Place place_of(const toml::source_region& region) {
    return place_of(region.begin);
}

template <typename Value>
TomlTime time_text(const Value& value) {
    std::ostringstream text;
    text << value;
    return {text.str()};
}

Node convert(const toml::node& node);

TomlTable convert_table(const toml::table& table) {
    TomlTable converted;
    converted.is_inline = table.is_inline();
    converted.entries.reserve(table.size());
    for (const auto& [key, value] : table) {
        converted.entries.push_back(
            {.key = std::string(key.str()), .at = place_of(key.source()), .value = convert(value)});
    }
    std::stable_sort(converted.entries.begin(), converted.entries.end(),
                     [](const Entry& a, const Entry& b) { return a.at < b.at; });
    return converted;
}

Node convert(const toml::node& node) {
    Node converted{.at = place_of(node.source()), .value = TomlArray{}};
    if (const auto* table = node.as_table()) {
        converted.value = convert_table(*table);
    } else if (const auto* text = node.as_string()) {
        converted.value = text->get();
    } else if (const auto* integer = node.as_integer()) {
        converted.value = integer->get();
    } else if (const auto* real = node.as_floating_point()) {
        converted.value = real->get();
    } else if (const auto* boolean = node.as_boolean()) {
        converted.value = boolean->get();
    } else if (const auto* date = node.as_date()) {
        converted.value = time_text(date->get());
    } else if (const auto* time = node.as_time()) {
        converted.value = time_text(time->get());
    } else if (const auto* date_time = node.as_date_time()) {
        converted.value = time_text(date_time->get());
    }
    return converted;
}

std::string not_toml(std::string why) {
    if (!why.empty() && why[0] >= 'A' && why[0] <= 'Z') {
        why[0] = static_cast<char>(why[0] - 'A' + 'a');
    }
    return "not valid TOML: " + why;
}

bool breaks_expectation(std::string_view toml) {
    try {
        static_cast<void>(toml::parse(toml));
    } catch (const toml::parse_error&) {
    } catch (const BrokenExpectation&) {
        return true;
    }
    return false;
}

/// A broken expectation brings no place along. The line is the last one of the shortest beginning
/// of the document that breaks it too.
int line_of_broken_expectation(std::string_view toml) {
    std::vector<std::size_t> ends;
    for (std::size_t at = toml.find('\n'); at != std::string_view::npos;
         at = toml.find('\n', at + 1)) {
        ends.push_back(at + 1);
    }
    const auto end = std::partition_point(ends.begin(), ends.end(), [&](std::size_t size) {
        return !breaks_expectation(toml.substr(0, size));
    });
    return static_cast<int>(end - ends.begin()) + 1;
}

}  // namespace

std::variant<TomlTable, SyntaxError> read_document(std::string_view toml) {
    if (toml.size() > max_document_bytes) {
        return SyntaxError{.at = {},
                           .text = "is larger than " + std::to_string(max_document_bytes) +
                                   " bytes; is it the right file?"};
    }
    // Dotted keys nest tables without counting into TOML_MAX_NESTED_VALUES, and the library takes
    // tables apart recursively.
    if (const int line = line_of_deep_key(toml, max_key_parts); line != 0) {
        return SyntaxError{
            .at = {.line = line, .column = 1},
            .text = "a key has more than " + std::to_string(max_key_parts) + " parts; shorten it"};
    }
    try {
        return convert_table(toml::parse(toml));
    } catch (const toml::parse_error& error) {
        return SyntaxError{.at = place_of(error.source()),
                           .text = not_toml(std::string(error.description()))};
    } catch (const BrokenExpectation&) {
        return SyntaxError{.at = {.line = line_of_broken_expectation(toml), .column = 1},
                           .text = not_toml("unexpected characters in this line")};
    }
}

}  // namespace sluice::config
