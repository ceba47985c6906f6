#include "sinks/load/isolation/staged_rows.h"

#include "pipeline/values/binary_copy.h"
#include "sinks/session/server_family.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace sluice {
namespace {
constexpr std::size_t block = 128u << 10;
/// What is left of so many of the same size is cheaper read than truncated.
constexpr std::size_t most_fills = 8;
}  // namespace

StagedRows::StagedRows(Session& session, Options options)
    : session_(session),
      options_(std::move(options)),
      number_(quote_identifier(unused_name("row", options_.columns))) {}

/// Under a new name, since the columns may be others.
bool StagedRows::choose(std::vector<std::size_t> taken, const SqlTypes& types) {
    taken_ = std::move(taken);
    std::string columns;
    fields_ = number_;
    for (const std::size_t index : taken_) {
        const std::string& name = options_.columns[index];
        fields_ += ", " + quote_identifier(name);
        const auto type = types.find(name);
        if (type == types.end()) continue;
        columns += ", " + quote_identifier(name) + " " + type->second.sql;
        if (!type->second.collation.empty()) columns += " COLLATE " + type->second.collation;
    }
    create_ = !table_.empty() ? "DROP TABLE IF EXISTS " + table_ + ";" : "";
    // Unique in the process, and so in the session, whoever else stages rows there.
    static std::atomic<int> tables = 0;
    const std::string name = options_.name + "_" + std::to_string(++tables);
    const bool mpp = is_mpp(session_.family());
    create_ += "CREATE TEMPORARY TABLE IF NOT EXISTS " + name + " (" + number_ + " bigint" +
               columns + besides_.columns + ") WITH (" + (mpp ? "appendonly=false, " : "") +
               "fillfactor=" + std::to_string(options_.fill) + ") ON COMMIT DELETE ROWS" +
               (mpp ? " " + distribution() : "");
    table_ = "pg_temp." + name;
    if (besides_.make) create_ += ";" + besides_.make(table_);
    rows_.clear();
    first_ = emptied_ = 0;
    return true;
}

/// As the target's, where the rows have what that needs: a row then meets those of its key in its
/// own segment. NULL: of a table without a policy.
std::string StagedRows::distribution() const {
    const Rows rows = session_.exec(
        "SELECT pg_get_table_distributedby(d.localoid), a.attname FROM gp_distribution_policy d"
        " LEFT JOIN pg_attribute a ON a.attrelid = d.localoid AND a.attnum = ANY (d.distkey)"
        " WHERE d.localoid = $1::regclass",
        {options_.target});
    const auto is_staged = [&](const Row& row) {
        return row[1] && std::ranges::any_of(taken_, [&](std::size_t taken) {
                   return options_.columns[taken] == *row[1];
               });
    };
    if (rows.rows.empty() || !std::ranges::all_of(rows.rows, is_staged))
        return "DISTRIBUTED RANDOMLY";
    return rows.text(0, 0);
}

std::size_t StagedRows::take(const RowRange& range) {
    // What comes now has numbers of its own, even if a rollback brings back what TRUNCATE took.
    // Where rows are alone that does not matter: the next take takes it again.
    if (!options_.alone) first_ += rows_.size();
    // Mostly a COMMIT has emptied it, but whether there was one, others know.
    const bool crowded =
        options_.alone || first_ - emptied_ > most_fills * (range.end - range.begin);
    if (crowded) emptied_ = first_;
    session_.run(crowded ? create_ + ";TRUNCATE " + table_ : create_);
    rows_.clear();
    try {
        copy(range);
    } catch (const DatabaseError& error) {
        throw NotStaged(error);
    }
    return range.end;
}

void StagedRows::copy(const RowRange& range) {
    const bool binary = range.form == CopyForm::binary;
    session_.send("COPY " + table_ + " (" + fields_ + ") FROM STDIN" +
                  (binary ? " (FORMAT binary)" : ""));
    session_.await_copy();
    std::string buffer;
    if (binary) buffer = copy_header();
    range.for_each([&](std::size_t index, std::string_view row) {
        append(buffer, row, range.form);
        rows_.push_back(index);
        if (buffer.size() < block) return;
        session_.put(buffer);
        buffer.clear();
    });
    if (binary) buffer += copy_trailer();
    session_.put(buffer);
    session_.end_copy();
    session_.finish();
}

void StagedRows::append(std::string& to, std::string_view row, CopyForm form) const {
    FieldWalker fields(row, form);
    const bool binary = form == CopyForm::binary;
    if (binary) {
        binary_copy::append_column_count(to, taken_.size() + 1);
        binary_copy::append_field(to, static_cast<std::int64_t>(first_ + rows_.size()));
    } else {
        to += std::to_string(first_ + rows_.size());
    }
    std::size_t column = 0;
    for (const std::size_t taken : taken_) {
        for (; column < taken; ++column) static_cast<void>(fields.next());
        if (!binary) to += '\t';
        to += fields.next();
        ++column;
    }
    if (!binary) to += '\n';
}

}  // namespace sluice
