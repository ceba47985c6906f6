#include "pipeline/batch.h"
#include "pipeline/decode/registry/wire_format.h"
#include "pipeline/decode/schema_decoders.h"
#include "pipeline/encode/make_encoder.h"
#include "schemas/bad_schema.h"
#include "tests/unit/avro_bytes_setup.h"
#include "tests/unit/protobuf_bytes_setup.h"

#include <doctest/doctest.h>

using namespace sluice;
using schemas::SchemaType;

namespace {

/// Encodes records by a schema, and decodes them again.
struct Encoding {
    Encoding(SchemaType type, std::string schema, std::string of_message = {},
             std::optional<std::uint32_t> id = {})
        : written{{type, std::move(schema), {}}, id, std::move(of_message)},
          encoder(make_encoder(written)) {}

    std::string bytes(const std::string& json) {
        std::string made;
        CHECK_MESSAGE(encoder->encode(json, made), encoder->error());
        return made;
    }
    /// Why it is none; nothing of it is left.
    std::string refusal(const std::string& json) {
        std::string made = "before";
        CHECK(!encoder->encode(json, made));
        CHECK(made == "before");
        return encoder->error();
    }
    /// The JSON that a decoder makes of it.
    std::string round(const std::string& json) {
        WantedField whole;
        const auto decoder = written.schema.type == SchemaType::avro
                                 ? avro_decoder(std::make_shared<const schemas::AvroSchema>(
                                                    schemas::parse_avro(written.schema.text)),
                                                {whole})
                                 : protobuf_decoder(std::make_shared<const schemas::ProtobufSchema>(
                                                        schemas::parse_protobuf(written.schema)),
                                                    {written.message, {}}, {whole});
        const std::string made = bytes(json);
        const std::string padded = made + std::string(RecordLog::padding, '\0');
        Value value;
        const bool decoded =
            decoder->decode({{padded.data(), made.size()}, {}}, {&value, 1}, nullptr);
        return decoded ? std::string(value.text) : decoder->error().text;
    }

    const WrittenSchema written;
    const std::unique_ptr<RecordEncoder> encoder;
};

Encoding avro_of(const std::string& type) {
    return {SchemaType::avro, avro::one_field(type)};
}
std::string f(const std::string& value) {
    return R"({"f":)" + value + "}";
}
Encoding proto(const std::string& fields) {
    return {
        SchemaType::protobuf,
        "syntax = \"proto3\";\n"
        "import \"google/protobuf/timestamp.proto\"; import \"google/protobuf/duration.proto\";\n"
        "import \"google/protobuf/wrappers.proto\"; import \"google/protobuf/struct.proto\";\n"
        "import \"google/protobuf/any.proto\"; import \"google/protobuf/field_mask.proto\";\n"
        "enum Color { RED = 0; BLUE = 7; }\n"
        "message M { " +
            fields + " }\nmessage N { int32 n = 1; M inner = 2; message Deep { bool b = 1; } }",
        "M"};
}

}  // namespace

