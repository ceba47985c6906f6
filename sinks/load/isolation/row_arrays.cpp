#include "sinks/load/isolation/row_arrays.h"

#include "pipeline/values/binary_copy.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

/// The server has them in memory, more than once.
constexpr std::size_t most_bytes = 4u << 20;

/// An array's parameter has no modifier, as in numeric(10, 2). Of these types the cast makes of a
/// value what COPY makes of it, if COPY takes the value at all.
constexpr const char* casts_as_copy_reads =
    "t.oid IN ('pg_catalog.numeric'::regtype, 'pg_catalog.varchar'::regtype,"
    " 'pg_catalog.bpchar'::regtype, 'pg_catalog.timestamp'::regtype,"
    " 'pg_catalog.timestamptz'::regtype, 'pg_catalog.time'::regtype)";

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

RowArrays::RowArrays(Session& session, std::string target, std::vector<std::string> columns)
    : session_(session),
      target_(std::move(target)),
      columns_(std::move(columns)),
      number_(quote_identifier(unused_name("row", columns_))) {}

bool RowArrays::choose(std::vector<std::size_t> taken) {
    taken_.clear();
    // Modifier -1 is none; without one format_type() says character[], which is character(1)[].
    std::ranges::sort(taken);
    const Rows rows = session_.exec(
        std::string("SELECT a.attname, t.oid::bigint, format_type(t.typarray, -1),"
                    " CASE WHEN a.atttypmod <> -1 THEN format_type(t.oid, a.atttypmod) END, ") +
            own_collation +
            " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
            " WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped"
            " AND t.typarray <> 0 AND (a.atttypmod = -1 OR " +
            casts_as_copy_reads + ")",
        {target_});
    for (const std::size_t index : taken) {
        const auto type = std::ranges::find_if(
            rows.rows, [&](const Row& row) { return row[0] == columns_[index]; });
        if (type == rows.rows.end()) return false;
        const auto at = static_cast<std::size_t>(type - rows.rows.begin());
        std::string made_of;
        if (const Cell& with_modifier = (*type)[3]) made_of += "::" + *with_modifier;
        if (const Cell& collation = (*type)[4]) made_of += " COLLATE " + *collation;
        taken_.push_back({.index = index,
                          .type = rows.number(at, 1),
                          .array_type = rows.text(at, 2),
                          .made_of = std::move(made_of)});
    }
    return true;
}

std::size_t RowArrays::take(const EncodedRows& rows, std::size_t begin, std::size_t end,
                            const RowChanges& changes) {
    rows_.clear();
    std::vector<std::string> fields_of(taken_.size());
    std::size_t bytes = 0;
    std::size_t next = begin;
    for_each_row(rows, begin, end, changes, [&](std::size_t row, std::string_view of_row) {
        if (bytes >= most_bytes) return;
        next = row + 1;
        rows_.push_back(row);
        FieldWalker fields(of_row, CopyForm::binary);
        std::size_t column = 0;
        for (std::size_t i = 0; i < taken_.size(); ++i, ++column) {
            for (; column < taken_[i].index; ++column) static_cast<void>(fields.next());
            const std::string_view field = fields.next();
            bytes += field.size();
            fields_of[i] += field;
        }
    });
    for (std::size_t i = 0; i < taken_.size(); ++i)
        taken_[i].array = array_header(taken_[i].type, rows_.size()).append(fields_of[i]);
    return bytes >= most_bytes ? next : end;
}

std::string RowArrays::rows_as(const std::string& alias) const {
    // In a list of columns they go side by side, and nobody collects them first.
    std::string columns =
        "generate_series(0, " + std::to_string(rows_.size()) + " - 1) AS " + number_;
    int parameter = 0;
    for (const Taken& taken : taken_)
        columns += ", unnest($" + std::to_string(++parameter) + "::" + taken.array_type + ")" +
                   taken.made_of + " AS " + quote_identifier(columns_[taken.index]);
    return "(SELECT " + columns + ") " + alias;
}

Rows RowArrays::exec(const std::string& sql) {
    std::vector<std::string_view> arrays;
    for (const Taken& taken : taken_) arrays.push_back(taken.array);
    return session_.exec_binary(sql, arrays);
}

}  // namespace sluice
