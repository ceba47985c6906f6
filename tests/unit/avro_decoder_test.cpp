#include "tests/unit/avro_bytes_setup.h"

#include <doctest/doctest.h>

#include <limits>

using namespace sluice;
using namespace sluice::avro;
using Kind = Value::Kind;

namespace {

std::string logical(const char* type, const char* logical_type) {
    return one_field(std::string(R"({"type":")") + type + R"(","logicalType":")" + logical_type +
                     R"("})");
}
std::string connect(const char* type, const char* name) {
    return one_field(std::string(R"({"type":")") + type + R"(","connect.name":")" + name + R"("})");
}
std::string fixed(int size, const char* logical_type) {
    return one_field(R"({"type":"fixed","name":"x","size":)" + std::to_string(size) +
                     R"(,"logicalType":")" + logical_type + R"(","precision":9,"scale":2})");
}

}  // namespace

TEST_CASE("avro: numbers keep their kind and their value") {
    CHECK(Decoding(one_field(R"("int")")).of(number(-7)).integer == -7);
    CHECK(Decoding(one_field(R"("int")")).of(number(-7)).kind == Kind::integer);
    for (const std::int64_t n :
         {std::int64_t{0}, std::int64_t{63}, std::int64_t{-65},
          std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
        CHECK(Decoding(one_field(R"("long")")).of(number(n)).integer == n);
    }
    Decoding real(one_field(R"("float")"));
    CHECK(real.of(little_endian(0.1F)).kind == Kind::real32);
    CHECK(real.values[0].real == doctest::Approx(0.1F));
    Decoding real64(one_field(R"("double")"));
    CHECK(real64.of(little_endian(-1e300)).kind == Kind::real64);
    CHECK(real64.values[0].real == -1e300);
    Decoding boolean(one_field(R"("boolean")"));
    CHECK(boolean.of("\1").kind == Kind::boolean);
    CHECK(boolean.values[0].integer == 1);
}

TEST_CASE("avro: text, bytes, fixed and symbols are views") {
    Decoding text(one_field(R"("string")"));
    CHECK(text.of(sized("Tallinn")).kind == Kind::text);
    CHECK(text.values[0].text == "Tallinn");
    CHECK(text.of(sized("Võru, a longer text")).kind == Kind::text);
    CHECK(Decoding(one_field(R"("bytes")")).of(sized(raw("\0\xff"))).text == raw("\0\xff"));
    Decoding three(one_field(R"({"type":"fixed","name":"x","size":3})"));
    CHECK(three.of("abc").kind == Kind::bytes);
    CHECK(three.values[0].text == "abc");
    Decoding symbol(one_field(R"({"type":"enum","name":"e","symbols":["RED","BLUE"]})"));
    CHECK(symbol.of(number(1)).kind == Kind::text);
    CHECK(symbol.values[0].text == "BLUE");
}

TEST_CASE("avro: text that the database cannot hold is bytes, wherever in it the fault is") {
    Decoding text(one_field(R"("string")"));
    for (std::size_t size = 1; size < 20; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            std::string content(size, 'x');
            content[at] = '\0';
            CHECK(text.of(sized(content)).kind == Kind::bytes);
            content[at] = '\xff';
            CHECK(text.of(sized(content)).kind == Kind::bytes);
        }
        CHECK(text.of(sized(std::string(size, '\x01'))).kind == Kind::text);
    }
}

TEST_CASE("avro: decimals keep their bytes and get their scale from the schema") {
    const Value value =
        Decoding(one_field(R"({"type":"bytes","logicalType":"decimal","precision":9,"scale":2})"))
            .of(sized("\4\xd2"));
    CHECK(value.kind == Kind::decimal);
    CHECK(value.scale == 2);
    CHECK(Decoding(fixed(4, "decimal")).of(raw("\0\0\4\xd2")).scale == 2);

    Decoding scaled(one_field(R"({"type":"record","name":"io.debezium.data.VariableScaleDecimal",
        "fields":[{"name":"scale","type":"int"},{"name":"value","type":"bytes"}]})"));
    CHECK(scaled.of(number(3) + sized("\4\xd2")).kind == Kind::decimal);
    CHECK(scaled.values[0].scale == 3);
    CHECK(scaled.values[0].text == "\4\xd2");
}

