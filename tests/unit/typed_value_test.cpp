#include "pipeline/values/canonical_text.h"
#include "pipeline/values/copy_text.h"
#include "pipeline/values/encoder.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace sluice;
using Kind = Value::Kind;

namespace {

std::string text_of(const Value& value) {
    std::string text;
    append_canonical_text(text, value);
    return text;
}

std::string json_of(const Value& value) {
    std::string text;
    append_canonical_json(text, value);
    return text;
}

std::string decimal(const std::string& bytes, std::int32_t scale) {
    return text_of(Value::of_decimal(bytes, scale));
}

__extension__ typedef __int128 Wide;

/// Two's complement of a number, the shortest there is, then lengthened by `more` bytes of sign.
std::string bytes_of(Wide number, std::size_t more = 0) {
    std::string bytes;
    do {
        bytes.insert(bytes.begin(), static_cast<char>(number & 0xff));
        number >>= 8;
    } while (number != 0 && number != -1);
    const bool negative = number < 0;
    if (negative != ((bytes[0] & 0x80) != 0)) ++more;
    return std::string(more, negative ? '\xff' : '\0') + bytes;
}

struct Encoded {
    Verdict verdict;
    std::string bytes;
    bool operator==(const Encoded&) const = default;
};

Encoded encoded(const Value& value, const Column& column, bool utc = true) {
    Encoding encoding;
    encoding.session_is_utc = utc;
    RowBuffer to;
    const Verdict verdict = value.is_typed() ? encode_typed(value, column, encoding, to)
                                             : encoder_for(column)(value, column, encoding, to);
    if (verdict != Verdict::encoded) to.clear();
    return {verdict, std::string(to.view())};
}

std::vector<Column> columns() {
    const auto numeric = [](const char* name, int precision, int scale) {
        Column column{"v", ColumnType::numeric, name};
        column.typmod = (precision << 16 | scale) + 4;
        return column;
    };
    return {{"v", ColumnType::int2, "smallint"},
            {"v", ColumnType::int4, "integer"},
            {"v", ColumnType::int8, "bigint"},
            {"v", ColumnType::float4, "real"},
            {"v", ColumnType::float8, "double precision"},
            {"v", ColumnType::numeric, "numeric"},
            numeric("numeric(7,2)", 7, 2),
            numeric("numeric(38,10)", 38, 10),
            {"v", ColumnType::boolean, "boolean"},
            {"v", ColumnType::text, "text"},
            {"v", ColumnType::bytea, "bytea"},
            {"v", ColumnType::uuid, "uuid"},
            {"v", ColumnType::date, "date"},
            {"v", ColumnType::time, "time"},
            {"v", ColumnType::timestamp, "timestamp"},
            {"v", ColumnType::timestamptz, "timestamptz"}};
}

}  // namespace

