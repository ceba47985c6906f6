#include "pipeline/decode/protobuf/protobuf_decoder.h"

#include "pipeline/batch.h"
#include "pipeline/values/canonical_text.h"
#include "tests/unit/protobuf_bytes_setup.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::protobuf_bytes;
using Kind = Value::Kind;
using Paths = std::vector<std::vector<std::string>>;

namespace {

/// Decodes one record after another by the same schema and paths.
struct Decoding {
    Decoding(const std::string& proto, const Paths& paths, const char* message = "M")
        : schema(std::make_shared<const schemas::ProtobufSchema>(
              schemas::parse_protobuf({"m.proto", proto}))),
          decoder(schema, schema->message_called(message), wanted(paths)),
          values(paths.size()) {}

    static std::vector<WantedField> wanted(const Paths& paths) {
        std::vector<WantedField> all;
        for (const auto& path : paths) {
            WantedField& field = all.emplace_back();
            field.slot = all.size() - 1;
            field.source.path = path;
        }
        return all;
    }
    bool decode(const std::string& bytes) {
        record = bytes + std::string(RecordLog::padding, '\0');
        for (Value& value : values) value = {};
        extra.clear();
        return decoder.decode({{record.data(), bytes.size()}, {}}, values, &extra);
    }
    /// "-" for missing, "null"; what is short of a text by its number.
    std::string operator[](std::size_t slot) const {
        const Value& value = values[slot];
        switch (value.kind) {
            case Kind::missing:
                return "-";
            case Kind::null:
                return "null";
            case Kind::real32:
            case Kind::real64:
                return std::to_string(value.real);
            case Kind::boolean:
            case Kind::integer:
            case Kind::instant:
                return std::to_string(value.integer);
            default:
                return std::string(value.text);
        }
    }
    std::string error(const std::string& bytes) {
        return decode(bytes) ? "" : decoder.error().text;
    }

    std::shared_ptr<const schemas::ProtobufSchema> schema;
    ProtobufDecoder decoder;
    std::vector<Value> values;
    std::vector<Reason> extra;
    std::string record;
};

std::string proto3(const std::string& fields) {
    return "syntax = \"proto3\"; message M { " + fields + " }";
}

std::string google(const std::string& fields) {
    std::string text = "syntax = \"proto3\";";
    for (const char* file : {"timestamp", "duration", "wrappers", "struct", "any", "field_mask"})
        text += "import \"google/protobuf/" + std::string(file) + ".proto\";";
    return text + "message M { " + fields + " } message Known { int32 n = 1; }";
}

}  // namespace

TEST_CASE("protobuf: scalars of every type arrive with their kinds") {
    Decoding pb(proto3(R"(double a = 1; float b = 2; int64 c = 3; uint64 d = 4; int32 e = 5;
                          fixed64 f = 6; fixed32 g = 7; bool h = 8; string i = 9; bytes j = 10;
                          uint32 k = 11; sfixed32 l = 12; sfixed64 m = 13; sint32 n = 14;
                          sint64 o = 15; E p = 16; enum E { ZERO = 0; ONE = 1; })"),
                {{"a"},
                 {"b"},
                 {"c"},
                 {"d"},
                 {"e"},
                 {"f"},
                 {"g"},
                 {"h"},
                 {"i"},
                 {"j"},
                 {"k"},
                 {"l"},
                 {"m"},
                 {"n"},
                 {"o"},
                 {"p"}});
    REQUIRE(pb.decode(fixed(1, 1.5) + fixed(2, 0.25F) + number(3, -1) + number(4, 7) +
                      number(5, -2) + fixed(6, std::uint64_t{8}) + fixed(7, std::uint32_t{9}) +
                      number(8, 1) + sized(9, "tällä") + sized(10, "\xff") + number(11, 12) +
                      fixed(12, std::int32_t{-13}) + fixed(13, std::int64_t{-14}) +
                      zigzag(14, -15) + zigzag(15, std::numeric_limits<std::int64_t>::min()) +
                      number(16, 1)));
    const Kind kinds[] = {Kind::real64,  Kind::real32,  Kind::integer, Kind::integer,
                          Kind::integer, Kind::integer, Kind::integer, Kind::boolean,
                          Kind::text,    Kind::bytes,   Kind::integer, Kind::integer,
                          Kind::integer, Kind::integer, Kind::integer, Kind::text};
    const char* const shown[] = {"1.500000", "0.250000", "-1",  "7",     "-2",
                                 "8",        "9",        "1",   "tällä", "\xff",
                                 "12",       "-13",      "-14", "-15",   "-9223372036854775808",
                                 "ONE"};
    for (std::size_t i = 0; i < pb.values.size(); ++i) {
        CAPTURE(i);
        CHECK(pb.values[i].kind == kinds[i]);
        CHECK(pb[i] == shown[i]);
    }
    CHECK(pb.extra.empty());
}

