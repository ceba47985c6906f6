#include "pipeline/encoded_rows.h"

#include <cassert>
#include <cstring>
#include <utility>

namespace sluice {

void PackedTexts::erase(const std::vector<std::size_t>& indices) {
    PackedTexts left;
    auto next = indices.begin();
    for (std::size_t index = 0; index < ends_.size(); ++index) {
        if (next != indices.end() && *next == index)
            ++next;
        else
            left.append((*this)[index]);
    }
    *this = std::move(left);
}

void PackedTexts::cut(std::size_t count) {
    bytes_.resize(count == 0 ? 0 : ends_[count - 1]);
    ends_.resize(count);
}

void PackedTexts::clear() {
    bytes_.clear();
    ends_.clear();
}

void EncodedRows::erase(const std::vector<std::size_t>& rows_to_erase) {
    if (rows_to_erase.empty()) return;
    auto next = rows_to_erase.begin();
    std::size_t kept = *next;
    std::size_t end = begin_of(kept);
    std::size_t begin = end;
    for (std::size_t row = kept; row < rows.size(); ++row) {
        const std::size_t size = rows[row].end - begin;
        if (next != rows_to_erase.end() && *next == row) {
            ++next;
        } else {
            std::memmove(bytes.data() + end, bytes.data() + begin, size);
            end += size;
            rows[kept] = rows[row];
            rows[kept].end = end;
            ++kept;
        }
        begin += size;
    }
    assert(next == rows_to_erase.end() && "indices ascend and exist");
    rows.resize(kept);
    bytes.resize(end);
    if (!keys.empty()) keys.erase(rows_to_erase);
    if (!orders.empty()) orders.erase(rows_to_erase);
}

void EncodedRows::cut(std::size_t count) {
    bytes.resize(begin_of(count));
    rows.resize(count);
    if (!keys.empty()) keys.cut(count);
    if (!orders.empty()) orders.cut(count);
}

void EncodedRows::clear() {
    bytes.clear();
    rows.clear();
    keys.clear();
    orders.clear();
}

void TargetRows::cut(const Extent& extent) {
    binary.cut(extent.binary);
    text.cut(extent.text);
    truncations.resize(extent.truncations);
}

void TargetRows::clear() {
    binary.clear();
    text.clear();
    kept.resize(1);
    truncations.clear();
}

}  // namespace sluice