TEST_CASE("avro encoder: what a decoder reads is what was written") {
    const std::pair<const char*, const char*> cases[] = {
        {R"("null")", "null"},
        {R"("boolean")", "true"},
        {R"("int")", "-2147483648"},
        {R"("long")", "9223372036854775807"},
        {R"("float")", "0.1"},
        {R"("double")", "-1e+300"},
        {R"("double")", R"("NaN")"},
        {R"("double")", R"("-Infinity")"},
        {R"("string")", R"("a \"ü\" \u000a")"},
        {R"("bytes")", R"("\\x00ff")"},
        {R"({"type":"fixed","name":"x","size":2})", R"("\\x00ff")"},
        {R"({"type":"enum","name":"e","symbols":["A","B"]})", R"("B")"},
        {R"({"type":"array","items":"long"})", "[]"},
        {R"({"type":"array","items":"long"})", "[1,-2,3]"},
        {R"({"type":"map","values":["null","int"]})", R"({"a":1,"b":null})"},
        {R"({"type":"bytes","logicalType":"decimal","precision":40,"scale":2})", "-128.00"},
        {R"({"type":"bytes","logicalType":"decimal","precision":40,"scale":2})", "1.27"},
        {R"({"type":"bytes","logicalType":"decimal","precision":40,"scale":2})", "0.00"},
        {R"({"type":"bytes","logicalType":"decimal","precision":40,"scale":2})",
         "12345678901234567890123456789012345678.90"},
        {R"({"type":"fixed","name":"x","size":9,"logicalType":"decimal","precision":20,"scale":3})",
         "-1.500"},
        {R"({"type":"int","logicalType":"date"})", R"("1969-12-31")"},
        {R"({"type":"int","logicalType":"time-millis"})", R"("23:59:59.999")"},
        {R"({"type":"long","logicalType":"time-micros"})", R"("00:00:00.000001")"},
        {R"({"type":"long","logicalType":"timestamp-millis"})", R"("1969-12-31 23:59:59.999+00")"},
        {R"({"type":"long","logicalType":"timestamp-micros"})",
         R"("2026-01-31 12:30:00.123456+00")"},
        {R"({"type":"long","logicalType":"timestamp-nanos"})",
         R"("2026-01-31 12:30:00.123456+00")"},
        {R"({"type":"long","logicalType":"local-timestamp-micros"})",
         R"("2026-01-31 12:30:00.123456")"},
        {R"({"type":"fixed","name":"x","size":16,"logicalType":"uuid"})",
         R"("00112233-4455-6677-8899-aabbccddeeff")"},
        {R"({"type":"fixed","name":"x","size":12,"logicalType":"duration"})",
         R"("14 mons 3 days 100:00:00.5")"},
        {R"({"type":"long","connect.name":"io.debezium.time.MicroDuration"})", R"("-26:00:00.5")"},
        {R"({"type":"record","name":"io.debezium.data.VariableScaleDecimal","fields":
             [{"name":"scale","type":"int"},{"name":"value","type":"bytes"}]})",
         "-1234567890123456789012.50"},
        {R"(["null",{"type":"record","name":"n","fields":[{"name":"next","type":["null","n"]}]}])",
         R"({"next":{"next":{"next":null}}})"},
    };
    for (const auto& [type, value] : cases) {
        const std::string of = type;
        CAPTURE(of);
        CHECK(avro_of(type).round(f(value)) == f(value));
    }
}

TEST_CASE("avro encoder: numbers and times are read as people and files write them") {
    CHECK(avro_of(R"("int")").round(f(R"("12")")) == f("12"));
    CHECK(avro_of(R"("long")").round(f("1.5e1")) == f("15"));
    CHECK(avro_of(R"("boolean")").round(f(R"("t")")) == f("true"));
    CHECK(avro_of(R"("bytes")").round(f(R"("ab")")) == f(R"("\\x6162")"));
    CHECK(avro_of(R"({"type":"int","logicalType":"date"})").round(f("1")) == f(R"("1970-01-02")"));
    CHECK(avro_of(R"("long")").round(f("0e2000")) == f("0"));
    CHECK(avro_of(R"("double")").round(f("0.0e2000")) == f("0"));
    CHECK(avro_of(R"("double")").round(f("1e-400")) == f("0"));
    CHECK(avro_of(R"({"type":"bytes","logicalType":"decimal","precision":4,"scale":2})")
              .round(f("-0e-2000")) == f("0.00"));
    Encoding instant = avro_of(R"({"type":"long","logicalType":"timestamp-millis"})");
    CHECK(instant.round(f(R"("2026-01-31T12:30:00.1239+02:00")")) ==
          f(R"("2026-01-31 10:30:00.123+00")"));
    CHECK(instant.round(f("1500")) == f(R"("1970-01-01 00:00:01.5+00")"));
}

TEST_CASE("avro encoder: a union takes the branch that is meant for the value") {
    Encoding several = avro_of(R"(["null","int","double","string",{"type":"array","items":"int"},
        {"type":"record","name":"a.R","fields":[{"name":"x","type":"int"}]},
        {"type":"record","name":"a.S","fields":[{"name":"x","type":"int"},
                                                {"name":"y","type":"int"}]}])");
    const auto branch = [&](const char* value) {
        return static_cast<int>(several.bytes(f(value))[0]) / 2;
    };
    CHECK(branch("null") == 0);
    CHECK(branch("5") == 1);
    CHECK(branch("5000000000") == 2);
    CHECK(branch("5.5") == 2);
    CHECK(branch(R"("5")") == 3);
    CHECK(branch("[5]") == 4);
    CHECK(branch(R"({"x":5})") == 5);
    CHECK(branch(R"({"x":5,"y":6})") == 6);
    CHECK(branch(R"({"string":"5"})") == 3);
    CHECK(branch(R"({"a.R":{"x":5}})") == 5);
    CHECK(several.refusal(f("true")) ==
          R"(field "/f": "true" fits no branch of the schema's union)");
    CHECK(avro_of(R"(["null","int"])").round(f(R"("7")")) == f("7"));
}

