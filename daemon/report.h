#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Text in columns, for people: the first row is the header, numbers (columns whose cells are all
/// numbers) stand right.
[[nodiscard]] std::string format_table(const std::vector<std::vector<std::string>>& rows);

/// Builds one JSON document, for machines. Commas are its business, balance is the caller's.
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
    JsonWriter& value(bool truth);
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
