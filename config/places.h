#pragma once

#include "config/toml/document.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::config {

/// Where things stand in a configuration file, for what others than its reader say of them: the
/// broker of a property, the database of a column. A value.
class Places {
public:
    /// Of no file, or of one that is no TOML, nothing is known.
    Places() = default;
    explicit Places(std::string_view toml, std::string file = "");
    /// `file`: how it is called in messages.
    Places(TomlTable document, std::string file)
        : document_(std::move(document)), file_(std::move(file)) {}
    /// Of a file that cannot be read, nothing either.
    [[nodiscard]] static Places of_file(const std::filesystem::path& file);

    /// In the section "ingest.orders" or "kafka.properties", of the key that `text` has in quotes,
    /// or names with its value; or of the section itself. nullopt: there is no such section.
    [[nodiscard]] std::optional<Place> of(std::string_view section, std::string_view text) const;
    /// The same for messages: "sluice.toml:12:3"; empty: there is no such section.
    [[nodiscard]] std::string told(std::string_view section, std::string_view text) const;
    /// Of the key "ingest.orders.batch.rows", whichever of its dots are tables' and lists' (counted
    /// from 1). nullopt: it is not written there.
    [[nodiscard]] std::optional<Place> of_key(std::string_view key) const;

private:
    TomlTable document_;
    std::string file_;
};

}  // namespace sluice::config
