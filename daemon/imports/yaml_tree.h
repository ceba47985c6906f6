#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// A scalar of a YAML file, and where it stands.
struct YamlText {
    std::string text;
    int line = 0;  ///< from 1; 0: it is not there
    [[nodiscard]] bool is_there() const { return line > 0; }
};

struct YamlEntry;

/// A value of a YAML file. Remembers what of it was asked for, so that the rest can be told.
struct YamlNode {
    enum class Kind { none, scalar, list, map };
    Kind kind = Kind::none;
    int line = 0;
    std::string text;                ///< Kind::scalar
    std::vector<YamlNode> items;     ///< Kind::list
    std::vector<YamlEntry> entries;  ///< Kind::map, in the file's order
    bool is_taken = false;

    /// Names in any case; nullptr: there is none, or this is no map.
    [[nodiscard]] YamlNode* take(std::string_view name);
    /// The same of a scalar; of a list of them, joined by commas.
    [[nodiscard]] YamlText take_text(std::string_view name);
    /// Of a list, or of one scalar with commas in it.
    [[nodiscard]] std::vector<YamlText> take_list(std::string_view name);
    /// Keys that nobody took, and where: "KAFKA.INPUT.ENCRYPTION".
    [[nodiscard]] std::vector<YamlText> rest(const std::string& within = "") const;
};

struct YamlEntry {
    std::string key;
    YamlNode value;
};

/// Throws WrongConfiguration: with `file` and where it is wrong.
[[nodiscard]] YamlNode read_yaml(const std::string& yaml, const std::string& file);

}  // namespace sluice