TEST_CASE("avro encoder: of a union's branches the one that keeps the value takes it") {
    const auto branch = [](const char* type, const char* value) {
        return static_cast<int>(avro_of(type).bytes(f(value))[0]) / 2;
    };
    CHECK(branch(R"(["double","long"])", "5") == 0);
    CHECK(branch(R"(["double","long"])", "0.1") == 0);
    CHECK(branch(R"(["double","long"])", "9007199254740993") == 1);
    CHECK(branch(R"(["float","double"])", "0.1") == 0);
    CHECK(branch(R"(["float","double"])", "0.123456789") == 1);
    CHECK(branch(R"(["float","int"])", "0.123456789") == 0);
    CHECK(branch(R"(["null","bytes","string"])", R"("text")") == 2);
    CHECK(branch(R"(["null","bytes","string"])", R"("\\x00ff")") == 1);
    CHECK(branch(R"(["null","string","bytes"])", R"("\\x00ff")") == 2);
    CHECK(branch(R"(["string","bytes"])", R"("\\xylophone")") == 0);
    CHECK(branch(R"(["null","bytes"])", R"("text")") == 1);
}

TEST_CASE("avro encoder: of a field that comes twice, the last counts") {
    Encoding record(SchemaType::avro, R"({"type":"record","name":"r","fields":[
        {"name":"a","type":"int"},
        {"name":"b","type":["null",{"type":"record","name":"n","fields":[
            {"name":"x","type":"int"}]}]}]})");
    CHECK(record.round(R"({"a":1,"a":2,"b":null})") == R"({"a":2,"b":null})");
    CHECK(record.round(R"({"a":1,"b":null,"b":{"x":1,"x":"no","x":3},"a":2})") ==
          R"({"a":2,"b":{"x":3}})");
    CHECK(record.refusal(R"({"a":1,"a":2,"c":3})") ==
          R"(field "/c": the schema has no such field)");
}

TEST_CASE("avro encoder: bytes in a default are its characters, however deep they stand") {
    Encoding record(SchemaType::avro, R"({"type":"record","name":"r","fields":[
        {"name":"a","type":{"type":"record","name":"n","fields":[
            {"name":"b","type":"bytes"},
            {"name":"f","type":{"type":"fixed","name":"two","size":2}},
            {"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}},
            {"name":"s","type":"string"}]},
         "default":{"b":"\u00ff","f":"\u0000\u0080","d":"\u0004\u00d2","s":"\u00ff\""}},
        {"name":"m","type":{"type":"map","values":["null","bytes"]},
         "default":{"k\"\\":"\u00fe","n":null}},
        {"name":"l","type":{"type":"array","items":"two"},"default":["\u0001\u00ff","ab"]}]})");
    CHECK(record.round("{}") == R"({"a":{"b":"\\xff","f":"\\x0080","d":12.34,"s":"ÿ\""},)"
                                R"("m":{"k\"\\":"\\xfe","n":null},"l":["\\x01ff","\\x6162"]})");
}

TEST_CASE("avro encoder: a field that is missing has its default, else null") {
    Encoding record(SchemaType::avro, R"({"type":"record","name":"r","fields":[
        {"name":"a","type":"int","default":7},
        {"name":"b","type":["null","string"],"default":null},
        {"name":"c","type":["null","string"]},
        {"name":"d","type":"bytes","default":"\u00ff\u0000"},
        {"name":"e","type":{"type":"array","items":"int"},"default":[1,2]},
        {"name":"g","type":["string","null"],"default":"x"},
        {"name":"h","type":"string"}]})");
    CHECK(record.round(R"({"h":"there"})") ==
          R"({"a":7,"b":null,"c":null,"d":"\\xff00","e":[1,2],"g":"x","h":"there"})");
    CHECK(record.round(R"({"h":"there","a":1,"e":[]})") ==
          R"({"a":1,"b":null,"c":null,"d":"\\xff00","e":[],"g":"x","h":"there"})");
    CHECK(record.refusal("{}") ==
          R"(field "/h": missing, and the schema has no default for it (string))");
    CHECK(record.refusal(R"({"h":"","nope":1})") ==
          R"(field "/nope": the schema has no such field)");
}

