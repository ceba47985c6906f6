#include "config/places.h"

#include "config/text/words.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <utility>
#include <variant>

namespace sluice::config {
namespace {

/// Whether the text has the name in quotes, and not as a part of "schema"."table".
bool mentions(std::string_view text, const std::string& name) {
    const std::string quoted = in_quotes(name);
    for (std::size_t at = text.find(quoted); at != std::string_view::npos;
         at = text.find(quoted, at + 1)) {
        const std::size_t end = at + quoted.size();
        const bool is_part = (at > 0 && text[at - 1] == '.') ||
                             (end + 1 < text.size() && text[end] == '.' && text[end + 1] == '"');
        if (!is_part) return true;
    }
    return false;
}

/// The longest name that the text mentions, and where it stands.
class Search {
public:
    explicit Search(std::string_view text) : text_(text) {}

    /// `path`: "properties.sasl.", in front of the table's keys.
    void look(const TomlTable& table, const std::string& path) {
        for (const Entry& entry : table.entries) {
            const std::string whole = path + entry.key;
            // "sasl.mechanism" may be written as a table in a table.
            for (std::size_t at = 0; at != std::string::npos; at = next_part(whole, at))
                consider(whole.substr(at), entry.at);
            // "table public.orders: not found", "there is no topic "orders"": the key's own value.
            if (const auto* value = std::get_if<std::string>(&entry.value.value))
                if (says(entry.key + " " + *value) || says(entry.key + " " + in_quotes(*value)))
                    take(value->size(), entry.at);
            if (const auto* below = std::get_if<TomlTable>(&entry.value.value))
                look(*below, whole + ".");
        }
    }
    [[nodiscard]] std::optional<Place> found() const { return found_; }

private:
    static std::size_t next_part(const std::string& name, std::size_t at) {
        const std::size_t dot = name.find('.', at);
        return dot == std::string::npos ? dot : dot + 1;
    }
    void consider(const std::string& name, Place at) {
        if (mentions(text_, name)) take(name.size(), at);
    }
    /// As whole words.
    [[nodiscard]] bool says(const std::string& words) const {
        const std::size_t at = text_.find(words);
        if (at == std::string_view::npos) return false;
        const std::size_t end = at + words.size();
        return end == text_.size() || text_[end] == ':' || text_[end] == ' ' || text_[end] == ';';
    }
    void take(std::size_t length, Place at) {
        if (length <= length_) return;
        length_ = length;
        found_ = at;
    }

    const std::string_view text_;
    std::size_t length_ = 0;
    std::optional<Place> found_;
};

/// "2" of "2.columns": the second table of a list. null: there is none.
const TomlTable* take_element(const TomlArray& list, std::string_view& section,
                              std::optional<Place>& at) {
    const std::string_view part = section.substr(0, section.find('.'));
    std::size_t number = 0;
    std::from_chars(part.data(), part.data() + part.size(), number);
    if (number < 1 || number > list.elements.size()) return nullptr;
    section.remove_prefix(std::min(part.size() + 1, section.size()));
    const Node& element = list.elements[number - 1];
    at = element.at;
    return std::get_if<TomlTable>(&element.value);
}

/// What the value has at this path below it; of the path's end, `at` itself.
std::optional<Place> place_below(const Node& node, Place at, std::string_view path);

std::optional<Place> place_in(const TomlTable& table, std::string_view path) {
    for (const Entry& entry : table.entries) {
        if (!path.starts_with(entry.key)) continue;
        std::string_view rest = path.substr(entry.key.size());
        if (!rest.empty() && rest.front() != '.') continue;
        if (!rest.empty()) rest.remove_prefix(1);
        if (const auto found = place_below(entry.value, entry.at, rest)) return found;
    }
    return std::nullopt;
}

std::optional<Place> place_below(const Node& node, Place at, std::string_view path) {
    if (path.empty()) return at;
    if (const auto* table = std::get_if<TomlTable>(&node.value)) return place_in(*table, path);
    const auto* list = std::get_if<TomlArray>(&node.value);
    if (list == nullptr) return std::nullopt;
    std::optional<Place> of_element;
    const TomlTable* element = take_element(*list, path, of_element);
    if (element == nullptr || path.empty()) return of_element;
    return place_in(*element, path);
}

}  // namespace

Places::Places(std::string_view toml, std::string file) : file_(std::move(file)) {
    auto document = read_document(toml);
    if (auto* table = std::get_if<TomlTable>(&document)) document_ = std::move(*table);
}

Places Places::of_file(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return Places(std::string(std::istreambuf_iterator<char>(in), {}), file.string());
}

std::optional<Place> Places::of(std::string_view section, std::string_view text) const {
    const TomlTable* table = &document_;
    std::optional<Place> at;
    while (!section.empty()) {
        const std::string_view part = section.substr(0, section.find('.'));
        section.remove_prefix(std::min(part.size() + 1, section.size()));
        const TomlTable* below = nullptr;
        for (const Entry& entry : table->entries) {
            if (entry.key != part) continue;
            below = std::get_if<TomlTable>(&entry.value.value);
            at = entry.at;
            if (const auto* list = std::get_if<TomlArray>(&entry.value.value))
                below = take_element(*list, section, at);
        }
        if (below == nullptr) return std::nullopt;
        table = below;
    }
    Search search(text);
    search.look(*table, "");
    return search.found() ? search.found() : at;
}

std::string Places::told(std::string_view section, std::string_view text) const {
    const auto at = of(section, text);
    if (!at) return {};
    return file_ + ':' + std::to_string(at->line) + ':' + std::to_string(at->column);
}

std::optional<Place> Places::of_key(std::string_view key) const {
    return place_in(document_, key);
}

}  // namespace sluice::config