TEST_CASE("avro: dates and times are days and microseconds") {
    const auto value = [](const std::string& schema, std::int64_t n) {
        return Decoding(schema).of(number(n));
    };
    CHECK(value(logical("int", "date"), -1).kind == Kind::date);
    CHECK(value(logical("int", "date"), -1).integer == -1);
    CHECK(value(logical("int", "time-millis"), 1).kind == Kind::time);
    CHECK(value(logical("int", "time-millis"), 1).integer == 1000);
    CHECK(value(logical("long", "time-micros"), 1).integer == 1);
    CHECK(value(logical("long", "timestamp-millis"), -1).kind == Kind::instant);
    CHECK(value(logical("long", "timestamp-millis"), -1).integer == -1000);
    CHECK(value(logical("long", "timestamp-micros"), 5).integer == 5);
    CHECK(value(logical("long", "timestamp-nanos"), 1999).integer == 1);
    CHECK(value(logical("long", "timestamp-nanos"), -1).integer == -1);
    CHECK(value(logical("long", "local-timestamp-millis"), 2).kind == Kind::timestamp);
    CHECK(value(connect("int", "io.debezium.time.Date"), 3).kind == Kind::date);
    CHECK(value(connect("long", "io.debezium.time.NanoTime"), 3000).integer == 3);
    CHECK(value(connect("long", "io.debezium.time.MicroTimestamp"), 3).kind == Kind::timestamp);
    CHECK(value(connect("long", "org.apache.kafka.connect.data.Timestamp"), 3).integer == 3000);
}

TEST_CASE("avro: each number of a date or time is what it counts, or its column's to refuse") {
    using Limits = std::numeric_limits<std::int64_t>;
    constexpr std::int64_t least = std::numeric_limits<std::int32_t>::min();
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    const auto stays = [](const std::string& schema, std::int64_t n, Kind kind,
                          std::int64_t wanted) {
        CAPTURE(schema);
        CAPTURE(n);
        Decoding decoding(schema);
        const Value& value = decoding.of(number(n));
        CHECK(value.kind == kind);
        CHECK(value.integer == wanted);
    };
    for (const std::int64_t n : {least, most}) {
        stays(logical("int", "date"), n, Kind::date, n);
        stays(logical("int", "time-millis"), n, Kind::time, n * 1000);
    }
    for (const std::int64_t n : {Limits::min(), Limits::max()}) {
        stays(logical("long", "time-micros"), n, Kind::time, n);
        stays(logical("long", "timestamp-millis"), n, Kind::integer, n);
        stays(logical("long", "local-timestamp-millis"), n, Kind::integer, n);
        stays(logical("long", "timestamp-micros"), n, Kind::instant, n);
        stays(logical("long", "local-timestamp-micros"), n, Kind::timestamp, n);
    }
    const auto text = [](const std::string& schema, std::int64_t n) {
        Decoding decoding(schema);
        return std::string(decoding.of(number(n)).text);
    };
    CHECK(text(logical("int", "date"), -625821272) == "-infinity");
    CHECK(text(logical("int", "date"), -2147472692) == "infinity");
    for (const char* zone : {"", "local-"}) {
        const auto counted = [&](const char* unit, std::int64_t n) {
            return text(logical("long", (zone + std::string("timestamp-") + unit).c_str()), n);
        };
        CHECK(counted("millis", 9223372036825200) == "infinity");
        CHECK(counted("micros", -9223372036832400000) == "-infinity");
        CHECK(counted("nanos", Limits::max()) == "infinity");
        CHECK(counted("nanos", Limits::min()) == "-infinity");
    }
    CHECK(text(connect("long", "org.apache.kafka.connect.data.Timestamp"), 9223372036825200) ==
          "infinity");
}

TEST_CASE("avro: milliseconds beyond what microseconds can count stay a number") {
    const std::int64_t far = std::numeric_limits<std::int64_t>::max();
    Decoding instant(logical("long", "timestamp-millis"));
    CHECK(instant.of(number(far)).kind == Kind::integer);
    CHECK(instant.values[0].integer == far);
    CHECK(instant.of(number(far / 1000)).kind == Kind::instant);
}

TEST_CASE("avro: a uuid of 16 bytes, a duration and Debezium's durations") {
    CHECK(Decoding(fixed(16, "uuid")).of(std::string(16, 'u')).kind == Kind::uuid);

    const auto duration = [](std::uint32_t months, std::uint32_t days, std::uint32_t ms) {
        return little_endian(months) + little_endian(days) + little_endian(ms);
    };
    Decoding interval(fixed(12, "duration"));
    CHECK(interval.of(duration(2, 3, 4)).kind == Kind::interval);
    CHECK(interval.values[0].text ==
          raw("\0\0\0\0\0\0\x0f\xa0") + raw("\0\0\0\3") + raw("\0\0\0\2"));
    CHECK(interval.complaint(duration(0x80000000, 0, 0)) ==
          "not valid Avro: field \"f\": a duration of more months or days than an interval holds "
          "at byte 1");

    CHECK(Decoding(connect("long", "io.debezium.time.MicroDuration")).of(number(4000)).text ==
          raw("\0\0\0\0\0\0\x0f\xa0") + std::string(8, '\0'));
    CHECK(Decoding(connect("long", "io.debezium.time.NanoDuration")).of(number(4000999)).text ==
          raw("\0\0\0\0\0\0\x0f\xa0") + std::string(8, '\0'));
}