TEST_CASE("avro encoder: what does not fit is told by field and type") {
    const auto refusal = [](const char* type, const char* value) {
        return avro_of(type).refusal(f(value));
    };
    CHECK(refusal(R"("int")", "2147483648") == R"(field "/f": "2147483648" is out of range (int))");
    CHECK(refusal(R"("int")", "1.5") == R"(field "/f": "1.5" is not a whole number (int))");
    CHECK(refusal(R"("int")", "{}") == R"(field "/f": an object is not a number (int))");
    CHECK(refusal(R"("int")", "null") == R"(field "/f": null is not a number (int))");
    CHECK(refusal(R"("float")", "1e39") == R"(field "/f": "1e39" is out of range (float))");
    CHECK(refusal(R"("double")", "1e400") == R"(field "/f": "1e400" is out of range (double))");
    CHECK(refusal(R"("string")", "5") == R"(field "/f": "5" is not a string (string))");
    CHECK(refusal(R"({"type":"bytes","logicalType":"decimal","precision":4,"scale":2})", "1.234") ==
          R"(field "/f": "1.234" has more digits behind its point than the schema has )"
          R"((decimal(4,2)))");
    CHECK(refusal(R"({"type":"bytes","logicalType":"decimal","precision":4,"scale":2})", "123") ==
          R"(field "/f": "123" has more digits than the schema has (decimal(4,2)))");
    CHECK(refusal(R"({"type":"array","items":{"type":"map","values":"int"}})",
                  R"([{},{"k":""}])") == R"(field "/f/1/k": "" is not a number (int))");
    CHECK(refusal(R"({"type":"enum","name":"e","symbols":["A"]})", R"("C")") ==
          R"(field "/f": "C" is none of the enum's symbols (e))");
    CHECK(avro_of(R"("int")").refusal("{") == "not JSON: a field name is expected at byte 2");
    CHECK(avro_of(R"("int")").refusal("5") == R"("5" is not an object (r))");
}

TEST_CASE("protobuf encoder: what a decoder reads is what was written") {
    const std::pair<const char*, const char*> cases[] = {
        {"int32 f = 1;", "-2147483648"},
        {"sint32 f = 1;", "-7"},
        {"sfixed32 f = 1;", "-7"},
        {"uint32 f = 1;", "4294967295"},
        {"fixed32 f = 1;", "4294967295"},
        {"int64 f = 1;", "-9223372036854775808"},
        {"sint64 f = 1;", "-9223372036854775808"},
        {"uint64 f = 1;", "18446744073709551615"},
        {"fixed64 f = 3000;", "18446744073709551615"},
        {"float f = 1;", "0.1"},
        {"double f = 1;", R"("NaN")"},
        {"bool f = 1;", "true"},
        {"string f = 1;", R"("ü")"},
        {"bytes f = 1;", R"("\\x00ff")"},
        {"Color f = 1;", R"("BLUE")"},
        {"Color f = 1;", "12"},
        {"repeated sint32 f = 1;", "[1,-2,3]"},
        {"repeated string f = 1;", R"(["a",""])"},
        {"map<int32, string> f = 1;", R"({"-1":"a","7":""})"},
        {"map<bool, Color> f = 1;", R"({"false":"RED","true":"BLUE"})"},
        {"message In { int32 a = 1; optional string b = 2; } In f = 1;", R"({"a":1,"b":"x"})"},
        {"message In { int32 a = 1; } repeated In f = 1;", R"([{"a":1},{"a":0}])"},
        {"google.protobuf.Timestamp f = 1;", R"("1969-12-31 23:59:59.5+00")"},
        {"google.protobuf.Timestamp f = 1;", R"("2026-01-31 12:30:00.123456+00")"},
        {"google.protobuf.Duration f = 1;", R"("-00:00:01.5")"},
        {"google.protobuf.Int64Value f = 1;", "0"},
        {"google.protobuf.Struct f = 1;", R"({"a":[1,"b",null,true,{}]})"},
        {"google.protobuf.Value f = 1;", "null"},
        {"google.protobuf.ListValue f = 1;", "[1,[]]"},
        {"google.protobuf.FieldMask f = 1;", R"("a.b,c")"},
        {"google.protobuf.FieldMask f = 1;", R"("aB.cD,f_1")"},
        {"google.protobuf.Any f = 1;", R"({"@type":"x/N","n":5})"},
        {"google.protobuf.Any f = 1;", R"({"@type":"x/Unknown","value":"\\x0102"})"},
    };
    for (const auto& [fields, value] : cases) {
        const std::string of = fields;
        CAPTURE(of);
        CHECK(proto(fields).round(f(value)) == f(value));
    }
}

