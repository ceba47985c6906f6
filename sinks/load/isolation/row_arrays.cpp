#include "sinks/load/isolation/row_arrays.h"

#include "pipeline/values/binary_copy.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

/// The server has them in memory, more than once.
constexpr std::size_t most_bytes = 4u << 20;

/// One dimension, from 1.
std::string array_header(std::int64_t type, std::size_t elements) {
    std::string header;
    binary_copy::append_int(header, std::int32_t{elements == 0 ? 0 : 1});
    binary_copy::append_int(header, std::int32_t{0});  // the server looks for NULLs by itself
    binary_copy::append_int(header, static_cast<std::uint32_t>(type));
    if (elements == 0) return header;
    binary_copy::append_int(header, static_cast<std::int32_t>(elements));
    binary_copy::append_int(header, std::int32_t{1});
    return header;
}

}  // namespace

RowArrays::RowArrays(Session& session, std::vector<std::string> columns)
    : session_(session),
      columns_(std::move(columns)),
      number_(quote_identifier(unused_name("row", columns_))) {}

bool RowArrays::choose(std::vector<std::size_t> taken, const SqlTypes& types) {
    taken_.clear();
    std::ranges::sort(taken);
    for (const std::size_t index : taken) {
        const auto type = types.find(columns_[index]);
        if (type == types.end() || type->second.array.empty()) return false;
        taken_.push_back({.index = index, .type = type->second});
    }
    return true;
}

std::size_t RowArrays::take(const RowRange& range) {
    rows_.clear();
    std::vector<std::string> fields_of(taken_.size());
    std::size_t bytes = 0;
    std::size_t next = range.begin;
    range.for_each([&](std::size_t row, std::string_view of_row) {
        if (bytes >= most_bytes) return;
        next = row + 1;
        rows_.push_back(row);
        FieldWalker fields(of_row, range.form);
        std::size_t column = 0;
        for (std::size_t i = 0; i < taken_.size(); ++i, ++column) {
            for (; column < taken_[i].index; ++column) static_cast<void>(fields.next());
            const std::string_view field = fields.next();
            bytes += field.size();
            fields_of[i] += field;
        }
    });
    for (std::size_t i = 0; i < taken_.size(); ++i)
        taken_[i].array = array_header(taken_[i].type.oid, rows_.size()).append(fields_of[i]);
    return bytes >= most_bytes ? next : range.end;
}

std::string RowArrays::rows_as(const std::string& alias) const {
    // In a list of columns they go side by side, and nobody collects them first.
    std::string columns =
        "generate_series(0, " + std::to_string(rows_.size()) + " - 1) AS " + number_;
    int parameter = 0;
    for (const Taken& taken : taken_) {
        const SqlType& type = taken.type;
        columns += ", unnest($" + std::to_string(++parameter) + "::" + type.array +
                   ")::" + type.sql + (type.collation.empty() ? "" : " COLLATE ") + type.collation +
                   " AS " + quote_identifier(columns_[taken.index]);
    }
    return "(SELECT " + columns + ") " + alias;
}

Rows RowArrays::exec(const std::string& sql) {
    std::vector<std::string_view> arrays;
    for (const Taken& taken : taken_) arrays.push_back(taken.array);
    return session_.exec_binary(sql, arrays);
}

}  // namespace sluice