TEST_CASE("avro: a union's value is that of the branch taken") {
    Decoding optional(one_field(R"(["null","long"])"));
    CHECK(optional.of(number(0)).kind == Kind::null);
    CHECK(optional.of(number(1) + number(9)).integer == 9);
    Decoding other_way(one_field(R"(["long","null"])"));
    CHECK(other_way.of(number(1)).kind == Kind::null);
    CHECK(other_way.of(number(0) + number(9)).integer == 9);

    Decoding several(one_field(R"(["null","string","long",{"type":"array","items":"int"}])"));
    CHECK(several.of(number(0)).kind == Kind::null);
    CHECK(several.of(number(1) + sized("x")).text == "x");
    CHECK(several.of(number(2) + number(5)).kind == Kind::integer);
    CHECK(several.of(number(3) + number(1) + number(5) + number(0)).text == "[5]");
}

TEST_CASE("avro: containers become JSON for who wants them whole") {
    Decoding list(one_field(R"({"type":"array","items":["null","string"]})"));
    CHECK(list.of(number(2) + number(1) + sized("a\"b") + number(0) + number(0)).kind ==
          Kind::json_array);
    CHECK(list.values[0].text == R"(["a\"b",null])");

    Decoding map(one_field(R"({"type":"map","values":"double"})"));
    CHECK(map.of(number(1) + sized("k") + little_endian(1.5) + number(0)).kind ==
          Kind::json_object);
    CHECK(map.values[0].text == R"({"k":1.5})");

    Decoding record(one_field(R"({"type":"record","name":"s","fields":[
        {"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
        {"name":"day","type":{"type":"int","logicalType":"date"}},
        {"name":"b","type":"bytes"},{"name":"t","type":"boolean"},{"name":"n","type":"null"},
        {"name":"x","type":"float"}]})"));
    CHECK(record
              .of(sized("\4\xd2") + number(0) + sized("\1\xab") + "\1" +
                  little_endian(std::numeric_limits<float>::infinity()))
              .text ==
          R"({"d":12.34,"day":"1970-01-01","b":"\\x01ab","t":true,"n":null,"x":"Infinity"})");
}

TEST_CASE("avro: blocks may come in pieces, and with their size") {
    Decoding list(one_field(R"({"type":"array","items":"int"})"), {{"f"}, {"f", "2"}});
    const std::string sized_block = number(-2) + number(2) + number(3) + number(4);
    REQUIRE(list.decode(number(1) + number(5) + sized_block + number(0)));
    CHECK(list.values[0].text == "[5,3,4]");
    CHECK(list.values[1].integer == 4);

    Decoding unwanted(one_field(R"({"type":"array","items":"int"})"), {{"g"}});
    CHECK(unwanted.decode(sized_block + number(1) + number(7) + number(0)));
}

TEST_CASE("avro: paths lead into records, maps and arrays, and to several slots") {
    const std::string schema = R"({"type":"record","name":"r","fields":[
        {"name":"c","type":["null",{"type":"record","name":"c","fields":[
            {"name":"name","type":"string"},{"name":"tags","type":{"type":"map","values":"int"}},
            {"name":"parts","type":{"type":"array","items":{"type":"record","name":"p","fields":[
                {"name":"n","type":"int"}]}}}]}]}]})";
    Decoding customer(schema, {{"c", "name"},
                               {"c", "tags", "k"},
                               {"c", "parts", "1", "n"},
                               {"c", "name"},
                               {"c"},
                               {"c", "parts", "01", "n"},
                               {"c", "name", "x"}});
    const std::string bytes = number(1) + sized("Ann") + number(2) + sized("j") + number(1) +
                              sized("k") + number(2) + number(0) + number(2) + number(8) +
                              number(9) + number(0);
    REQUIRE(customer.decode(bytes));
    CHECK(customer.values[0].text == "Ann");
    CHECK(customer.values[1].integer == 2);
    CHECK(customer.values[2].integer == 9);
    CHECK(customer.values[3].text == "Ann");
    CHECK(customer.values[4].text ==
          R"({"name":"Ann","tags":{"j":1,"k":2},"parts":[{"n":8},{"n":9}]})");
    CHECK(customer.values[5].kind == Kind::missing);
    CHECK(customer.values[6].kind == Kind::missing);

    REQUIRE(customer.decode(number(0)));
    CHECK(customer.values[0].kind == Kind::missing);
    CHECK(customer.values[4].kind == Kind::null);
}