TEST_CASE("protobuf: numbers are cut to their types as every reader does") {
    Decoding pb(proto3("int32 a = 1; uint32 b = 2; bool c = 3; uint64 d = 4; sint32 e = 5;"),
                {{"a"}, {"b"}, {"c"}, {"d"}, {"e"}});
    REQUIRE(pb.decode(number(1, 0x1'0000'0005) + number(2, -1) + number(3, 1LL << 40) +
                      number(4, -1) + zigzag(5, std::numeric_limits<std::int32_t>::min())));
    CHECK(pb[0] == "5");
    CHECK(pb[1] == "4294967295");
    CHECK(pb[2] == "1");
    CHECK(pb.values[3].kind == Kind::decimal);
    CHECK(pb.values[3].scale == 0);
    CHECK(pb[3] == std::string("\0\xff\xff\xff\xff\xff\xff\xff\xff", 9));
    CHECK(pb[4] == "-2147483648");
}

TEST_CASE("protobuf: what a record lacks is its zero, or NULL where absence can be told") {
    Decoding pb(proto3(R"(int32 a = 1; optional int32 b = 2; string c = 3; M d = 4; E e = 5;
                          repeated int32 f = 6; map<string, int32> g = 7;
                          oneof o { int32 h = 8; string i = 9; } enum E { NONE = 0; })"),
                {{"a"},
                 {"b"},
                 {"c"},
                 {"d"},
                 {"e"},
                 {"f"},
                 {"g"},
                 {"h"},
                 {"i"},
                 {"d", "a"},
                 {"nowhere"},
                 {"a", "deeper"}});
    REQUIRE(pb.decode(""));
    const char* const empty[] = {"0",  "null", "",     "null", "NONE", "[]",
                                 "{}", "null", "null", "null", "-",    "-"};
    for (std::size_t i = 0; i < pb.values.size(); ++i) {
        CAPTURE(i);
        CHECK(pb[i] == empty[i]);
    }
    REQUIRE(pb.decode(number(1, 5) + number(2, 0) + sized(4, "") + number(8, 0)));
    CHECK(pb[0] == "5");
    CHECK(pb[1] == "0");
    CHECK(pb[3] == R"({"a":0,"c":"","e":"NONE","f":[],"g":{}})");
    CHECK(pb[7] == "0");
    CHECK(pb[9] == "0");
    REQUIRE(pb.decode(""));
    CHECK(pb[0] == "0");
    CHECK(pb[9] == "null");
}

