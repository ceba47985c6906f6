#pragma once

#include "config/load.h"
#include "config/shape.h"
#include "config/text/words.h"
#include "config/toml/document.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Typed access to a document: whoever takes a key says what belongs there, and what does not fit
/// becomes a problem. One thread, for the time of one load.
namespace sluice::config {

/// Collects what is wrong with one file.
class Problems {
public:
    explicit Problems(std::string file) : file_(std::move(file)) {}

    /// What is added from now on is in this part of the file.
    void enter(std::string part) { part_ = std::move(part); }
    void add(Place at, std::string text);
    /// What is missing is no part of the file: Problem::elsewhere.
    void add_elsewhere(Place at, std::string text);
    /// By line, then column.
    [[nodiscard]] std::vector<Problem> sorted() &&;

private:
    std::string file_;
    std::string part_;
    std::vector<Problem> problems_;
};

/// What all readers of one file share.
struct Scope {
    Problems& problems;
    std::filesystem::path folder;  ///< of the configuration file: { file = … } is relative to it
    std::vector<std::filesystem::path>& files;  ///< collects those of { file = … }
    /// Where what is asked of a table is noted, shape_of_file(); null: a file is loaded.
    Shape* shape = nullptr;
};

/// A string of the file, { env = … } and { file = … } resolved.
struct Text {
    std::string text;
    bool secret = false;  ///< came from the environment or a file
    std::string shown;    ///< stands for the text in problems: never holds a secret
    Place at;
};

/// A string, also one that an { env = … } or { file = … } stands for; otherwise a problem is added.
/// `key` and `example` (TOML of a value) are for its text.
[[nodiscard]] std::optional<Text> resolve_text(const Node& node, std::string_view key,
                                               std::string_view example, const Scope& scope);

/// The content of a file that the configuration names, up to 1 MiB; or what is wrong.
[[nodiscard]] std::variant<std::string, SyntaxError> read_file(const std::filesystem::path& path);

/// Whether a value is a { env = … } or { file = … }.
[[nodiscard]] bool is_reference(const Node& node);

/// "a string", "an integer" and so on.
[[nodiscard]] std::string_view kind_of(const Node& node);

template <typename T>
struct Range {
    T least;
    T most;
};

/// One table of the file. Remembers which keys were asked for; finish() makes problems of the rest.
/// Where shapes are noted, each table that is asked for is there, and empty.
class TableReader {
public:
    /// `section` is its name in problems: "[kafka]", "[ingest.orders] batch".
    TableReader(const TomlTable& table, Place at, std::string section, const Scope& scope);

    /// The entry of a key, if there; the key counts as known either way. For values that may be of
    /// several kinds, which may_be() says.
    const Entry* take(std::string_view key);
    void may_be(std::string_view key, Shape::Kind kind) {
        note({.key = std::string(key), .kind = kind});
    }
    void may_be(std::string_view key, const std::vector<std::string_view>& words);

    /// Whether shapes are noted.
    [[nodiscard]] bool notes_shapes() const { return scope_.shape != nullptr; }
    /// For tables whose keys are the user's own: `kind` may be the value of any. Only where shapes
    /// are noted.
    [[nodiscard]] Scope any_key(Shape::Kind kind) const;

    /// These leave nullopt, or the target as it was, when the key is not there or does not fit.
    std::optional<Text> text(std::string_view key, std::string_view example);
    /// Adds a problem when the key is not there, or its text is empty.
    std::optional<Text> required_text(std::string_view key, std::string_view example);
    /// A list of strings; empty when the key is not there or something in it does not fit.
    std::vector<Text> texts(std::string_view key, std::string_view example);
    void integer(std::string_view key, std::string_view example, Range<std::int64_t> range,
                 std::int64_t& target);
    void truth(std::string_view key, bool& target);
    void size(std::string_view key, std::string_view example, Range<std::size_t> range,
              std::size_t& target);
    void duration(std::string_view key, std::string_view example,
                  Range<std::chrono::milliseconds> range, std::chrono::milliseconds& target);
    std::optional<TableReader> table(std::string_view key, std::string_view example);
    /// A list of tables, each written as [[section.key]].
    std::vector<TableReader> tables(std::string_view key, std::string_view example);

    template <typename Enum>
    void choice(std::string_view key, const std::vector<std::pair<std::string_view, Enum>>& choices,
                Enum& target) {
        std::vector<std::string_view> words;
        for (const auto& [word, value] : choices) words.push_back(word);
        if (const auto index = choice_index(key, words)) target = choices[*index].second;
    }

    /// Adds a problem for each key that nobody took, with the nearest one that is known.
    void finish();

    [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
    [[nodiscard]] Place at() const { return at_; }
    /// Where the value of a key stands, or the table itself where the key is not given.
    [[nodiscard]] Place at(std::string_view key) const;
    [[nodiscard]] const std::string& section() const { return section_; }
    /// A table within it: "[ingest.orders.columns]".
    [[nodiscard]] std::string within(std::string_view key) const;
    [[nodiscard]] const TomlTable& content() const { return *table_; }
    void problem(Place at, std::string text) const { scope_.problems.add(at, std::move(text)); }

private:
    Shape* note(Shape shape);
    TableReader for_shape(Shape& noted) const;
    [[nodiscard]] const Entry* find(std::string_view key) const;
    std::optional<Text> text_of(std::string_view key, std::string_view example);
    std::optional<std::size_t> choice_index(std::string_view key,
                                            const std::vector<std::string_view>& words);

    const TomlTable* table_;
    Place at_;
    std::string section_;
    Scope scope_;
    std::vector<std::string_view> known_;
};

}  // namespace sluice::config