TEST_CASE("avro: of a map's key that comes twice, the last wins") {
    Decoding map(one_field(R"({"type":"map","values":["int",{"type":"map","values":"int"}]})"),
                 {{"f", "k", "a"}, {"f", "k"}});
    const std::string inner = number(1) + number(1) + sized("a") + number(1) + number(0);
    REQUIRE(map.decode(number(2) + sized("k") + inner + sized("k") + number(0) + number(5) +
                       number(0)));
    CHECK(map.values[0].kind == Kind::missing);
    CHECK(map.values[1].integer == 5);
}

TEST_CASE("avro: a schema that is no record has its value at the root") {
    Decoding text("\"string\"", {{}});
    CHECK(text.of(sized("x")).text == "x");
    CHECK(text.decoder.fields_of({}, 9).empty());
}

TEST_CASE("avro: fields that no column takes are told where somebody asks") {
    Decoding some(R"({"type":"record","name":"r","fields":[{"name":"a","type":"int"},
        {"name":"b","type":"int"},{"name":"m","type":{"type":"map","values":"int"}}]})",
                  {{"a"}, {"m", "k"}});
    REQUIRE(some.decode(number(1) + number(2) + number(1) + sized("z") + number(1) + number(0)));
    REQUIRE(some.extra.size() == 2);
    CHECK(some.extra[0].text == "field \"b\" is not taken by any column");
    CHECK(some.extra[1].text == "field \"z\" is not taken by any column");
    CHECK(some.decoder.fields_of({}, 2) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("avro: recursive records are read as deep as they go, up to a limit") {
    const std::string schema =
        R"({"type":"record","name":"n","fields":[{"name":"v","type":"int"},
           {"name":"next","type":["null","n"]}]})";
    Decoding list(schema, {{"next", "next", "v"}, {"next"}});
    REQUIRE(list.decode(number(1) + number(1) + number(2) + number(1) + number(3) + number(0)));
    CHECK(list.values[0].integer == 3);
    CHECK(list.values[1].text == R"({"v":2,"next":{"v":3,"next":null}})");

    std::string deep;
    for (int i = 0; i < 2000; ++i) deep += number(1) + number(1);
    CHECK(list.complaint(deep).find("nested deeper than 1000") != std::string::npos);
}

TEST_CASE("avro: whatever is cut off is a reject that says where") {
    const std::string schema = R"({"type":"record","name":"r","fields":[{"name":"a","type":"long"},
        {"name":"b","type":{"type":"record","name":"s","fields":[{"name":"t","type":"string"}]}},
        {"name":"d","type":"double"},{"name":"u","type":["null","string"]},
        {"name":"l","type":{"type":"array","items":"int"}}]})";
    const std::string whole = number(1000) + sized("text") + little_endian(1.0) + number(1) +
                              sized("x") + number(1) + number(5) + number(0);
    for (const std::vector<std::vector<std::string>>& paths :
         {std::vector<std::vector<std::string>>{{"a"}, {"b", "t"}, {"d"}, {"u"}, {"l"}},
          {{"nothing"}},
          {{"b"}, {"l", "0"}}}) {
        Decoding all(schema, paths);
        CHECK(all.decode(whole));
        for (std::size_t size = 0; size < whole.size(); ++size)
            CHECK_FALSE(all.decode(whole.substr(0, size)));
        CHECK(all.complaint(whole + "x") ==
              "not valid Avro: something follows the record's end at byte 22");
    }
    Decoding all(schema, {{"a"}, {"b", "t"}});
    CHECK(all.complaint("") == "not valid Avro: field \"a\": the record ends within it at byte 1");
    CHECK(all.complaint(number(1000) + number(50) + "text") ==
          "not valid Avro: field \"/b/t\": a length beyond the end of the record at byte 3");
}