TEST_CASE("protobuf: proto2's defaults stand in, and what is required must be there") {
    Decoding pb(R"(syntax = "proto2"; message M {
                     required int32 a = 1; optional sint32 b = 2 [default = -7]; optional int32 c = 3;
                     optional string d = 4 [default = "x"]; optional Inner e = 5;
                     repeated group G = 6 { optional int32 x = 1; }
                     message Inner { required int32 y = 1; } })",
                {{"b"}, {"c"}, {"d"}, {"e", "y"}, {"g"}, {"e"}, {"G"}});
    REQUIRE(pb.decode(number(1, 1) + group(6, number(1, 3)) + group(6, "")));
    CHECK(pb[0] == "-7");
    CHECK(pb[1] == "null");
    CHECK(pb[2] == "x");
    CHECK(pb[3] == "null");
    CHECK(pb[4] == R"([{"x":3},{}])");
    CHECK(pb.error(number(2, 1)) ==
          "not valid Protobuf: field \"a\": missing, and the schema requires it");
    CHECK(pb.error(number(1, 1) + sized(5, "")) ==
          "not valid Protobuf: field \"e.y\": missing, and the schema requires it");
    REQUIRE(pb.decode(number(1, 1) + sized(5, "") + sized(5, number(1, 2))));
    CHECK(pb[3] == "2");
}

TEST_CASE("protobuf: a field that comes twice is the last one, a message the union") {
    Decoding pb(proto3("int32 a = 1; M m = 2; repeated int32 l = 3;"),
                {{"a"}, {"m"}, {"m", "a"}, {"m", "l"}, {"m", "m", "a"}});
    REQUIRE(pb.decode(number(1, 1) + sized(2, number(1, 5) + number(3, 1)) + number(1, 2) +
                      sized(2, sized(2, number(1, 9)) + number(3, 2))));
    CHECK(pb[0] == "2");
    CHECK(pb[1] == R"({"a":5,"m":{"a":9,"l":[]},"l":[1,2]})");
    CHECK(pb[2] == "5");
    CHECK(pb[3] == "[1,2]");
    CHECK(pb[4] == "9");
}

TEST_CASE("protobuf: of a oneof the last member counts") {
    Decoding pb(proto3("oneof o { int32 a = 1; string b = 2; M c = 3; int32 unseen = 4; }"),
                {{"a"}, {"b"}, {"c"}, {"c", "a"}, {}});
    REQUIRE(pb.decode(number(1, 1) + sized(2, "x")));
    CHECK(pb[0] == "null");
    CHECK(pb[1] == "x");
    CHECK(pb[4] == R"({"b":"x"})");
    REQUIRE(pb.decode(sized(3, number(1, 1)) + sized(2, "x") + sized(3, sized(2, "y"))));
    CHECK(pb[1] == "null");
    CHECK(pb[2] == R"({"b":"y"})");
    CHECK(pb[3] == "null");
    CHECK(pb[4] == R"({"c":{"b":"y"}})");
    REQUIRE(pb.decode(sized(3, number(1, 1)) + number(4, 1)));
    CHECK(pb[2] == "null");
    CHECK(pb[3] == "null");
    CHECK(pb[4] == R"({"unseen":1})");
}

TEST_CASE("protobuf: lists come packed or not, and both at once") {
    Decoding pb(
        proto3("repeated sint32 a = 1; repeated string b = 2; repeated double c = 3;"
               "repeated M d = 4;"),
        {{"a"}, {"b"}, {"c"}, {"a", "1"}, {"d"}, {"d", "1", "b", "0"}, {"b", "5"}, {"d", "x"}});
    REQUIRE(pb.decode(sized(1, varint(1) + varint(2)) + zigzag(1, -2) + sized(2, "x\"\n") +
                      sized(3, fixed(1, 0.5).substr(1)) +
                      fixed(3, std::numeric_limits<double>::infinity()) + sized(4, "") +
                      sized(4, sized(2, "deep"))));
    CHECK(pb.values[0].kind == Kind::json_array);
    CHECK(pb[0] == "[-1,1,-2]");
    CHECK(pb[1] == R"(["x\"\u000a"])");
    CHECK(pb[2] == R"([0.5,"Infinity"])");
    CHECK(pb[3] == "1");
    CHECK(pb[4] == R"([{"a":[],"b":[],"c":[],"d":[]},{"a":[],"b":["deep"],"c":[],"d":[]}])");
    CHECK(pb[5] == "deep");
    CHECK(pb[6] == "null");
    CHECK(pb[7] == "null");
}