TEST_CASE("protobuf encoder: the spellings of Protobuf's own JSON are read, too") {
    CHECK(proto("int64 my_field = 1;").round(R"({"myField":"5"})") == R"({"my_field":5})");
    CHECK(proto("bytes f = 1;").round(f(R"("AP8=")")) == f(R"("\\x00ff")"));
    CHECK(proto("optional int32 f = 1;").round(f("null")) == "{}");
    CHECK(proto("google.protobuf.Duration f = 1;").round(f(R"("1 day 00:00:01.5")")) ==
          f(R"("24:00:01.5")"));
    const auto duration = [](const char* text) {
        return proto("google.protobuf.Duration f = 1;").bytes(f(text));
    };
    CHECK(duration(R"("1 day -00:00:00.5")") ==
          protobuf_bytes::sized(
              1, protobuf_bytes::number(1, 86'399) + protobuf_bytes::number(2, 500'000'000)));
    CHECK(duration(R"("-1 days 00:00:00.5")") ==
          protobuf_bytes::sized(
              1, protobuf_bytes::number(1, -86'399) + protobuf_bytes::number(2, -500'000'000)));
}

TEST_CASE("protobuf encoder: what does not fit is told by field and type") {
    CHECK(proto("int32 f = 1;").refusal(f("2147483648")) ==
          R"(field "/f": "2147483648" is out of range (int32))");
    CHECK(proto("uint64 f = 1;").refusal(f("-1")) ==
          R"(field "/f": "-1" is out of range (uint64))");
    CHECK(proto("Color f = 1;").refusal(f(R"("GREEN")")) ==
          R"(field "/f": "GREEN" is none of the enum's labels (Color))");
    CHECK(proto("repeated Color f = 1;").refusal(f(R"(["RED",null])")) ==
          R"(field "/f/1": null is none of the enum's labels (Color))");
    CHECK(proto("map<string, Color> f = 1;").refusal(f(R"({"k":null})")) ==
          R"(field "/f/k": null is none of the enum's labels (Color))");
    CHECK(proto("repeated google.protobuf.NullValue f = 1;").bytes(f("[null]")) ==
          protobuf_bytes::sized(1, avro::raw("\0")));
    for (const char* long_one : {R"("315576000001s")", R"("-9223372036854775808s")",
                                 R"("3652501 days")", R"("-9223372036854775808 days")"})
        CHECK(proto("google.protobuf.Duration f = 1;")
                  .refusal(f(long_one))
                  .find("is not a duration") != std::string::npos);
    CHECK(proto("int32 f = 1;").refusal(R"({"@type":"x"})") ==
          R"(field "/@type": M has no such field)");
    CHECK(proto("repeated int32 f = 1;").refusal(f(R"([1,"x"])")) ==
          R"(field "/f/1": "x" is not a number (int32))");
    CHECK(proto("int32 f = 1;").refusal(R"({"g":1})") == R"(field "/g": M has no such field)");
    CHECK(proto("oneof o { int32 a = 1; int32 b = 2; }").refusal(R"({"a":1,"b":2})") ==
          R"(field "/b": a second member of its oneof)");
    Encoding required(SchemaType::protobuf,
                      "syntax = \"proto2\"; message M { required int32 f = 1; }");
    CHECK(required.refusal("{}") == R"(field "/f": missing, and the schema requires it)");
}

TEST_CASE("encoder: a registry's prefix stands before the record") {
    const Encoding avro_record(SchemaType::avro, avro::one_field(R"("int")"), {}, 0x01020304);
    std::string made;
    CHECK(avro_record.encoder->encode(f("3"), made));
    CHECK(made == avro::raw("\0\1\2\3\4\6"));

    const std::string file =
        "syntax = \"proto3\"; message A { message B { bool b = 1; } }"
        "message C { message D {} message E { bool b = 1; } }";
    const auto message_of = [&](const char* message) {
        Encoding encoding(SchemaType::protobuf, file, message, 7);
        const std::string bytes = encoding.bytes("{}");
        Framed framed = unframe({bytes, {}}, PartOfRecord::value);
        return take_message(framed).value().indexes();
    };
    CHECK(message_of("A") == std::vector<std::int32_t>{0});
    CHECK(message_of("A.B") == std::vector<std::int32_t>{0, 0});
    CHECK(message_of("C") == std::vector<std::int32_t>{1});
    CHECK(message_of("C.E") == std::vector<std::int32_t>{1, 1});
    CHECK_THROWS_AS(Encoding(SchemaType::protobuf, file), schemas::BadSchema);

    Encoding json(SchemaType::json, "{}", {}, 9);
    CHECK(json.bytes(R"({"a": 1})") == avro::raw("\0\0\0\0\x9{\"a\": 1}"));
    CHECK(json.refusal("{") == "not JSON: a field name is expected at byte 2");
}

TEST_CASE("avro encoder: a default that contains itself ends") {
    Encoding endless(SchemaType::avro, R"({"type":"record","name":"r","fields":[
        {"name":"r","type":"r","default":{}}]})");
    CHECK(endless.refusal("{}").ends_with("nested too deeply"));
}
