#include "config/toml/reader.h"

#include "config/text/units.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <tuple>

namespace sluice::config {
namespace {

std::string wrong_type(const Node& node, std::string_view key, std::string_view wanted,
                       std::string_view example) {
    return in_quotes(key) + " must be " + std::string(wanted) + ", not " +
           std::string(kind_of(node)) + "; for example: " + std::string(key) + " = " +
           std::string(example);
}

std::optional<Text> resolve_reference(const TomlTable& table, Place at, std::string_view key,
                                      const Scope& scope) {
    TableReader reader(table, at, "the value of " + in_quotes(key), scope);
    const Entry* env = reader.take("env");
    const Entry* file = reader.take("file");
    reader.finish();
    const Entry& source = env != nullptr ? *env : *file;
    if (env != nullptr && file != nullptr) {
        scope.problems.add(file->at, in_quotes(key) + " has both env and file; remove one");
        return std::nullopt;
    }
    const auto* name = std::get_if<std::string>(&source.value.value);
    if (name == nullptr || name->empty() || name->find('\0') != std::string::npos) {
        scope.problems.add(
            source.value.at,
            in_quotes(source.key) +
                (name == nullptr ? " must be a string, not " + std::string(kind_of(source.value))
                                 : std::string(" names nothing")) +
                "; for example: " + std::string(key) +
                (env != nullptr ? " = { env = \"NAME\" }" : " = { file = \"/run/secrets/name\" }"));
        return std::nullopt;
    }
    if (env != nullptr) {
        // Configuration is read by one thread, and nothing in the daemon changes the environment.
        if (const char* value = std::getenv(name->c_str())) {
            return Text{value, true, "the value of environment variable " + *name, at};
        }
        scope.problems.add_elsewhere(source.value.at, "environment variable " + in_quotes(*name) +
                                                          " is not set; set it for " +
                                                          in_quotes(key));
        return std::nullopt;
    }
    scope.files.push_back(scope.folder / *name);
    auto read = read_file(scope.files.back());
    if (auto* error = std::get_if<SyntaxError>(&read)) {
        const std::string text = in_quotes(key) + ": " + error->text;
        if (std::error_code none; std::filesystem::exists(scope.files.back(), none)) {
            scope.problems.add(source.value.at, text);
        } else {
            scope.problems.add_elsewhere(source.value.at, text);
        }
        return std::nullopt;
    }
    std::string content = std::get<std::string>(std::move(read));
    // Editors leave it at the end.
    if (content.ends_with('\n')) content.pop_back();
    if (content.ends_with('\r')) content.pop_back();
    return Text{std::move(content), true, "the content of file " + *name, at};
}

}  // namespace

std::variant<std::string, SyntaxError> read_file(const std::filesystem::path& path) {
    constexpr std::uintmax_t largest = 1u << 20;
    const std::string shown = "file " + in_quotes(path.string());
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) {
        return SyntaxError{.at = {},
                           .text = shown + (error ? ": " + error.message() : " is not a file") +
                                   "; a relative path begins at the configuration's folder"};
    }
    std::ifstream in(path, std::ios::binary);
    std::string content;
    char block[4096];
    while (in.read(block, sizeof block) || in.gcount() > 0) {
        content.append(block, static_cast<std::size_t>(in.gcount()));
        if (content.size() > largest) {
            return SyntaxError{.at = {}, .text = shown + " is larger than 1MiB"};
        }
    }
    if (in.bad() || !in.eof()) {
        return SyntaxError{.at = {}, .text = shown + " cannot be read; check its permissions"};
    }
    return content;
}

void Problems::add(Place at, std::string text) {
    problems_.push_back({.file = file_,
                         .line = at.line,
                         .column = at.column,
                         .text = std::move(text),
                         .part = part_});
}

void Problems::add_elsewhere(Place at, std::string text) {
    add(at, std::move(text));
    problems_.back().elsewhere = true;
}