TEST_CASE("protobuf: of equal keys of a map the last counts") {
    Decoding pb(proto3("map<string, M> a = 1; map<int32, bytes> b = 2; map<bool, E> c = 3;"
                       "int32 n = 4; enum E { ZERO = 0; ONE = 1; }"),
                {{"a"}, {"b"}, {"c"}, {"a", "k", "n"}, {"b", "-1"}, {"c", "true"}, {"a", "k"}});
    const auto entry = [](std::uint32_t field, const std::string& content) {
        return sized(field, content);
    };
    REQUIRE(pb.decode(
        entry(1, sized(1, "k") + sized(2, number(4, 1))) +
        entry(1, sized(1, "j") + sized(2, number(4, 2))) + entry(1, sized(1, "k") + sized(2, "")) +
        entry(2, number(1, -1) + sized(2, "\x01\xff")) + entry(3, number(1, 1)) + entry(3, "")));
    CHECK(pb[0] == R"({"j":{"a":{},"b":{},"c":{},"n":2},"k":{"a":{},"b":{},"c":{},"n":0}})");
    CHECK(pb[1] == R"({"-1":"\\x01ff"})");
    CHECK(pb[2] == R"({"false":"ZERO","true":"ZERO"})");
    CHECK(pb[3] == "0");
    CHECK(pb[4] == "\x01\xff");
    CHECK(pb[5] == "ZERO");
    CHECK(pb[6] == R"({"a":{},"b":{},"c":{},"n":0})");
}

TEST_CASE("protobuf: what is in one entry of a map goes to no other's columns") {
    Decoding pb(google("google.protobuf.Struct s = 1; map<string, N> m = 2; message N {"
                       "map<string, N> n = 1; int32 x = 2; }"),
                {{"s", "user", "id"}, {"s", "id"}, {"m", "a", "n", "b", "x"}, {"m", "b", "x"}});
    const auto text = [](const char* of) { return sized(3, of); };
    const auto entry = [](const char* key, const std::string& value) {
        return sized(1, sized(1, key) + sized(2, value));
    };
    REQUIRE(pb.decode(
        sized(1, entry("id", text("outer")) + entry("user", sized(5, entry("id", text("inner"))))) +
        sized(2, sized(1, "b") + sized(2, number(2, 1))) +
        sized(2, sized(1, "a") + sized(2, entry("b", number(2, 7)) + number(2, 99)))));
    CHECK(pb[0] == "inner");
    CHECK(pb[1] == "outer");
    CHECK(pb[2] == "7");
    CHECK(pb[3] == "1");
}