TEST_CASE("avro: numbers that cannot be are rejects") {
    Decoding small(one_field(R"("int")"));
    CHECK(small.complaint(number(std::int64_t{1} << 31)) ==
          "not valid Avro: field \"f\": an int of more than 32 bits at byte 1");
    Decoding big(one_field(R"("long")"));
    const char* const too_big =
        "not valid Avro: field \"f\": a number of more than 64 bits at byte 1";
    CHECK(big.complaint(std::string(9, '\xff') + "\2") == too_big);
    CHECK(big.complaint(std::string(20, '\xff')) == too_big);
    CHECK(Decoding(one_field(R"("boolean")")).complaint("\2") ==
          "not valid Avro: field \"f\": a boolean that is neither 0 nor 1 at byte 1");
    CHECK(Decoding(one_field(R"("string")")).complaint(number(-5)) ==
          "not valid Avro: field \"f\": a length below zero at byte 1");
    CHECK(Decoding(one_field(R"(["null","int"])")).complaint(number(2)) ==
          "not valid Avro: field \"f\": a branch that its union lacks at byte 1");
    CHECK(
        Decoding(one_field(R"({"type":"enum","name":"e","symbols":["A"]})")).complaint(number(1)) ==
        "not valid Avro: field \"f\": a symbol that its enum lacks at byte 1");
}

TEST_CASE("avro: a few bytes cannot demand much of what takes no bytes") {
    const std::string bomb = number(3'000'000) + number(0);
    const std::string nulls = one_field(R"({"type":"array","items":"null"})");
    const char* const too_many =
        "not valid Avro: field \"f\": too many values that take no bytes at byte 5";
    CHECK(Decoding(nulls, {{"f"}}).complaint(bomb).find("too many values that take no bytes") !=
          std::string::npos);
    CHECK(Decoding(nulls, {{"f", "2999999"}}).complaint(bomb) == too_many);
    CHECK(Decoding(nulls, {{"g"}}).decode(bomb));
    CHECK(Decoding(nulls, {{"f"}}).of(number(2) + number(0)).text == "[null,null]");

    // Doubles with each record: 2^40 values, and not one byte.
    std::string doubling = R"({"type":"record","name":"r0","fields":[]})";
    for (int i = 1; i <= 40; ++i) {
        const std::string before = "r" + std::to_string(i - 1);
        doubling = R"({"type":"record","name":"r)" + std::to_string(i) +
                   R"(","fields":[{"name":"a","type":)" + doubling + R"(},{"name":"b","type":")" +
                   before + "\"}]}";
    }
    CHECK(Decoding(doubling, {{}}).complaint("").find("too many values that take no bytes") !=
          std::string::npos);
    CHECK(Decoding(doubling, {{"nothing"}}).decode(""));
}

TEST_CASE("avro: a few bytes cannot become any amount of JSON") {
    Decoding decoding(
        one_field(R"({"type":"array","items":{"type":"record","name":"e","fields":[{"name":")" +
                  std::string(2000, 'n') + R"(","type":"boolean"}]}})"));
    const auto array = [](std::int64_t count) {
        return number(count) + std::string(static_cast<std::size_t>(count), '\1') + raw("\0");
    };
    CHECK(decoding.decode(array(5'000)));
    CHECK(decoding.complaint(array(50'000))
              .find("as JSON longer than 16 MiB and 16 times the record at byte") !=
          std::string::npos);
}

TEST_CASE("avro: counts and sizes of blocks that cannot be are rejects") {
    Decoding list(one_field(R"({"type":"array","items":"int"})"), {{"f"}, {"f", "0"}});
    CHECK(list.complaint(number(std::numeric_limits<std::int64_t>::min()) + number(0)) != "none");
    CHECK(
        list.complaint(number(-1) + number(100) + number(1) + number(0)) ==
        "not valid Avro: field \"f\": a block of elements beyond the end of the record at byte 1");
    CHECK(list.complaint(number(std::numeric_limits<std::int64_t>::max()) + number(1)) != "none");
    Decoding unwanted(one_field(R"({"type":"array","items":"int"})"), {{"g"}});
    CHECK_FALSE(unwanted.decode(number(-1) + number(-1) + number(1) + number(0)));
}

TEST_CASE("avro: what is wrong deep within is told by its whole path") {
    Decoding list(one_field(R"({"type":"array","items":{"type":"record","name":"s","fields":[
        {"name":"n","type":{"type":"map","values":"boolean"}}]}})"));
    CHECK(list.complaint(number(1) + number(1) + sized("key") + "\5" + number(0) + number(0)) ==
          "not valid Avro: field \"/f/0/n/key\": a boolean that is neither 0 nor 1 at byte 7");
    Decoding text(one_field(R"({"type":"array","items":"string"})"));
    CHECK(text.complaint(number(1) + sized("\xff") + number(0)) ==
          "not valid Avro: field \"/f/0\": text that is not UTF-8 at byte 2");
}
