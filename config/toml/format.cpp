#include "config/toml/format.h"

#include "config/toml/document.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace sluice::config {
namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view without_leading(std::string_view text) {
    return text.substr(std::min(text.find_first_not_of(blanks), text.size()));
}

std::string_view without_trailing(std::string_view text) {
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// Knows what the lines so far have left open.
class Scanner {
public:
    /// Where the next line begins.
    enum class Within { document, value, text };
    [[nodiscard]] Within within() const {
        if (!quote_.empty()) return Within::text;
        return depth_ > 0 ? Within::value : Within::document;
    }
    void pass(std::string_view line) {
        while (!line.empty()) line.remove_prefix(step(line));
        if (quote_.size() == 1) quote_.clear();
    }
    /// Where the first `wanted` is that no string and no comment holds; npos: nowhere.
    static std::size_t find(std::string_view line, char wanted) {
        Scanner scanner;
        for (std::size_t at = 0; at < line.size(); at += scanner.step(line.substr(at)))
            if (scanner.quote_.empty() && line[at] == wanted) return at;
        return std::string_view::npos;
    }

private:
    /// How many characters were passed.
    std::size_t step(std::string_view rest) {
        const char c = rest.front();
        if (!quote_.empty()) {
            if (quote_.front() == '"' && c == '\\') return std::min<std::size_t>(2, rest.size());
            if (!rest.starts_with(quote_)) return 1;
            return std::exchange(quote_, {}).size();
        }
        if (c == '#') return rest.size();
        if (c == '"' || c == '\'') {
            const std::string triple(3, c);
            quote_ = rest.starts_with(triple) ? triple : std::string(1, c);
            return quote_.size();
        }
        if (c == '[' || c == '{') ++depth_;
        if (c == ']' || c == '}') --depth_;
        return 1;
    }

    std::string quote_;  ///< that ends the string we are in; empty: we are in none
    int depth_ = 0;      ///< of brackets
};

/// "[ ingest . orders ]": what stands in it, as it would be without its blanks.
std::string header(std::string_view line) {
    const std::size_t end = Scanner::find(line, ']');
    if (end == std::string_view::npos) return std::string(line);
    std::string all;
    bool quoted = false;
    for (const char c : line.substr(0, end)) {
        if (c == '"' || c == '\'') quoted = !quoted;
        if (quoted || blanks.find(c) == std::string_view::npos) all += c;
    }
    return all + std::string(line.substr(end));
}

std::string statement(std::string_view line) {
    if (line.starts_with('#')) return std::string(line);
    if (line.starts_with('[')) return header(line);
    const std::size_t equals = Scanner::find(line, '=');
    if (equals == std::string_view::npos) return std::string(line);
    return std::string(without_trailing(line.substr(0, equals))) + " = " +
           std::string(without_leading(line.substr(equals + 1)));
}

/// A blank line before it, and before the comment that stands directly above.
void separate_section(std::vector<std::string>& lines) {
    auto at = lines.end();
    while (at != lines.begin() && std::prev(at)->starts_with('#')) --at;
    if (at != lines.begin() && !std::prev(at)->empty()) lines.insert(at, "");
}

std::string laid_out(std::string_view toml) {
    std::vector<std::string> lines;
    Scanner scanner;
    while (!toml.empty()) {
        const std::size_t end = std::min(toml.find('\n'), toml.size());
        std::string_view line = toml.substr(0, end);
        toml.remove_prefix(std::min(end + 1, toml.size()));
        const Scanner::Within began = scanner.within();
        scanner.pass(line);
        if (scanner.within() != Scanner::Within::text) line = without_trailing(line);
        if (began != Scanner::Within::document) {
            lines.emplace_back(line);
            continue;
        }
        line = without_leading(line);
        if (line.empty() && (lines.empty() || lines.back().empty())) continue;
        if (line.starts_with('[')) separate_section(lines);
        lines.push_back(statement(line));
    }
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    std::string all;
    for (const std::string& line : lines) all += line + '\n';
    return all;
}

bool same(const Node& a, const Node& b);

bool same(const TomlTable& a, const TomlTable& b) {
    return std::ranges::equal(a.entries, b.entries, [](const Entry& one, const Entry& other) {
        return one.key == other.key && same(one.value, other.value);
    });
}

bool same(const Node& a, const Node& b) {
    if (a.value.index() != b.value.index()) return false;
    return std::visit(
        [&]<typename T>(const T& value) {
            const T& other = std::get<T>(b.value);
            if constexpr (std::is_same_v<T, TomlTable>)
                return same(value, other);
            else if constexpr (std::is_same_v<T, TomlArray>)
                return std::ranges::equal(value.elements, other.elements,
                                          [](const Node& x, const Node& y) { return same(x, y); });
            else if constexpr (std::is_same_v<T, TomlTime>)
                return value.text == other.text;
            else
                return value == other;
        },
        a.value);
}

}  // namespace

std::string formatted(std::string_view toml) {
    const auto before = read_document(toml);
    std::string text = laid_out(toml);
    const auto after = read_document(text);
    const auto* const was = std::get_if<TomlTable>(&before);
    const auto* const is = std::get_if<TomlTable>(&after);
    if (was != nullptr && is != nullptr && same(*was, *is)) return text;
    return std::string(toml);
}

}  // namespace sluice::config
