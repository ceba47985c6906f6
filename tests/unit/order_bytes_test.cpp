#include "pipeline/values/order_bytes.h"

#include "pipeline/values/encoder.h"
#include "pipeline/values/key_bytes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace sluice::test {
namespace {

std::string order_of(ColumnType type, const std::string& text) {
    Column column;
    column.type = type;
    Encoding encoding;
    encoding.session_is_utc = true;
    RowBuffer field;
    std::string key;
    std::string order;
    CAPTURE(text);
    REQUIRE(can_order(column));
    REQUIRE(encoder_for(column)({Value::Kind::text, text}, column, encoding, field) ==
            Verdict::encoded);
    REQUIRE(append_key_bytes(key, field.view(), column) == nullptr);
    append_order_bytes(order, key, column);
    return order;
}

void check_ascending(ColumnType type, const std::vector<std::string>& texts) {
    for (std::size_t i = 1; i < texts.size(); ++i) {
        CAPTURE(texts[i]);
        CHECK(order_of(type, texts[i - 1]) < order_of(type, texts[i]));
    }
}

}  // namespace

TEST_CASE("order bytes: they sort as the database sorts the values") {
    check_ascending(ColumnType::int2, {"-32768", "-1", "0", "1", "32767"});
    check_ascending(ColumnType::int4, {"-2147483648", "-1", "0", "256", "2147483647"});
    check_ascending(ColumnType::int8, {"-9223372036854775808", "-1", "0", "1", "4294967296"});
    check_ascending(ColumnType::float8, {"-Infinity", "-1e300", "-1", "-1e-300", "0", "1e-300", "2",
                                         "Infinity", "NaN"});
    check_ascending(ColumnType::float4, {"-2", "-1", "0", "1", "NaN"});
    check_ascending(ColumnType::numeric,
                    {"-100000000", "-10000.5", "-10000", "-1.00000001", "-1.0000", "-0.0001", "0",
                     "0.00000001", "0.0001", "1", "1.00000001", "1.5", "9999", "10000", "10000.5",
                     "123456789012345678901234567890", "NaN"});
    check_ascending(ColumnType::date, {"1969-12-31", "1999-12-31", "2000-01-01", "2026-11-27"});
    check_ascending(ColumnType::timestamptz, {"1969-12-31T23:59:59Z", "2000-01-01T00:00:00Z",
                                              "2000-01-01T00:00:00.000001Z"});
    check_ascending(ColumnType::uuid,
                    {"00000000-0000-0000-0000-000000000001", "018f0000-0000-7000-8000-000000000000",
                     "ff000000-0000-0000-0000-000000000000"});
}

TEST_CASE("order bytes: equal values have equal ones, whatever they look like") {
    CHECK(order_of(ColumnType::numeric, "1.0") == order_of(ColumnType::numeric, "1.00"));
    CHECK(order_of(ColumnType::numeric, "-0.0") == order_of(ColumnType::numeric, "0"));
    CHECK(order_of(ColumnType::float8, "-0") == order_of(ColumnType::float8, "0"));
    CHECK(order_of(ColumnType::int4, "7") == order_of(ColumnType::int8, "7"));
}

}  // namespace sluice::test
