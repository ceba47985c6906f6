#include "sinks/copy/copy_rows.h"

#include "pipeline/values/binary_copy.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice {

CopyStatement copy_statement(const Table& table, std::vector<std::string> columns, CopyForm form) {
    std::string target = qualified(table);
    std::string sql = "COPY " + target + " (" + identifier_list(columns) + ") FROM STDIN" +
                      (form == CopyForm::binary ? " (FORMAT binary)" : "");
    return {std::move(target), table.name, std::move(columns), std::move(sql), form};
}

std::string_view copy_header() {
    // Signature, flags, size of the header's extension.
    static constexpr char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
    return {header, sizeof header - 1};
}

std::string_view copy_trailer() {
    return "\377\377";
}

void put_rows(Session& session, const EncodedRows& rows, std::size_t begin, std::size_t end) {
    const std::size_t first = rows.begin_of(begin);
    session.put(std::string_view(rows.bytes).substr(first, rows.begin_of(end) - first));
}

void feed_copy(Session& session, const CopyStatement& statement, const EncodedRows& rows) {
    session.await_copy();
    const bool binary = statement.form == CopyForm::binary;
    if (binary) session.put(copy_header());
    put_rows(session, rows, 0, rows.rows.size());
    if (binary) session.put(copy_trailer());
    session.end_copy();
}

void copy_whole(Session& session, const CopyStatement& statement, const EncodedRows& rows) {
    session.send(statement.sql);
    feed_copy(session, statement, rows);
    session.finish();
}

FieldWalker::FieldWalker(std::string_view row, CopyForm form) : rest_(row), form_(form) {
    if (form == CopyForm::binary)
        rest_.remove_prefix(sizeof(std::int16_t));  // the number of fields
    else
        rest_.remove_suffix(1);  // the line's end
}

std::string_view FieldWalker::next() {
    std::size_t size = 0;
    if (form_ == CopyForm::binary) {
        std::int32_t length = 0;
        std::memcpy(&length, rest_.data(), sizeof length);
        length = std::max(binary_copy::big_endian(length), 0);  // -1: NULL
        size = sizeof length + static_cast<std::size_t>(length);
    } else {
        size = std::min(rest_.find('\t'), rest_.size());
    }
    const std::string_view field = rest_.substr(0, size);
    // What is within a text field escapes its tabs.
    if (form_ == CopyForm::text) ++size;
    rest_.remove_prefix(std::min(size, rest_.size()));
    return field;
}

bool is_null(std::string_view field, CopyForm form) {
    return form == CopyForm::binary ? field == "\377\377\377\377" : field == "\\N";
}

std::optional<std::string> with_null(std::string_view row, CopyForm form, std::size_t column) {
    FieldWalker fields(row, form);
    for (std::size_t i = 0; i < column; ++i) static_cast<void>(fields.next());
    const std::string_view field = fields.next();
    if (is_null(field, form)) return std::nullopt;
    const auto begin = static_cast<std::size_t>(field.data() - row.data());
    std::string changed(row.substr(0, begin));
    if (form == CopyForm::binary)
        binary_copy::append_null(changed);
    else
        changed += "\\N";
    return changed.append(row.substr(begin + field.size()));
}

}  // namespace sluice
