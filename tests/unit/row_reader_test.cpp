#include "produce/row_reader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

using namespace sluice;

namespace {

/// All rows as "line:text|", read in pieces of `piece` bytes.
std::string rows(const std::string& content, RowReader::Form form, std::size_t piece,
                 const config::Csv& csv = {}) {
    std::size_t at = 0;
    RowReader reader(
        [&](char* to, std::size_t size) {
            const std::size_t count = std::min({piece, size, content.size() - at});
            std::memcpy(to, content.data() + at, count);
            at += count;
            return count;
        },
        form, csv);
    std::string shown;
    while (const auto row = reader.next()) {
        shown += std::to_string(row->line) + ":" + std::string(row->text) + "|";
    }
    CHECK(reader.bytes_read() == content.size());
    return shown;
}

void check(const std::string& content, RowReader::Form form, const std::string& expected,
           const config::Csv& csv = {}) {
    for (const std::size_t piece : {1, 2, 3, 7, 100000}) {
        CAPTURE(piece);
        CHECK(rows(content, form, piece, csv) == expected);
    }
}

}  // namespace

TEST_CASE("rows: lines end with a line feed, before which a carriage return is dropped") {
    constexpr auto lines = RowReader::Form::lines;
    check("", lines, "");
    check("a", lines, "1:a|");
    check("a\nb\n", lines, "1:a|2:b|");
    check("a\r\n\r\nb", lines, "1:a|2:|3:b|");
    check("\"a\nb\"\n", lines, "1:\"a|2:b\"|");
    check("\n", lines, "1:|");
}

TEST_CASE("rows: a byte order mark is no part of the first row") {
    const std::string mark = "\xEF\xBB\xBF";
    check(mark + "a\nb", RowReader::Form::lines, "1:a|2:b|");
    check(mark + "\"a\n\"", RowReader::Form::csv, "1:\"a\n\"|");
    check("\n" + mark, RowReader::Form::lines, "1:|2:" + mark + "|");
}

TEST_CASE("rows: a quoted field of CSV holds line breaks, and later rows know their line") {
    constexpr auto csv = RowReader::Form::csv;
    check("a,\"b\nc\",d\ne\n", csv, "1:a,\"b\nc\",d|3:e|");
    check("\"\"\"\n\"\"\",x\ny", csv, "1:\"\"\"\n\"\"\",x|3:y|");
    check("a,\"\"\nb\n", csv, "1:a,\"\"|2:b|");
    check("a,b\n\"c\"\n", csv, "1:a,b|2:\"c\"|");
    check("x\"a\nb\"y\nz\n", csv, "1:x\"a\nb\"y|3:z|");
    check("a,\"b\nc", csv, "1:a,\"b\nc|");
    const config::Csv escaped{.delimiter = ',', .quote = '\'', .escape = '\\', .null = ""};
    check("'a\\'\nb',c\nd\n", csv, "1:'a\\'\nb',c|3:d|", escaped);
    check("'a\\\\'\nd\n", csv, "1:'a\\\\'|2:d|", escaped);
    check("'a\\", csv, "1:'a\\|", escaped);
}

TEST_CASE("rows: long rows and many rows pass through the same buffer") {
    std::string content;
    std::string expected;
    for (int i = 1; i <= 300; ++i) {
        const std::string text(static_cast<std::size_t>(i * 37 % 9000 + (i == 100 ? 1 << 20 : 0)),
                               static_cast<char>('a' + i % 26));
        content += text + "\n";
        expected += std::to_string(i) + ":" + text + "|";
    }
    CHECK(rows(content, RowReader::Form::csv, 65536) == expected);
    CHECK(rows(content, RowReader::Form::lines, 1 << 30) == expected);
}

TEST_CASE("rows: a quote that does not end is told, not read without end") {
    RowReader reader(
        [first = true](char* to, std::size_t size) mutable {
            std::memset(to, 'x', size);
            if (first) *to = '"';
            first = false;
            return size;
        },
        RowReader::Form::csv);
    CHECK_THROWS_AS(static_cast<void>(reader.next()), std::length_error);
}