TEST_CASE("typed value: its text is the database's own") {
    CHECK(text_of(Value::of(Kind::boolean, 1)) == "true");
    CHECK(text_of(Value::of(Kind::integer, std::numeric_limits<std::int64_t>::min())) ==
          "-9223372036854775808");
    CHECK(text_of(Value::of(Kind::date, 19737)) == "2024-01-15");
    CHECK(text_of(Value::of(Kind::date, -719163)) == "0001-12-31 BC");
    CHECK(text_of(Value::of(Kind::date, 2932897)) == "10000-01-01");
    CHECK(text_of(Value::of(Kind::time, 37800000001)) == "10:30:00.000001");
    CHECK(text_of(Value::of(Kind::timestamp, 1705314600120000)) == "2024-01-15 10:30:00.12");
    CHECK(text_of(Value::of(Kind::instant, -1)) == "1969-12-31 23:59:59.999999+00");
    const std::string uuid = "\xa0\xee\xbc\x99\x9c\x0b\x4e\xf8\xbb\x6d\x6b\xb9\xbd\x38\x0a\x11";
    CHECK(text_of({Kind::uuid, uuid}) == "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    const std::string interval("\0\0\0\0\0\x0f\x42\x41\xff\xff\xff\xfe\0\0\0\x01", 16);
    CHECK(text_of({Kind::interval, interval}) == "1 mons -2 days +00:00:01.000001");
    CHECK(json_of(Value::of(Kind::date, 0)) == "\"1970-01-01\"");
    CHECK(json_of(Value::of(Kind::integer, 7)) == "7");
    CHECK(json_of(Value::of_real(Kind::real64, std::nan(""))) == "\"NaN\"");
}

TEST_CASE(
    "typed value: a real's text is the shortest, with an exponent where the database has one") {
    const auto real64 = [](double number) { return text_of(Value::of_real(Kind::real64, number)); };
    const auto real32 = [](float number) { return text_of(Value::of_real(Kind::real32, number)); };
    CHECK(real64(0.1) == "0.1");
    CHECK(real64(-0.0) == "-0");
    CHECK(real64(100000) == "100000");
    CHECK(real64(123456789012345) == "123456789012345");
    CHECK(real64(1e15) == "1e+15");
    CHECK(real64(0.0001) == "0.0001");
    CHECK(real64(0.00001) == "1e-05");
    CHECK(real64(-HUGE_VAL) == "-Infinity");
    CHECK(real32(0.1F) == "0.1");
    CHECK(real32(1e6F) == "1e+06");
    CHECK(real32(123456) == "123456");
}

TEST_CASE("typed value: a decimal of any length, scale and sign") {
    using namespace std::string_literals;
    CHECK(decimal("", 2) == "0.00");
    CHECK(decimal("\0"s, 0) == "0");
    CHECK(decimal("\x04\xd2", 2) == "12.34");
    CHECK(decimal("\xff", 3) == "-0.001");
    CHECK(decimal("\x7b", -3) == "123000");
    CHECK(decimal("\x80"s + std::string(7, '\0'), 0) == "-9223372036854775808");
    CHECK(decimal("\xff"s + std::string(8, '\0'), 0) == "-18446744073709551616");
    CHECK(decimal("\x01"s + std::string(8, '\0'), 1) == "1844674407370955161.6");
    CHECK(decimal("\0\xff"s + std::string(7, '\xff'), 0) == "18446744073709551615");
    CHECK(decimal("\x01", 20000) == "1e-20000");
    CHECK(decimal(std::string(longest_decimal, '\x11'), 0).size() == 157826);
    std::mt19937_64 random(1);
    for (int round = 0; round < 2000; ++round) {
        auto number = static_cast<Wide>(random()) << 63 | static_cast<Wide>(random() >> 1);
        number >>= random() % 127;
        std::string digits;
        for (Wide rest = number; rest != 0; rest /= 10) {
            const auto digit = static_cast<int>(rest % 10);
            digits.insert(digits.begin(), static_cast<char>('0' + (digit < 0 ? -digit : digit)));
        }
        if (number < 0) digits.insert(0, 1, '-');
        CHECK(decimal(bytes_of(number, random() % 12), 0) == (digits.empty() ? "0" : digits));
    }
}

TEST_CASE("typed value: in every column what its text would be") {
    std::vector<Value> values;
    const std::string uuid("\xa0\xee\xbc\x99\x9c\x0b\x4e\xf8\xbb\x6d\x6b\xb9\xbd\x38\x0a\x11");
    values.emplace_back(Kind::uuid, uuid);
    for (const int yes : {0, 1}) values.push_back(Value::of(Kind::boolean, yes));
    for (const std::int64_t number : std::vector<std::int64_t>{
             0, 1, -1, 10000, -32768, -32769, 32767, 32768, 2147483647, 2147483648, 16777217,
             9007199254740993, std::numeric_limits<std::int64_t>::min(),
             std::numeric_limits<std::int64_t>::max()}) {
        values.push_back(Value::of(Kind::integer, number));
    }
    for (const double real : {0.0, -0.0, 1.0, 0.1, 1e15, 1e300, 5e-324, 123.456, -2.5}) {
        values.push_back(Value::of_real(Kind::real64, real));
        if (real < 1e30) {
            values.push_back(Value::of_real(Kind::real32, static_cast<float>(real)));
        }
    }
    values.push_back(Value::of_real(Kind::real64, std::nan("")));
    values.push_back(Value::of_real(Kind::real32, HUGE_VALF));
    std::vector<std::string> bytes;
    for (const std::int64_t number : {0L, 1L, -1L, 1234L, 9999999L, -10000000L, 100000000000000L}) {
        bytes.push_back(bytes_of(number));
        bytes.push_back(bytes_of(static_cast<Wide>(number) * 1'000'000'007 * 1'000'000'009));
    }
    for (const std::string& each : bytes) {
        for (const int scale : {0, 1, 2, 4, 5, 13, 37, -1, -7}) {
            values.push_back(Value::of_decimal(each, scale));
        }
    }
    for (const std::int64_t days : {0, 19737, -719162, 2932896}) {
        values.push_back(Value::of(Kind::date, days));
        for (const Kind kind : {Kind::timestamp, Kind::instant}) {
            values.push_back(Value::of(kind, days * 86'400'000'000 + 123'456));
            values.push_back(Value::of(kind, days * 86'400'000'000 + 86'399'999'999));
        }
    }
    for (const std::int64_t time : {0L, 1L, 37'800'000'000L, 86'399'999'999L}) {
        values.push_back(Value::of(Kind::time, time));
    }
    for (const Column& column : columns()) {
        CAPTURE(column.type_name);
        for (const Value& value : values) {
            const std::string text = text_of(value);
            CAPTURE(text);
            for (const bool utc : {true, false}) {
                const Encoded by_text = encoded({Kind::text, text}, column, utc);
                const Encoded typed = encoded(value, column, utc);
                // The type may decide where the text leaves it to the database.
                if (by_text.verdict != Verdict::database) CHECK(typed == by_text);
            }
        }
    }
}

TEST_CASE("encoder: whole numbers of every length, as text and as a number") {
    const Column column{"v", ColumnType::int8, "bigint"};
    const auto of_text = [&](const std::string& text) {
        return encoded({Kind::text, text}, column);
    };
    std::int64_t number = 0;
    for (int length = 1; length <= 18; ++length) {
        number = number * 10 + length % 10;
        for (const std::int64_t each : {number, -number}) {
            const std::string text = std::to_string(each);
            CAPTURE(text);
            CHECK(of_text(text) == encoded(Value::of(Kind::integer, each), column));
            for (std::size_t at = each < 0 ? 1 : 0; at < text.size(); ++at) {
                std::string other = text;
                other[at] = '/';  // just below the digits
                CHECK(of_text(other).verdict == Verdict::invalid);
                other[at] = ':';  // just above them
                CHECK(of_text(other).verdict == Verdict::invalid);
            }
        }
    }
    CHECK(of_text("9223372036854775807").verdict == Verdict::encoded);
    CHECK(of_text("9223372036854775808").verdict == Verdict::invalid);
    CHECK(of_text("").verdict == Verdict::invalid);
}

TEST_CASE("encoder: numbers and uuids of the usual form are what they are in another one") {
    const auto of_text = [](const std::string& text, const Column& column) {
        return encoded({Kind::text, text}, column);
    };
    const std::string digits = "90010002000000345678";
    for (const Column& column : columns()) {
        CAPTURE(column.type_name);
        const bool is_number = column.type == ColumnType::numeric ||
                               column.type == ColumnType::float4 ||
                               column.type == ColumnType::float8;
        if (!is_number) continue;
        for (std::size_t from = 0; from < digits.size(); ++from)
            for (std::size_t size = 0; from + size <= digits.size(); ++size)
                for (std::size_t point = 0; point <= size + 1; ++point)
                    for (const char* const sign : {"", "-"}) {
                        std::string text = digits.substr(from, size);
                        if (point <= size) text.insert(point, ".");
                        text = sign + text;
                        CAPTURE(text);
                        // Spaces are looked for where the usual form is not met.
                        CHECK(of_text(text, column) == of_text(text + " ", column));
                    }
    }
    const Column column{"v", ColumnType::uuid, "uuid"};
    const std::string uuid = "a0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a1f";
    CHECK(of_text(uuid, column).verdict == Verdict::encoded);
    for (std::size_t at = 0; at < uuid.size(); ++at)
        for (int character = 0; character < 256; ++character) {
            std::string other = uuid;
            other[at] = static_cast<char>(character);
            CAPTURE(other);
            CHECK(of_text(other, column) == of_text("{" + other + "}", column));
        }
}

TEST_CASE("encoder: a row of any size") {
    RowBuffer row;
    std::string expected;
    for (std::size_t size = 0; size < 5000; size += 97) {
        const std::string text(size, static_cast<char>('a' + size % 26));
        row.append(text.data(), text.size());
        expected += text;
        REQUIRE(row.view() == expected);
    }
    row.cut(10);
    CHECK(row.view() == expected.substr(0, 10));
    row.clear();
    CHECK(row.view().empty());
}

TEST_CASE("typed value: beyond what a column holds") {
    const auto refused = [](const Value& value, const Column& column) {
        Encoding encoding;
        RowBuffer to;
        return encode_typed(value, column, encoding, to) == Verdict::invalid ? encoding.complaint
                                                                             : "taken";
    };
    CHECK(refused(Value::of(Kind::integer, 32768), {"v", ColumnType::int2, "smallint"}) ==
          "is out of range for smallint");
    const Column date{"v", ColumnType::date, "date"};
    CHECK(refused(Value::of(Kind::date, 2145042905), date) == "taken");
    CHECK(refused(Value::of(Kind::date, 2145042906), date) == "is out of range for a date");
    CHECK(refused(Value::of(Kind::date, -2440588), date) == "taken");
    CHECK(refused(Value::of(Kind::date, -2440589), date) == "is out of range for a date");
    const Column time{"v", ColumnType::time, "time"};
    CHECK(refused(Value::of(Kind::time, 86'400'000'000), time) == "taken");
    CHECK(refused(Value::of(Kind::time, 86'400'000'001), time) == "is out of range for a time");
    CHECK(refused(Value::of(Kind::time, -1), time) == "is out of range for a time");
    const Column timestamp{"v", ColumnType::timestamp, "timestamp"};
    CHECK(refused(Value::of(Kind::timestamp, std::numeric_limits<std::int64_t>::min()),
                  timestamp) == "is out of range for a timestamp");
    CHECK(refused(Value::of(Kind::timestamp, std::numeric_limits<std::int64_t>::max()),
                  timestamp) == "taken");
}

TEST_CASE("typed value: numbers that numeric has no room for are the server's to refuse") {
    const Column numeric{"v", ColumnType::numeric, "numeric"};
    CHECK(encoded(Value::of_decimal("\x01", 16383), numeric).verdict == Verdict::encoded);
    CHECK(encoded(Value::of_decimal("\x01", 16384), numeric).verdict == Verdict::database);
    CHECK(encoded(Value::of_decimal("\x01", -200000), numeric).verdict == Verdict::database);
    const std::string far = "0." + std::string(65535, '0');
    CHECK(encoded({Kind::text, far}, numeric).verdict == Verdict::database);
    CHECK(encoded({Kind::text, "0." + std::string(16383, '0')}, numeric).verdict ==
          Verdict::encoded);
}

TEST_CASE("typed value: COPY's text form holds its text") {
    const std::vector<Value> row{Value::of(Kind::integer, -5),
                                 Value::of_decimal("\x0c", 1),
                                 Value::of(Kind::boolean, 0),
                                 {Kind::bytes, "\\"}};
    std::string line;
    copy_text::append_row(line, row);
    CHECK(line == "-5\t1.2\tfalse\t\\\\x5c\n");
}
