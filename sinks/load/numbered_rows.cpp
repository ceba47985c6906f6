#include "sinks/load/numbered_rows.h"

#include "pipeline/values/binary_copy.h"
#include "pipeline/values/hex.h"

#include <cstring>
#include <string>

namespace sluice {

void NumberedRows::append(CopyForm form, std::size_t number, RecordLog::Index record,
                          std::string_view row, std::span<const std::string_view> bytes) {
    EncodedRows& to = form == CopyForm::binary ? binary : text;
    (form == CopyForm::binary ? binary_numbers : text_numbers).push_back(number);
    if (form == CopyForm::binary) {
        std::int16_t count = 0;
        std::memcpy(&count, row.data(), sizeof count);
        row.remove_prefix(sizeof count);
        binary_copy::append_column_count(
            to.bytes, static_cast<std::size_t>(binary_copy::big_endian(count)) + 1 + bytes.size());
        binary_copy::append_field(to.bytes, static_cast<std::int32_t>(number));
        for (const std::string_view value : bytes) binary_copy::append_field(to.bytes, value);
    } else {
        to.bytes += std::to_string(number);
        for (const std::string_view value : bytes) {
            to.bytes += "\t\\\\x";
            append_hex(to.bytes, value);
        }
        to.bytes += '\t';
    }
    to.bytes += row;
    to.rows.push_back({.record = record, .end = to.bytes.size()});
}

std::vector<std::size_t> numbers_in(const Rows& rows) {
    std::vector<std::size_t> numbers;
    for (std::size_t row = 0; row < rows.rows.size(); ++row)
        numbers.push_back(static_cast<std::size_t>(rows.number(row, 0)));
    return numbers;
}

}  // namespace sluice
