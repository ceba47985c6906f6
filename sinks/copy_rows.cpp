#include "sinks/copy_rows.h"

namespace sluice {

CopyStatement copy_statement(const std::string& qualified_table,
                             const std::vector<std::string>& columns, CopyForm form) {
    std::string list;
    for (const std::string& column : columns) {
        if (!list.empty()) list += ",";
        list += quote_identifier(column);
    }
    return {"COPY " + qualified_table + " (" + list + ") FROM STDIN" +
                (form == CopyForm::binary ? " (FORMAT binary)" : ""),
            form};
}

std::string_view copy_header() {
    // Signature, flags, size of the header's extension.
    static constexpr char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
    return {header, sizeof header - 1};
}

std::string_view copy_trailer() {
    return "\377\377";
}

void put_rows(Session& session, CopyForm form, const EncodedRows& rows, std::size_t begin,
              std::size_t end) {
    const std::size_t first = rows.begin_of(begin);
    const std::size_t last = rows.begin_of(end);
    if (form == CopyForm::binary) session.put(copy_header());
    session.put(std::string_view(rows.bytes).substr(first, last - first));
    if (form == CopyForm::binary) session.put(copy_trailer());
}

}  // namespace sluice
