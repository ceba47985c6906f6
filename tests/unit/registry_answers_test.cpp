#include "registry/answers.h"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace sluice::registry;
using sluice::schemas::SchemaType;

namespace {

std::string refusal(std::string_view body) {
    try {
        static_cast<void>(read_schema(body));
    } catch (const std::invalid_argument& wrong) {
        return wrong.what();
    }
    return "none";
}

}  // namespace

TEST_CASE("registry answers: a schema comes with its type and where its references are") {
    const SchemaAnswer avro = read_schema(R"({"schema":"\"int\""})");
    CHECK(avro.schema.text == "\"int\"");
    CHECK(avro.schema.type == SchemaType::avro);
    const SchemaAnswer protobuf = read_schema(
        R"({"schemaType":"PROTOBUF","schema":"x","references":[
            {"name":"m/money.proto","subject":"money/EU 1","version":3}]})");
    CHECK(protobuf.schema.type == SchemaType::protobuf);
    CHECK(protobuf.references ==
          std::vector<Whereabouts>{{"m/money.proto", "/subjects/money%2FEU%201/versions/3"}});
    CHECK(read_schema(R"({"schemaType":"JSON","schema":"{}"})").schema.type == SchemaType::json);
    CHECK(read_schema(R"({"schemaType":"XML","schema":"<a/>"})").schema.type == SchemaType::other);
}

TEST_CASE("registry answers: what is no schema is told in words") {
    CHECK(refusal("<html>") == "not JSON");
    CHECK(refusal("[]") == "without \"schema\"");
    CHECK(refusal(R"({"schema":"","references":[{"name":"a","subject":"b"}]})") ==
          "with a reference without \"version\"");
}

TEST_CASE("registry answers: Apicurio's own have no type, and references without a group") {
    CHECK(type_of(R"("string")") == SchemaType::avro);
    CHECK(type_of(R"( {"type":"record","name":"r","fields":[]})") == SchemaType::avro);
    CHECK(type_of(R"({"type":"object","properties":{}})") == SchemaType::json);
    CHECK(type_of("syntax = \"proto3\";") == SchemaType::protobuf);
    CHECK(type_of("CgFhGgA=") == SchemaType::protobuf);
    CHECK(read_apicurio_references(
              R"([{"artifactId":"a b","name":"x","version":"1"},
                  {"groupId":"g","artifactId":"c","name":"y","version":"2"}])") ==
          std::vector<Whereabouts>{{"x", "/groups/default/artifacts/a%20b/versions/1"},
                                   {"y", "/groups/g/artifacts/c/versions/2"}});
}

// The answers of Confluent's server and of Apicurio 2.6, word for word where it matters.
TEST_CASE("registry answers: a path that a server lacks makes no schema unknown") {
    CHECK(says_unknown(R"({"error_code":40403,"message":"Schema not found"})"));
    CHECK(says_unknown(R"({"error_code":40401,"message":"Subject 'x' not found."})"));
    CHECK(says_unknown(R"({"error_code":404,"name":"ContentNotFoundException"})"));
    CHECK(says_unknown(R"({"error_code":404,"name":"ArtifactNotFoundException"})"));
    CHECK_FALSE(says_unknown(R"({"error_code":404,"message":"HTTP 404 Not Found"})"));
    CHECK_FALSE(says_unknown(R"({"error_code":404,"name":"NotFoundException"})"));
    CHECK_FALSE(says_unknown(R"({"error_code":0,"message":"RESTEASY003210: Could not find"})"));
    CHECK_FALSE(says_unknown("<html>404</html>"));
}
