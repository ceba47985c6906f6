#include "schemas/protobuf_schema.h"

#include "schemas/bad_schema.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice::schemas;
using Absent = ProtobufField::Absent;
using Count = ProtobufField::Count;
using Meaning = ProtobufMessage::Meaning;
using Type = ProtobufField::Type;

namespace {

ProtobufSchema parse(const std::string& text, const std::vector<NamedSchema>& imports = {}) {
    return parse_protobuf({"shop.proto", text}, imports);
}

std::string complaint(const std::string& text, const std::vector<NamedSchema>& imports = {}) {
    try {
        static_cast<void>(parse(text, imports));
    } catch (const BadSchema& bad) {
        return bad.what();
    }
    return "";
}

const ProtobufMessage& message(const ProtobufSchema& schema, const char* name) {
    return schema.messages[schema.message_called(name)];
}

constexpr const char* shop = R"(
syntax = "proto3";
package shop;
message Customer {
  int64 id = 1;
  optional string note = 2;
  repeated string tags = 3;
  map<string, int32> counts = 4;
  oneof contact { string mail = 5; string phone = 6; }
  Address address = 7;
  State state = 8;
  message Address { string street_name = 1; message Inner { bool b = 1; } }
  enum State { NONE = 0; ACTIVE = 1; ALIVE = 1; GONE = -1; option allow_alias = true; }
}
message Order { uint32 n = 1; }
)";

}  // namespace

TEST_CASE("protobuf schema: fields, what they are, and what their absence means") {
    const ProtobufSchema schema = parse(shop);
    const ProtobufMessage& customer = message(schema, "shop.Customer");
    REQUIRE(customer.fields.size() == 8);
    CHECK(customer.oneofs == 1);
    const auto field = [&](const char* name) { return *customer.field_called(name); };
    CHECK(field("id").type == Type::int64);
    CHECK(field("id").absent == Absent::preset);
    CHECK(field("note").absent == Absent::null);
    CHECK(field("note").oneof == -1);
    CHECK(field("tags").count == Count::many);
    CHECK(field("tags").absent == Absent::preset);
    CHECK(field("counts").count == Count::map);
    CHECK(field("mail").oneof == 0);
    CHECK(field("mail").absent == Absent::null);
    CHECK(field("address").absent == Absent::null);
    CHECK(schema.messages[field("address").content].name == "shop.Customer.Address");
    const ProtobufEnumeration& state = schema.enumerations[field("state").content];
    CHECK(state.label_of(1) == "ACTIVE");
    CHECK(state.label_of(-1) == "GONE");
    CHECK(state.label_of(7).empty());
    const ProtobufMessage& address = message(schema, "shop.Customer.Address");
    CHECK(address.field_called("street_name") == address.field_called("streetName"));
    CHECK(address.field_called("street") == nullptr);
}

TEST_CASE("protobuf schema: proto2's defaults and required fields") {
    const ProtobufSchema schema = parse(R"(syntax = "proto2";
        message M {
          required int32 r = 1;
          optional int32 o = 2;
          optional sint32 s = 3 [default = -2];
          optional string t = 4 [default = "a\"b"];
          optional float f = 5 [default = 1.5];
          optional bool b = 6 [default = true];
          optional E e = 7 [default = TWO];
          repeated group G = 8 { optional int32 x = 1; }
          enum E { ONE = 1; TWO = 2; }
        })");
    const ProtobufMessage& m = message(schema, "M");
    CHECK(m.fields[0].absent == Absent::refused);
    CHECK(m.fields[1].absent == Absent::null);
    CHECK(m.fields[2].absent == Absent::preset);
    CHECK(m.fields[2].preset == 3);
    CHECK(m.fields[3].preset_bytes == "a\"b");
    CHECK(m.fields[4].preset == 0x3fc00000);
    CHECK(m.fields[5].preset == 1);
    CHECK(m.fields[6].preset == 2);
    CHECK(m.fields[7].type == Type::group);
}

TEST_CASE("protobuf schema: base64 of a descriptor is told from text") {
    // FileDescriptorProto{name "x", message_type {name "M", field {name "a", number 1,
    // LABEL_OPTIONAL, TYPE_INT64}}, syntax "proto3"}
    const ProtobufSchema schema = parse("CgF4Ig4KAU0SCQoBYRgBIAEoA2IGcHJvdG8z");
    REQUIRE(schema.messages.size() == 1);
    CHECK(schema.messages[0].name == "M");
    CHECK(schema.messages[0].fields[0].name == "a");
    CHECK(schema.messages[0].fields[0].absent == Absent::preset);
}

