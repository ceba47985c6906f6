#include "pipeline/mapping/element_reader.h"

#include "pipeline/batch.h"
#include "pipeline/values/json_cursor.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

std::vector<WantedField> within(std::vector<WantedField> wanted, std::size_t depth) {
    for (WantedField& field : wanted) {
        auto& path = field.source.path;
        path.erase(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(depth));
    }
    return wanted;
}

/// Who wants a field of an element says that it has some.
JsonDecoder::Root root_of(const std::vector<WantedField>& wanted, std::size_t depth) {
    const bool has_fields = std::ranges::any_of(
        wanted, [depth](const WantedField& field) { return field.source.path.size() > depth; });
    return has_fields ? JsonDecoder::Root::object : JsonDecoder::Root::anything;
}

}  // namespace

ElementReader::ElementReader(const std::vector<std::string>& path,
                             const std::vector<WantedField>& wanted)
    : decoder_(within(wanted, path.size()), root_of(wanted, path.size())) {}

bool ElementReader::is_within(const std::vector<std::string>& path,
                              const std::vector<std::string>& array) {
    return path.size() >= array.size() && std::equal(array.begin(), array.end(), path.begin());
}

std::optional<JsonError> ElementReader::begin(std::string_view array) {
    elements_.clear();
    next_ = 0;
    array_.assign(array).append(RecordLog::padding, '\0');
    array = std::string_view(array_).substr(0, array.size());
    if (auto error = index_.read(array)) return error;
    JsonCursor cursor(array, index_);
    do {
        cursor.skip_token();
        if (cursor.peek() == ']' && elements_.empty()) return std::nullopt;
        const char* const first = cursor.here();
        if (!cursor.skip_value()) break;
        elements_.emplace_back(first, static_cast<std::size_t>(cursor.after() - first));
    } while (cursor.peek() == ',');
    if (cursor.error().what == nullptr) {
        if (cursor.peek() == ']') return std::nullopt;
        cursor.fail("\",\" or \"]\" is expected");
    }
    elements_.clear();
    return cursor.error();
}

bool ElementReader::read(std::span<Value> slots) {
    const std::string_view element = elements_[next_++];
    return decoder_.decode({.bytes = element, .headers = {}}, slots, nullptr);
}

}  // namespace sluice
