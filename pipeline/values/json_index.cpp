#include "pipeline/values/json_index.h"

#include "pipeline/values/utf8.h"

#include <simdjson.h>

#include <algorithm>
#include <new>

namespace sluice {

struct JsonIndex::Stage {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> of_simdjson;

    void hold(std::size_t size) {
        if (of_simdjson && of_simdjson->capacity() >= size) return;
        const std::size_t capacity = std::max<std::size_t>(size + size / 2, 16384);
        const auto error =
            of_simdjson ? of_simdjson->allocate(capacity, 1)
                        : simdjson::get_active_implementation()->create_dom_parser_implementation(
                              capacity, 1, of_simdjson);
        if (error != simdjson::SUCCESS) throw std::bad_alloc();
    }
};

namespace {

/// The first stage says what is wrong, not where; only rejects pay for finding out.
JsonError locate(simdjson::error_code error, std::string_view text) {
    if (error == simdjson::UTF8_ERROR) return {"invalid UTF-8", utf8::first_invalid(text)};
    if (error == simdjson::UNESCAPED_CHARS) {
        bool in_string = false;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (in_string && static_cast<unsigned char>(text[i]) < 0x20) {
                return {"a control character in a string", i};
            }
            if (in_string && text[i] == '\\') {
                ++i;
            } else if (text[i] == '"') {
                in_string = !in_string;
            }
        }
        return {"a control character in a string", text.size()};
    }
    if (error == simdjson::UNCLOSED_STRING) return {"a string that does not end", text.size()};
    if (error == simdjson::EMPTY) return {"nothing there", 0};
    return {simdjson::error_message(error), 0};
}

}  // namespace

JsonIndex::JsonIndex() : stage_(std::make_unique<Stage>()) {}
JsonIndex::~JsonIndex() = default;
JsonIndex::JsonIndex(JsonIndex&&) noexcept = default;

std::optional<JsonError> JsonIndex::read(std::string_view text) {
    begin_ = end_ = nullptr;
    if (text.empty()) return JsonError{"nothing there", 0};
    stage_->hold(text.size());
    auto& stage = *stage_->of_simdjson;
    const auto error = stage.stage1(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                                    simdjson::stage1_mode::regular);
    if (error != simdjson::SUCCESS) return locate(error, text);
    begin_ = stage.structural_indexes.get();
    end_ = begin_ + stage.n_structural_indexes;
    stage.structural_indexes[stage.n_structural_indexes] = static_cast<std::uint32_t>(text.size());
    return std::nullopt;
}

}  // namespace sluice