std::vector<Problem> Problems::sorted() && {
    std::stable_sort(problems_.begin(), problems_.end(), [](const Problem& a, const Problem& b) {
        return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
    return std::move(problems_);
}

std::string_view kind_of(const Node& node) {
    constexpr std::string_view names[] = {"a string",         "an integer", "a float", "a boolean",
                                          "a date or a time", "an array",   "a table"};
    return names[node.value.index()];
}

bool is_reference(const Node& node) {
    const auto* table = std::get_if<TomlTable>(&node.value);
    if (table == nullptr || !table->is_inline) return false;
    return std::any_of(table->entries.begin(), table->entries.end(), [](const Entry& entry) {
        return entry.key == "env" || entry.key == "file";
    });
}

std::optional<Text> resolve_text(const Node& node, std::string_view key, std::string_view example,
                                 const Scope& scope) {
    std::optional<Text> found;
    if (const auto* text = std::get_if<std::string>(&node.value)) {
        found = Text{*text, false, in_quotes(*text), node.at};
    } else if (is_reference(node)) {
        found = resolve_reference(std::get<TomlTable>(node.value), node.at, key, scope);
    } else {
        scope.problems.add(node.at, wrong_type(node, key, "a string", example));
    }
    if (found && found->text.find('\0') != std::string::npos) {
        scope.problems.add(node.at, in_quotes(key) + " contains a NUL character; remove it");
        return std::nullopt;
    }
    return found;
}

TableReader::TableReader(const TomlTable& table, Place at, std::string section, const Scope& scope)
    : table_(&table), at_(at), section_(std::move(section)), scope_(scope) {}

Shape* TableReader::note(Shape shape) {
    if (scope_.shape == nullptr) return nullptr;
    return &scope_.shape->entries.emplace_back(std::move(shape));
}

void TableReader::may_be(std::string_view key, const std::vector<std::string_view>& words) {
    note({.key = std::string(key),
          .kind = Shape::Kind::word,
          .words = {words.begin(), words.end()}});
}

Scope TableReader::any_key(Shape::Kind kind) const {
    Scope scope = scope_;
    scope.shape = &scope_.shape->entries.emplace_back(Shape{.kind = kind});
    return scope;
}

const Entry* TableReader::find(std::string_view key) const {
    for (const Entry& entry : table_->entries) {
        if (entry.key == key) return &entry;
    }
    return nullptr;
}

const Entry* TableReader::take(std::string_view key) {
    if (std::ranges::find(known_, key) == known_.end()) known_.push_back(key);
    return find(key);
}

Place TableReader::at(std::string_view key) const {
    const Entry* entry = find(key);
    return entry == nullptr ? at_ : entry->value.at;
}

std::optional<Text> TableReader::text(std::string_view key, std::string_view example) {
    note({.key = std::string(key), .kind = Shape::Kind::text});
    return text_of(key, example);
}

std::optional<Text> TableReader::text_of(std::string_view key, std::string_view example) {
    const Entry* entry = take(key);
    if (entry == nullptr) return std::nullopt;
    return resolve_text(entry->value, key, example, scope_);
}

std::optional<Text> TableReader::required_text(std::string_view key, std::string_view example) {
    note({.key = std::string(key), .kind = Shape::Kind::text, .required = true});
    const Entry* entry = take(key);
    const std::string remedy = std::string(key) + " = " + std::string(example);
    if (entry == nullptr) {
        problem(at_, section_ + " has no " + in_quotes(key) + "; add " + remedy);
        return std::nullopt;
    }
    auto found = resolve_text(entry->value, key, example, scope_);
    if (found && found->text.empty()) {
        problem(found->at, in_quotes(key) + " is empty; for example: " + remedy);
        return std::nullopt;
    }
    return found;
}

std::vector<Text> TableReader::texts(std::string_view key, std::string_view example) {
    note({.key = std::string(key), .kind = Shape::Kind::texts});
    const Entry* entry = take(key);
    if (entry == nullptr) return {};
    const auto* array = std::get_if<TomlArray>(&entry->value.value);
    if (array == nullptr || array->elements.empty()) {
        const std::string found = array == nullptr ? std::string(kind_of(entry->value)) : "empty";
        problem(entry->value.at, in_quotes(key) + " must be a list of strings, not " + found +
                                     "; for example: " + std::string(key) + " = " +
                                     std::string(example));
        return {};
    }
    std::vector<Text> all;
    for (const Node& element : array->elements) {
        auto one = resolve_text(element, key, example, scope_);
        if (!one) return {};
        all.push_back(std::move(*one));
    }
    return all;
}

void TableReader::integer(std::string_view key, std::string_view example, Range<std::int64_t> range,
                          std::int64_t& target) {
    note({.key = std::string(key),
          .kind = Shape::Kind::whole,
          .least = range.least,
          .most = range.most});
    const Entry* entry = take(key);
    if (entry == nullptr) return;
    const auto* value = std::get_if<std::int64_t>(&entry->value.value);
    if (value == nullptr) {
        problem(entry->value.at, wrong_type(entry->value, key, "an integer", example));
    } else if (*value < range.least || *value > range.most) {
        problem(entry->value.at, in_quotes(key) + " is " + std::to_string(*value) +
                                     "; it must be from " + std::to_string(range.least) + " to " +
                                     std::to_string(range.most));
    } else {
        target = *value;
    }
}

void TableReader::truth(std::string_view key, bool& target) {
    note({.key = std::string(key), .kind = Shape::Kind::truth});
    const Entry* entry = take(key);
    if (entry == nullptr) return;
    if (const auto* value = std::get_if<bool>(&entry->value.value))
        target = *value;
    else
        problem(entry->value.at, wrong_type(entry->value, key, "true or false", "true"));
}

void TableReader::size(std::string_view key, std::string_view example, Range<std::size_t> range,
                       std::size_t& target) {
    note({.key = std::string(key), .kind = Shape::Kind::size});
    const Entry* entry = take(key);
    if (entry == nullptr) return;
    std::optional<std::size_t> bytes;
    std::string shown;
    if (const auto* number = std::get_if<std::int64_t>(&entry->value.value)) {
        shown = std::to_string(*number);
        if (*number >= 0) bytes = static_cast<std::size_t>(*number);
    } else {
        const auto found = resolve_text(entry->value, key, example, scope_);
        if (!found) return;
        shown = found->shown;
        bytes = parse_size(found->text);
    }
    if (!bytes) {
        problem(entry->value.at, in_quotes(key) + ": " + shown +
                                     " is not a size; write a whole number with B, KiB, MiB, GiB, "
                                     "kB, MB or GB, such as " +
                                     std::string(example));
    } else if (*bytes < range.least || *bytes > range.most) {
        problem(entry->value.at, in_quotes(key) + " is " + shown + "; it must be from " +
                                     format_size(range.least) + " to " + format_size(range.most));
    } else {
        target = *bytes;
    }
}

void TableReader::duration(std::string_view key, std::string_view example,
                           Range<std::chrono::milliseconds> range,
                           std::chrono::milliseconds& target) {
    note({.key = std::string(key), .kind = Shape::Kind::duration});
    const auto found = text_of(key, example);
    if (!found) return;
    const auto duration = parse_duration(found->text);
    if (!duration) {
        problem(found->at, in_quotes(key) + ": " + found->shown +
                               " is not a duration; write a whole number with ms, s, m, h or d, "
                               "such as " +
                               std::string(example));
    } else if (*duration < range.least || *duration > range.most) {
        problem(found->at, in_quotes(key) + " is " + found->shown + "; it must be from " +
                               format_duration(range.least) + " to " + format_duration(range.most));
    } else {
        target = *duration;
    }
}

std::optional<TableReader> TableReader::table(std::string_view key, std::string_view example) {
    const Entry* entry = take(key);
    if (Shape* noted = note({.key = std::string(key), .kind = Shape::Kind::table}))
        return for_shape(*noted);
    if (entry == nullptr) return std::nullopt;
    const auto* table = std::get_if<TomlTable>(&entry->value.value);
    if (table == nullptr) {
        problem(entry->value.at, in_quotes(key) + " must be a table, not " +
                                     std::string(kind_of(entry->value)) +
                                     "; for example: " + std::string(example));
        return std::nullopt;
    }
    const std::string section =
        section_.empty() ? "[" + entry->key + "]" : section_ + " " + entry->key;
    return TableReader(*table, entry->value.at, section, scope_);
}

TableReader TableReader::for_shape(Shape& noted) const {
    static const TomlTable nothing;
    Scope within = scope_;
    within.shape = &noted;
    return {nothing, at_, noted.key, within};
}

std::vector<TableReader> TableReader::tables(std::string_view key, std::string_view example) {
    const Entry* const entry = take(key);
    if (Shape* noted = note({.key = std::string(key), .kind = Shape::Kind::tables}))
        return {for_shape(*noted)};
    if (entry == nullptr) return {};
    std::vector<TableReader> all;
    const auto* const array = std::get_if<TomlArray>(&entry->value.value);
    if (array != nullptr)
        for (const Node& element : array->elements)
            if (const auto* table = std::get_if<TomlTable>(&element.value))
                all.push_back({*table, element.at, "[" + within(key) + "]", scope_});
    if (array != nullptr && !all.empty() && all.size() == array->elements.size()) return all;
    problem(entry->value.at,
            in_quotes(key) + " must be a list of tables; for example: " + std::string(example));
    return {};
}

std::string TableReader::within(std::string_view key) const {
    const std::size_t begin = section_.rfind('[') + 1;
    const std::size_t end = section_.find(']', begin);
    return "[" + section_.substr(begin, end - begin) + "." + std::string(key) + "]";
}

std::optional<std::size_t> TableReader::choice_index(std::string_view key,
                                                     const std::vector<std::string_view>& words) {
    may_be(key, words);
    const auto found = text_of(key, in_quotes(words.front()));
    if (!found) return std::nullopt;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == found->text) return i;
    }
    const std::string near = found->secret ? std::string() : suggestion(found->text, words);
    problem(found->at,
            in_quotes(key) + " must be one of " + listed(words) + ", not " + found->shown + near);
    return std::nullopt;
}

void TableReader::finish() {
    for (const Entry& entry : table_->entries) {
        if (std::ranges::find(known_, entry.key) != known_.end()) continue;
        std::string remedy = suggestion(entry.key, known_);
        if (remedy.empty()) {
            remedy =
                (section_.empty() ? "; the file has " : "; " + section_ + " has ") + listed(known_);
        }
        problem(entry.at, "unknown key " + in_quotes(entry.key) + remedy);
    }
}

}  // namespace sluice::config
