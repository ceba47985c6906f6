#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// A TOML document as plain data with places, so that only one file pays for the TOML library.
namespace sluice::config {

/// Line and column, from 1.
struct Place {
    int line = 0;
    int column = 0;
    auto operator<=>(const Place&) const = default;
};

struct Entry;

struct TomlTable {
    std::vector<Entry> entries;  ///< in the order of the file
    bool is_inline = false;      ///< written { … }, not as a section or by dotted keys
};

struct Node;

struct TomlArray {
    std::vector<Node> elements;
};

/// A date, a time or both, as text in the form of RFC 3339.
struct TomlTime {
    std::string text;
};

struct Node {
    Place at;
    std::variant<std::string, std::int64_t, double, bool, TomlTime, TomlArray, TomlTable> value;
};

struct Entry {
    std::string key;
    Place at;  ///< of the key
    Node value;
};

/// Not TOML: the first place where it is wrong, and why.
struct SyntaxError {
    Place at;
    std::string text;
};

/// Never throws on bad input. A document is at most `max_document_bytes` long and nests at most a
/// few dozen levels: far beyond any real one, and a hostile one cannot exhaust the stack.
[[nodiscard]] std::variant<TomlTable, SyntaxError> read_document(std::string_view toml);

inline constexpr std::size_t max_document_bytes = 4u << 20;

}  // namespace sluice::config
