#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Text in columns, for people: the first row is the header, numbers (columns whose cells are all
/// numbers) stand right. Cells become printable().
[[nodiscard]] std::string format_table(std::vector<std::vector<std::string>> rows);

/// Text for one line of a terminal, whatever the bytes: control characters (of Unicode too, and
/// those that turn the direction of writing) and what is not UTF-8 are escaped.
[[nodiscard]] std::string printable(std::string_view text);
/// Whether it is UTF-8 in which nothing but line breaks and tabs would be escaped.
[[nodiscard]] bool is_printable(std::string_view bytes);

/// A line of CSV as COPY writes and reads it: null is empty, empty is "".
[[nodiscard]] std::string csv_line(std::span<const std::optional<std::string>> cells);

/// Builds one JSON document, for machines. Commas are its business, balance is the caller's. What
/// is not UTF-8 is replaced; control characters are escaped, all of them.
class JsonWriter {
public:
    JsonWriter& begin_object();
    JsonWriter& end_object();
    JsonWriter& begin_array();
    JsonWriter& end_array();
    JsonWriter& key(std::string_view name);
    JsonWriter& value(std::string_view text);
    JsonWriter& value(const char* text) { return value(std::string_view(text)); }
    JsonWriter& value(long long number);
    /// As many digits as it takes; null when it is no number.
    JsonWriter& value(double number);
    JsonWriter& value(bool truth);
    JsonWriter& null();
    /// key() and value().
    template <class T>
    JsonWriter& field(std::string_view name, const T& of) {
        return key(name).value(of);
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    void separate();

    std::string text_;
    bool needs_comma_ = false;
};

}  // namespace sluice
