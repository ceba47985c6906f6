#include "sinks/load/isolation/changed_rows.h"

#include <utility>

namespace sluice {

void ChangedRows::begin(const EncodedRows& rows) {
    rows_ = &rows;
    changes_.clear();
    left_out_.clear();
}

void ChangedRows::leave_out(std::size_t row) {
    std::optional<std::string>& change = changes_[row];
    if (change) left_out_[row] = std::move(*change);
    change.reset();
}

void ChangedRows::put_back(std::size_t row) {
    changes_.erase(row);
    if (auto changed = left_out_.extract(row)) changes_[row] = std::move(changed.mapped());
}

bool ChangedRows::make_null(std::size_t row, std::size_t field) {
    auto after = with_null(bytes_of(row), form_, field);
    if (!after) return false;
    changes_[row] = std::move(after);
    return true;
}

bool ChangedRows::has(std::size_t row) const {
    const auto changed = changes_.find(row);
    return changed == changes_.end() || changed->second;
}

std::string_view ChangedRows::bytes_of(std::size_t row) const {
    const auto changed = changes_.find(row);
    return changed != changes_.end() && changed->second ? std::string_view(*changed->second)
                                                        : rows_->bytes_of(row);
}

std::size_t ChangedRows::count(std::size_t begin, std::size_t end) const {
    std::size_t count = end - begin;
    for (auto at = changes_.lower_bound(begin); at != changes_.end() && at->first < end; ++at)
        if (!at->second) --count;
    return count;
}

std::size_t ChangedRows::row_of_line(std::size_t begin, std::size_t line) const {
    std::size_t row = begin + line - 1;
    for (auto at = changes_.lower_bound(begin); at != changes_.end() && at->first <= row; ++at)
        if (!at->second) ++row;
    return row;
}

void ChangedRows::put(Session& session, std::size_t begin, std::size_t end) const {
    const bool binary = form_ == CopyForm::binary;
    if (binary) session.put(copy_header());
    for (auto at = changes_.lower_bound(begin); at != changes_.end() && at->first < end; ++at) {
        put_rows(session, *rows_, begin, at->first);
        if (at->second) session.put(*at->second);
        begin = at->first + 1;
    }
    put_rows(session, *rows_, begin, end);
    if (binary) session.put(copy_trailer());
}

}  // namespace sluice
