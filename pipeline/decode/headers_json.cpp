#include "pipeline/decode/headers_json.h"

#include "pipeline/values/conversion.h"
#include "pipeline/values/json_cursor.h"
#include "pipeline/values/json_text.h"

#include <optional>

namespace sluice {
namespace {

class HeadersReader {
public:
    HeadersReader(JsonIndex& index, Scratch& memory, std::vector<Header>& to)
        : index_(index), memory_(memory), to_(to) {}

    /// What is wrong; empty: nothing.
    std::string read(std::string_view json) {
        if (const auto error = index_.read(json)) return json::describe(*error);
        cursor_ = JsonCursor(json, index_);
        const bool fine = cursor_.peek() == '{'   ? read_object()
                          : cursor_.peek() == '[' ? read_array()
                                                  : complain("neither an object nor an array");
        if (fine && !cursor_.at_end()) return "text behind the end of the JSON";
        if (fine) return {};
        return complaint_.empty() ? json::describe(cursor_.error()) : complaint_;
    }

private:
    bool complain(std::string what) {
        complaint_ = std::move(what);
        return false;
    }

    /// Goes over "a": 1, "b": 2 } and hands each name over, its value being next.
    template <class OnField>
    bool read_fields(OnField on_field) {
        cursor_.pass();
        if (cursor_.peek() == '}') return cursor_.pass(), true;
        for (;;) {
            std::string_view name;
            if (cursor_.peek() != '"') return cursor_.fail("a name expected");
            if (!cursor_.read_string(name)) return false;
            if (cursor_.peek() != ':') return cursor_.fail("\":\" expected");
            cursor_.pass();
            if (!on_field(name)) return false;
            const char next = cursor_.peek();
            if (next != ',' && next != '}') return cursor_.fail("\",\" or \"}\" expected");
            cursor_.pass();
            if (next == '}') return true;
        }
    }

    bool read_object() {
        return read_fields([&](std::string_view raw) {
            Header header;
            if (!text_of(raw, header.name) || !read_value(header.value)) return false;
            to_.push_back(header);
            return true;
        });
    }

    bool read_array() {
        cursor_.pass();
        if (cursor_.peek() == ']') return cursor_.pass(), true;
        for (;;) {
            if (cursor_.peek() != '{') return complain("an element that is no object");
            if (!read_element()) return false;
            const char next = cursor_.peek();
            if (next != ',' && next != ']') return cursor_.fail("\",\" or \"]\" expected");
            cursor_.pass();
            if (next == ']') return true;
        }
    }

    bool read_element() {
        std::optional<std::string_view> name;
        Header header;
        const bool fine = read_fields([&](std::string_view raw) {
            if (raw == "value") return read_value(header.value);
            if (raw == "name") return cursor_.peek() == '"' ? read_value(name) : no_name();
            if (raw == "value_hex") return read_hex(header.value);
            if (raw == "name_hex") return read_hex(name);
            return complain("a header with a \"" + std::string(raw) + "\"");
        });
        if (!fine) return false;
        if (!name) return no_name();
        header.name = *name;
        to_.push_back(header);
        return true;
    }

    bool no_name() { return complain("a header without a name"); }

    /// A string stands for its text, null for NULL, anything else for its JSON.
    bool read_value(std::optional<std::string_view>& value) {
        if (cursor_.peek() == '"') {
            std::string_view raw;
            std::string_view text;
            if (!cursor_.read_string(raw) || !text_of(raw, text)) return false;
            value = text;
            return true;
        }
        if (cursor_.at_end()) return cursor_.fail("a value expected");
        const char* const from = cursor_.here();
        if (!cursor_.skip_value()) return false;
        const std::string_view json{from, static_cast<std::size_t>(cursor_.after() - from)};
        if (json == "null") {
            value.reset();
        } else {
            value = json;
        }
        return true;
    }

    /// Of bytes that are no text.
    bool read_hex(std::optional<std::string_view>& bytes) {
        std::optional<std::string_view> digits;
        if (!read_value(digits)) return false;
        const Converted converted =
            convert(digits.value_or("?"), config::Conversion::hex, 0, memory_);
        if (converted.complaint != nullptr) return complain("a header that is not hexadecimal");
        bytes = converted.value.text;
        return true;
    }

    bool text_of(std::string_view raw, std::string_view& text) {
        const json::Unescaped unescaped = json::unescape(raw, memory_);
        if (unescaped.complaint != nullptr) return complain(unescaped.complaint);
        text = unescaped.text;
        return true;
    }

    JsonIndex& index_;
    Scratch& memory_;
    std::vector<Header>& to_;
    JsonCursor cursor_;
    std::string complaint_;
};

}  // namespace

std::string read_headers_json(std::string_view json, JsonIndex& index, Scratch& scratch,
                              std::vector<Header>& to) {
    return HeadersReader(index, scratch, to).read(json);
}

}  // namespace sluice