TEST_CASE("protobuf: what comes again and again is turned into JSON once") {
    Decoding pb(proto3("oneof o { S a = 1; int32 b = 2; } map<string, S> m = 3;"
                       "message S { repeated int32 n = 1; }"),
                {{"a"}, {"m", "k"}});
    std::string record;
    for (int i = 0; i < 40'000; ++i)
        record += sized(1, "") + number(2, 1) + sized(3, sized(1, "k"));
    std::string numbers;
    for (int i = 0; i < 40'000; ++i) numbers += '\1';
    const std::string large = sized(1, numbers);
    record += sized(1, large) + sized(3, sized(1, "k") + sized(2, large));
    REQUIRE(pb.decode(record));  // by the square it would outlast every test
    CHECK(pb[0].size() == 7 + 2 * numbers.size());
    CHECK(pb[1] == pb[0]);
}

TEST_CASE("protobuf: Google's times are times, and JSON has them as texts") {
    Decoding pb(google("google.protobuf.Timestamp at = 1; google.protobuf.Duration d = 2;"
                       "repeated google.protobuf.Timestamp ats = 3;"
                       "repeated google.protobuf.Duration ds = 4;"),
                {{"at"}, {"d"}, {"ats"}, {"ds"}, {"at", "seconds"}, {"at", "nanos"}});
    const auto time = [](std::uint32_t field, std::int64_t seconds, std::int64_t nanos) {
        return sized(field, number(1, seconds) + number(2, nanos));
    };
    REQUIRE(pb.decode(time(1, -1, 999'999'999) + time(2, -1, -500'000'000) +
                      time(3, 1705314600, 120'000'000) + time(3, -1, 1) + time(3, 0, 0) +
                      time(4, -1, -500'000'000) + time(4, 0, -1) + time(4, 3, 0)));
    CHECK(pb.values[0].kind == Kind::instant);
    CHECK(pb[0] == "-1");
    CHECK(pb.values[1].kind == Kind::interval);
    CHECK(pb[1] == std::string("\xff\xff\xff\xff\xff\xe9\x1c\xa0\0\0\0\0\0\0\0\0", 16));
    CHECK(pb[2] == R"(["2024-01-15 10:30:00.12+00","1969-12-31 23:59:59+00",)"
                   R"("1970-01-01 00:00:00+00"])");
    CHECK(pb[3] == R"(["-00:00:01.5","00:00:00","00:00:03"])");
    CHECK(pb[4] == "-1");
    CHECK(pb[5] == "999999999");
    REQUIRE(pb.decode(sized(1, number(1, 5)) + sized(1, number(2, 1000))));
    CHECK(pb[0] == "5000001");
    CHECK(pb.error(time(1, 1LL << 60, 0)) ==
          "not valid Protobuf: field \"at\": a time out of range at byte 3");
    CHECK(pb.error(time(2, 1LL << 60, 0)) ==
          "not valid Protobuf: field \"d\": a duration out of range at byte 3");
    CHECK(pb.error(time(3, 1LL << 60, 0)) ==
          "not valid Protobuf: field \"ats\": a time out of range at byte 3");
    CHECK(pb.error(time(4, 1LL << 60, 0)) ==
          "not valid Protobuf: field \"ds\": a duration out of range at byte 3");
}

TEST_CASE("protobuf: what is finer than a microsecond is cut from times, in lists as elsewhere") {
    Decoding pb(google("google.protobuf.Timestamp at = 1; google.protobuf.Duration d = 2;"
                       "repeated google.protobuf.Timestamp ats = 3;"
                       "repeated google.protobuf.Duration ds = 4;"),
                {{"at"}, {"d"}, {"ats", "0"}, {"ats"}, {"ds"}});
    for (const bool before_1970 : {false, true}) {
        const auto time = [before_1970](std::uint32_t field) {
            const std::int64_t sign = before_1970 && field % 2 == 0 ? -1 : 1;
            return sized(field, number(1, before_1970 ? -1 : 59) + number(2, sign * 999'999'999));
        };
        REQUIRE(pb.decode(time(1) + time(2) + time(3) + time(4)));
        for (const std::size_t scalar : {0, 1}) {
            std::string text;
            append_canonical_json(text, pb.values[scalar]);
            CHECK(pb[3 + scalar] == "[" + text + "]");
        }
        CHECK(pb.values[2].integer == pb.values[0].integer);
    }
    CHECK(pb[3] == R"(["1969-12-31 23:59:59.999999+00"])");
    CHECK(pb[4] == R"(["-00:00:01.999999"])");
    REQUIRE(pb.decode(sized(4, number(1, 1) + number(2, -1))));  // of two signs
    CHECK(pb[4] == R"(["00:00:00.999999"])");
}

TEST_CASE("protobuf: wrappers are scalars that can be NULL") {
    Decoding pb(google("google.protobuf.Int64Value n = 1; google.protobuf.StringValue s = 2;"
                       "google.protobuf.BytesValue b = 3; repeated google.protobuf.BoolValue l = 4;"
                       "google.protobuf.UInt64Value u = 5;"),
                {{"n"}, {"s"}, {"b"}, {"l"}, {"n", "value"}, {"u"}});
    REQUIRE(pb.decode(""));
    CHECK(pb[0] == "null");
    REQUIRE(pb.decode(sized(1, number(1, 7)) + sized(2, "") + sized(3, sized(1, "\xff")) +
                      sized(4, "") + sized(4, number(1, 1)) + sized(5, number(1, -1))));
    CHECK(pb[0] == "7");
    CHECK(pb[1].empty());
    CHECK(pb.values[1].kind == Kind::text);
    CHECK(pb.values[2].kind == Kind::bytes);
    CHECK(pb[3] == "[false,true]");
    CHECK(pb[4] == "7");
    CHECK(pb.values[5].kind == Kind::decimal);
}

TEST_CASE("protobuf: Struct and Value are the JSON that they stand for") {
    Decoding pb(
        google("google.protobuf.Struct s = 1; google.protobuf.Value v = 2;"
               "google.protobuf.ListValue l = 3;"),
        {{"s"}, {"v"}, {"l"}, {"s", "a"}, {"s", "b", "1"}, {"l", "0"}, {"v", "x"}, {"v", "0"}});
    const auto text = [](const char* of) { return sized(3, of); };
    const auto entry = [](const char* key, const std::string& value) {
        return sized(1, sized(1, key) + sized(2, value));
    };
    const std::string list = sized(1, text("p")) + sized(1, number(4, 1)) + sized(1, number(1, 0));
    REQUIRE(pb.decode(sized(1, entry("b", sized(6, list)) + entry("a", fixed(2, 1.5)) +
                                   entry("o", sized(5, entry("deep", "")))) +
                      sized(2, text("q\"")) + sized(3, list)));
    CHECK(pb[0] == R"({"a":1.5,"b":["p",true,null],"o":{"deep":null}})");
    CHECK(pb.values[1].kind == Kind::json_string);
    CHECK(pb[1] == R"(q\")");
    CHECK(pb[2] == R"(["p",true,null])");
    CHECK(pb.values[3].kind == Kind::json_scalar);
    CHECK(pb[3] == "1.5");
    CHECK(pb[4] == "true");
    CHECK(pb[5] == "p");
    CHECK(pb[6] == "null");
    REQUIRE(pb.decode(sized(2, sized(5, entry("x", text("in an object"))))));
    CHECK(pb[6] == "in an object");
    CHECK(pb[7] == "null");
    REQUIRE(pb.decode(sized(2, sized(6, list))));
    CHECK(pb[6] == "null");
    CHECK(pb[7] == "p");
    REQUIRE(pb.decode(sized(2, number(1, 0))));
    CHECK(pb[1] == "null");
}

TEST_CASE("protobuf: Any has the fields of a type that the schema knows, else its bytes") {
    Decoding pb(google("google.protobuf.Any a = 1; google.protobuf.FieldMask m = 2;"),
                {{"a"}, {"m"}});
    const auto any = [](const std::string& type, const std::string& value) {
        return sized(1, sized(1, "type.googleapis.com/" + type) + sized(2, value));
    };
    REQUIRE(pb.decode(any("Known", number(1, 5)) + sized(2, sized(1, "a.b") + sized(1, "c"))));
    CHECK(pb[0] == R"({"@type":"type.googleapis.com/Known","n":5})");
    CHECK(pb.values[1].kind == Kind::json_string);
    CHECK(pb[1] == "a.b,c");
    REQUIRE(pb.decode(sized(2, sized(1, "a_b.c_d_e") + sized(1, "f_1") + sized(1, "g_h"))));
    CHECK(pb[1] == "aB.cDE,f_1,gH");
    REQUIRE(pb.decode(any("google.protobuf.FieldMask", sized(1, "x"))));
    CHECK(pb[0] == R"({"@type":"type.googleapis.com/google.protobuf.FieldMask","value":"x"})");
    REQUIRE(pb.decode(any("Unknown", "\x08\x05")));
    CHECK(pb[0] == R"({"@type":"type.googleapis.com/Unknown","value":"\\x0805"})");
    REQUIRE(pb.decode(sized(1, "")));
    CHECK(pb[0] == R"({"@type":"","value":"\\x"})");
}

TEST_CASE("protobuf: unknown fields and groups are skipped, and told when extra ones matter") {
    Decoding pb(proto3("int32 a = 1; int32 other = 2;"), {{"a"}});
    const std::string unknown = number(3, 1) + fixed(4, 1.0) + sized(5, "x") + fixed(6, 1.0F) +
                                group(7, number(1, 9) + group(8, sized(1, "y"))) + number(3, 2);
    REQUIRE(pb.decode(unknown + number(1, 5) + number(2, 1)));
    CHECK(pb[0] == "5");
    REQUIRE(pb.extra.size() == 6);
    CHECK(pb.extra[0].text == "field number 3 is not in the schema and not taken by any column");
    CHECK(pb.extra[5].text == "field \"other\" is not taken by any column");
    REQUIRE(pb.decode(number(1, 6)));
    CHECK(pb.extra.empty());
}

TEST_CASE("protobuf: a number that its enumeration lacks stays a number") {
    Decoding pb(proto3("E e = 1; repeated E l = 2; enum E { ZERO = 0; }"), {{"e"}, {"l"}});
    REQUIRE(pb.decode(number(1, -5) + sized(2, varint(0) + varint(7))));
    CHECK(pb.values[0].kind == Kind::integer);
    CHECK(pb[0] == "-5");
    CHECK(pb[1] == R"(["ZERO",7])");
}

TEST_CASE("protobuf: what is no text goes to its column as bytes, and not into JSON") {
    Decoding pb(proto3("string a = 1; M m = 2; map<string, int32> k = 3;"),
                {{"a"}, {"m"}, {"k", "x"}});
    for (const std::string& wrong : {std::string("a\xff"), std::string("a\0b", 3),
                                     std::string("12345678\x80"), std::string("1234567\0x", 9)}) {
        REQUIRE(pb.decode(sized(1, wrong)));
        CHECK(pb.values[0].kind == Kind::bytes);
        CHECK(pb[0] == wrong);
    }
    REQUIRE(pb.decode(sized(2, sized(1, std::string("a\0b", 3)))));
    CHECK(pb[1] == R"({"a":"a\u0000b","k":{}})");
    CHECK(pb.error(sized(2, sized(1, "ab\xff"))) ==
          "not valid Protobuf: field \"m.a\": not UTF-8 at byte 7");
    CHECK(pb.error(sized(3, sized(1, "\xff"))) ==
          "not valid Protobuf: field \"k.key\": not UTF-8 at byte 5");
}

TEST_CASE("protobuf: names are those of the schema, else those of JSON; the record is JSON") {
    Decoding pb(proto3("int32 street_name = 1; int32 b = 2 [json_name = \"street_name\"];"),
                {{"street_name"}, {"streetName"}, {"b"}, {}});
    REQUIRE(pb.decode(number(1, 1) + number(2, 2)));
    CHECK(pb[0] == "1");
    CHECK(pb[1] == "1");
    CHECK(pb[2] == "2");
    CHECK(pb.values[3].kind == Kind::json_object);
    CHECK(pb[3] == R"({"street_name":1,"b":2})");
    CHECK(pb.decoder.fields_of({number(2, 1) + number(9, 1) + number(1, 1) + number(2, 3), {}},
                               9) == std::vector<std::string>{"b", "9", "street_name"});
}

TEST_CASE("protobuf: bytes that are wrong get a reason with the field and the byte") {
    Decoding pb(proto3("int32 a = 1; string s = 2; M m = 3; repeated int32 l = 4; double d = 5;"),
                {{"a"}, {"s"}, {"m", "s"}, {"l"}, {"d"}});
    const auto says = [&pb](const std::string& bytes, const std::string& text) {
        CAPTURE(text);
        CHECK(pb.error(bytes) == "not valid Protobuf: " + text);
    };
    says(std::string("\x08"), "field \"a\": a number that does not end at byte 2");
    says(std::string("\x08\x80\x80"), "field \"a\": a number that does not end at byte 2");
    says("\x08" + std::string(11, '\xff'), "field \"a\": a number of more than 10 bytes at byte 2");
    says(std::string(20, '\xff'), "a number of more than 10 bytes at byte 1");
    says(std::string("\x00\x01", 2), "field number 0, which there is not at byte 1");
    says("\x0e", "wire type 6, which there is not at byte 1");
    says("\x0c", "the end of a group that did not begin at byte 1");
    says(varint(1ULL << 35), "a field number of more than 29 bits at byte 1");
    says(std::string("\x12\x05") + "abc",
         "field \"s\": cut short: 5 bytes are announced and 3 are left at byte 2");
    says("\x12" + varint(UINT64_MAX),
         "field \"s\": cut short: 18446744073709551615 bytes are announced and 0 are left at byte "
         "2");
    says(std::string("\x29") + "1234567",
         "field \"d\": cut short: 8 bytes are announced and 7 are left at byte 2");
    says(sized(3, std::string("\x12\x02") + "x"),
         "field \"m.s\": cut short: 2 bytes are announced and 1 are left at byte 4");
    says(sized(4, "\x01\x80"), "field \"l\": a number that does not end at byte 4");
    says(number(2, 1), "field \"s\": a number, where the schema has bytes with a length at byte 2");
    says(sized(1, "x"),
         "field \"a\": bytes with a length, where the schema has a number at byte 3");
    says(tag(9, 3) + number(1, 1), "a group that does not end at byte 2");
    says(tag(9, 3) + tag(8, 4), "the end of a group that did not begin at byte 2");
}

TEST_CASE("protobuf: depth and JSON's size have limits") {
    Decoding walked(proto3("M m = 1; int32 a = 2;"),
                    {std::vector<std::string>(150, "m"), {"m"}, {"a"}});
    std::string deep;
    for (int i = 0; i < 99; ++i) deep = sized(1, deep);
    CHECK(walked.decode(deep));
    for (int i = 0; i < 3; ++i) deep = sized(1, deep);
    CHECK(walked.error(deep).find("messages within messages, deeper than 100") !=
          std::string::npos);
    Decoding shown(proto3("M m = 1; int32 a = 2;"), {{"m"}});
    CHECK(shown.error(deep).find("messages within messages, deeper than 100") != std::string::npos);
    std::string groups;
    for (int i = 0; i < 1000; ++i) groups += tag(9, 3);
    CHECK(shown.error(groups).find("messages within messages, deeper than 100") !=
          std::string::npos);

    std::string fields = "repeated Wide w = 1; message Wide {";
    for (int i = 1; i < 300; ++i)
        fields += "int32 a_field_with_a_name" + std::to_string(i) + " = " + std::to_string(i) + ";";
    Decoding wide(proto3(fields + "}"), {{"w"}});
    std::string bomb;
    for (int i = 0; i < 10'000; ++i) bomb += sized(1, "");
    CHECK(wide.error(bomb).starts_with("not valid Protobuf: field \"w.a_field_with_a_name"));
    CHECK(wide.error(bomb).ends_with(": as JSON longer than 16 MiB and 16 times the record"));

    const std::string name(1000, 'A');
    Decoding labels(proto3("repeated E e = 1; map<int32, E> m = 2; enum E { " + name + " = 0; }"),
                    {{"e"}, {"m"}});
    const std::string zeros(100'000, '\0');
    CHECK(labels.error(sized(1, zeros)).find("as JSON longer") != std::string::npos);
    std::string entries;
    for (int i = 0; i < 50'000; ++i) entries += sized(2, number(1, i));
    CHECK(labels.error(entries).find("as JSON longer") != std::string::npos);
    CHECK(labels.decode(sized(1, zeros.substr(0, 10'000))));

    Decoding presets(
        "syntax = \"proto2\"; message M { repeated P p = 1; } message P { "
        "optional string s = 1 [default = \"" +
            std::string(100'000, 'x') + "\"]; }",
        {{"p"}});
    CHECK(presets.error(bomb).find("as JSON longer") != std::string::npos);
}
