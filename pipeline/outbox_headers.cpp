#include "pipeline/json_cursor.h"
#include "pipeline/json_index.h"
#include "pipeline/json_text.h"
#include "pipeline/outbox_event.h"

namespace sluice {
namespace {

/// Reads one event's headers; what it makes lives in the batch's memory.
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
        Header header;
        bool has_name = false;
        const bool fine = read_fields([&](std::string_view raw) {
            if (raw == "value") return read_value(header.value);
            if (raw != "name") return complain("a header with a \"" + std::string(raw) + "\"");
            std::string_view name;
            if (cursor_.peek() != '"') return complain("a header whose name is no string");
            has_name = true;
            return cursor_.read_string(name) && text_of(name, header.name);
        });
        if (!fine) return false;
        if (!has_name) return complain("a header without a name");
        to_.push_back(header);
        return true;
    }

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

std::string_view name_of(RefusalReason reason) {
    switch (reason) {
        case RefusalReason::no_topic:
            return "no_topic";
        case RefusalReason::unknown_topic:
            return "unknown_topic";
        case RefusalReason::bad_topic:
            return "bad_topic";
        case RefusalReason::bad_partition:
            return "bad_partition";
        case RefusalReason::bad_headers:
            return "bad_headers";
        case RefusalReason::too_large:
            return "too_large";
        case RefusalReason::refused_by_broker:
            break;
    }
    return "refused_by_broker";
}

std::vector<Refusal> read_headers(EventBatch& batch) {
    std::vector<Refusal> refusals;
    JsonIndex index;
    std::vector<Header> headers;
    for (std::size_t i = 0; i < batch.events().size(); ++i) {
        OutboxEvent& event = batch.events()[i];
        if (!event.headers_json || event.refused) continue;
        headers.clear();
        HeadersReader reader(index, batch.memory(), headers);
        if (std::string complaint = reader.read(*event.headers_json); !complaint.empty()) {
            refusals.push_back({i, RefusalReason::bad_headers, "headers: " + std::move(complaint)});
            event.refused = true;  // once: nobody looks for a second reason
            continue;
        }
        event.headers.insert(event.headers.end(), headers.begin(), headers.end());
    }
    return refusals;
}

}  // namespace sluice
