#include "daemon/imports/toml_text.h"

#include "pipeline/values/json_text.h"

#include <algorithm>

namespace sluice::toml_text {
namespace {

constexpr std::string_view name_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

}  // namespace

/// Basic strings of TOML escape as JSON does.
std::string quoted(std::string_view text) {
    std::string toml;
    json::append_string(toml, text);
    return toml;
}

std::string list(const std::vector<std::string>& texts) {
    std::string toml;
    for (const std::string& text : texts) toml += (toml.empty() ? "" : ", ") + quoted(text);
    return "[" + toml + "]";
}

std::string key(std::string_view name) {
    const bool bare =
        !name.empty() && name.find_first_not_of(name_characters) == std::string_view::npos;
    return bare ? std::string(name) : quoted(name);
}

std::string comment(std::string text) {
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    return "# " + text + "\n";
}

std::string pipeline_name(const std::vector<std::string>& wanted,
                          const std::vector<std::string>& taken) {
    static constexpr std::size_t longest = 63;
    const auto is_taken = [&](const std::string& name) {
        return std::ranges::find(taken, name) != taken.end();
    };
    std::string name;
    for (const std::string& each : wanted) {
        name = each;
        std::ranges::replace_if(
            name, [](char c) { return name_characters.find(c) == std::string_view::npos; }, '_');
        name.resize(std::min(name.size(), longest));
        if (!is_taken(name)) return name;
    }
    const std::string stem = name.substr(0, longest - 4);
    for (int number = 2; is_taken(name); ++number) name = stem + "_" + std::to_string(number);
    return name;
}

}  // namespace sluice::toml_text