TEST_CASE(
    "protobuf schema: imports come from references, in any order, Google's own by themselves") {
    const std::vector<NamedSchema> imports{
        {"b.proto", "syntax = \"proto3\"; import \"c.proto\"; message B { C c = 1; }"},
        {"c.proto", "syntax = \"proto3\"; message C { bool x = 1; }"}};
    const std::string text = R"(syntax = "proto3"; import "b.proto";
        import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
        import "google/protobuf/struct.proto"; import "google/protobuf/any.proto";
        import "google/protobuf/duration.proto"; import "google/protobuf/field_mask.proto";
        message A {
          B b = 1; google.protobuf.Timestamp at = 2; google.protobuf.Int64Value n = 3;
          google.protobuf.Struct s = 4; google.protobuf.Value v = 5; google.protobuf.ListValue l = 6;
          google.protobuf.Any any = 7; google.protobuf.Duration d = 8; google.protobuf.FieldMask m = 9;
        })";
    const ProtobufSchema schema = parse(text, imports);
    CHECK(schema.top_level.size() == 1);
    const ProtobufMessage& a = message(schema, "");
    const auto meaning = [&](const char* name) {
        return schema.messages[a.field_called(name)->content].meaning;
    };
    CHECK(meaning("b") == Meaning::plain);
    CHECK(meaning("at") == Meaning::timestamp);
    CHECK(meaning("n") == Meaning::wrapper);
    CHECK(meaning("s") == Meaning::structure);
    CHECK(meaning("v") == Meaning::value);
    CHECK(meaning("l") == Meaning::list);
    CHECK(meaning("any") == Meaning::any);
    CHECK(meaning("d") == Meaning::duration);
    CHECK(meaning("m") == Meaning::field_mask);
    CHECK(imports_of({"shop.proto", text}) == std::vector<std::string>{"b.proto"});
}

TEST_CASE("protobuf schema: a registry's may refer to any name") {
    const SchemaText text{SchemaType::protobuf,
                          "syntax = \"proto3\"; import \"schema.proto\"; message A { B b = 1; }",
                          {{"schema.proto", "syntax = \"proto3\"; message B { bool x = 1; }"}}};
    CHECK(message(parse_protobuf(text), "A").fields[0].name == "b");
}

TEST_CASE("protobuf schema: a message is meant by its name, whole or not, or by indexes") {
    const ProtobufSchema schema = parse(shop);
    const auto at = [&](std::vector<std::int32_t> indexes) {
        const auto found = schema.message_at(indexes);
        return found ? schema.messages[*found].name : "";
    };
    CHECK(message(schema, "Order").name == "shop.Order");
    CHECK(message(schema, "Inner").name == "shop.Customer.Address.Inner");
    CHECK(at({0}) == "shop.Customer");
    CHECK(at({1}) == "shop.Order");
    // The map before it has no message in the text.
    CHECK(at({0, 0}) == "shop.Customer.Address");
    CHECK(at({0, 0, 0}) == "shop.Customer.Address.Inner");
    CHECK(at({2}).empty());
    CHECK(at({-1}).empty());
    CHECK(at({0, 1}).empty());
    CHECK(at({}).empty());
    CHECK_THROWS_WITH_AS(static_cast<void>(schema.message_called("")),
                         "the Protobuf file has several messages; say which one is meant: "
                         "shop.Customer, shop.Order",
                         BadSchema);
    CHECK_THROWS_WITH_AS(static_cast<void>(schema.message_called("Nobody")),
                         "the Protobuf file has no message \"Nobody\"; there are shop.Customer, "
                         "shop.Customer.Address, shop.Customer.Address.Inner, shop.Order",
                         BadSchema);
}

TEST_CASE("protobuf schema: a message may contain itself") {
    const ProtobufSchema schema = parse(
        "syntax = \"proto3\"; message Tree { repeated Tree branches = 1; map<string, Tree> m = 2; "
        "}");
    const ProtobufMessage& tree = message(schema, "Tree");
    CHECK(&schema.messages[tree.fields[0].content] == &tree);
}

TEST_CASE("protobuf schema: custom options are not looked at, known or not") {
    const ProtobufSchema schema = parse(R"(syntax = "proto3"; option (mine.of_file) = "x";
        message M { option (mine.of_message).deep = 1; int32 a = 1 [(mine.of_field) = {b: 2}]; }
        service S { rpc Get(M) returns (Nowhere) { option (google.api.http) = { get: "/" }; } })");
    CHECK(message(schema, "M").fields[0].name == "a");
}

TEST_CASE("protobuf schema: what is wrong is said in words") {
    CHECK(complaint("syntax = \"proto3\";\nmessage M { int32 a = ; }") ==
          "not a Protobuf schema: shop.proto: line 2, column 23: Expected field number");
    CHECK(complaint("syntax = \"proto3\"; message M { Nope a = 1; }") ==
          "not a Protobuf schema: shop.proto: M.a: \"Nope\" is not defined");
    CHECK(
        complaint("syntax = \"proto3\"; import \"gone.proto\"; message M { int32 a = 1; }") ==
        "not a Protobuf schema: shop.proto: gone.proto: Import \"gone.proto\" was not found or had "
        "errors");
    CHECK(complaint("syntax = \"proto3\"; message M { int32 a = 1; int32 b = 1; }")
              .starts_with(
                  "not a Protobuf schema: shop.proto: M.b: Field number 1 has already been"));
    CHECK(complaint("{\"type\": \"string\"}")
              .starts_with("not a Protobuf schema: shop.proto: line 1"));
    CHECK(complaint("").empty());  // a file without a message: nothing to read by it
    CHECK_THROWS_WITH_AS(static_cast<void>(parse("").message_called("")),
                         "the Protobuf file has no message", BadSchema);
    std::string nested;
    for (int i = 0; i < 40; ++i) nested += "message M { ";
    CHECK(complaint(nested + std::string(40, '}')).starts_with("not a Protobuf schema: "));
}
