#include "registry/answers.h"

#include "pipeline/values/json_text.h"

#include <simdjson.h>

#include <limits>
#include <stdexcept>

namespace sluice::registry {

namespace {

using schemas::SchemaType;
using simdjson::SUCCESS;
using simdjson::dom::array;
using simdjson::dom::element;

element parse(simdjson::dom::parser& parser, std::string_view body) {
    element root;
    if (parser.parse(body.data(), body.size()).get(root) != SUCCESS)
        throw std::invalid_argument("not JSON");
    return root;
}

std::string text_at(element object, const char* key) {
    std::string_view text;
    if (object[key].get(text) != SUCCESS)
        throw std::invalid_argument(std::string("without \"") + key + "\"");
    return std::string(text);
}

SchemaType type_called(std::string_view name) {
    if (name == "AVRO") return SchemaType::avro;
    if (name == "PROTOBUF") return SchemaType::protobuf;
    return name == "JSON" ? SchemaType::json : SchemaType::other;
}

}  // namespace

SchemaAnswer read_schema(std::string_view body) {
    simdjson::dom::parser parser;
    const element root = parse(parser, body);
    SchemaAnswer answer;
    answer.schema.text = text_at(root, "schema");
    std::string_view type;
    if (root["schemaType"].get(type) == SUCCESS) answer.schema.type = type_called(type);
    array references;
    if (root["references"].get(references) != SUCCESS) return answer;
    for (const element reference : references) {
        std::int64_t version = 0;
        if (reference["version"].get(version) != SUCCESS)
            throw std::invalid_argument("with a reference without \"version\"");
        answer.references.push_back(
            {text_at(reference, "name"), "/subjects/" + escaped(text_at(reference, "subject")) +
                                             "/versions/" + std::to_string(version)});
    }
    return answer;
}

std::vector<Whereabouts> read_apicurio_references(std::string_view body) {
    simdjson::dom::parser parser;
    std::vector<Whereabouts> all;
    array references;
    if (parse(parser, body).get(references) != SUCCESS)
        throw std::invalid_argument("not a list of references");
    for (const element reference : references) {
        std::string_view group;
        if (reference["groupId"].get(group) != SUCCESS) group = "default";
        all.push_back({text_at(reference, "name"), "/groups/" + escaped(group) + "/artifacts/" +
                                                       escaped(text_at(reference, "artifactId")) +
                                                       "/versions/" +
                                                       escaped(text_at(reference, "version"))});
    }
    return all;
}

SchemaType type_of(std::string_view schema) {
    const std::size_t begin = schema.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos ||
        std::string_view("{[\"").find(schema[begin]) == std::string_view::npos)
        return SchemaType::protobuf;
    simdjson::dom::parser parser;
    element root;
    if (parser.parse(schema.data(), schema.size()).get(root) != SUCCESS) return SchemaType::avro;
    for (const char* const key : {"$schema", "$id", "properties", "$ref"})
        if (root[key].error() == SUCCESS) return SchemaType::json;
    return SchemaType::avro;
}

VersionAnswer read_version(std::string_view body) {
    simdjson::dom::parser parser;
    const element root = parse(parser, body);
    VersionAnswer answer;
    std::uint64_t id = 0;
    if (root["id"].get(id) != SUCCESS || id > std::numeric_limits<std::uint32_t>::max())
        throw std::invalid_argument("without an \"id\" of four bytes");
    answer.id = static_cast<std::uint32_t>(id);
    if (root["version"].get(answer.version) != SUCCESS) answer.version = 0;
    return answer;
}

std::string describe_schema(const schemas::SchemaText& schema) {
    std::string body = "{\"schema\":";
    json::append_string(body, schema.text);
    if (schema.type == SchemaType::protobuf) body += ",\"schemaType\":\"PROTOBUF\"";
    if (schema.type == SchemaType::json) body += ",\"schemaType\":\"JSON\"";
    return body + "}";
}

std::string message_of(std::string_view body) {
    simdjson::dom::parser parser;
    element root;
    std::string_view message;
    if (parser.parse(body.data(), body.size()).get(root) != SUCCESS ||
        root["message"].get(message) != SUCCESS)
        return {};
    return std::string(message);
}

bool says_unknown(std::string_view body) {
    simdjson::dom::parser parser;
    element root;
    if (parser.parse(body.data(), body.size()).get(root) != SUCCESS) return false;
    // Confluent's: 40401 no such subject, 40402 version, 40403 schema.
    std::int64_t code = 0;
    if (root["error_code"].get(code) == SUCCESS && code / 100 == 404) return true;
    // Apicurio's: ArtifactNotFoundException, ContentNotFoundException; without a thing, the path.
    std::string_view name;
    constexpr std::string_view not_found = "NotFoundException";
    return root["name"].get(name) == SUCCESS && name != not_found && name.ends_with(not_found);
}

std::string escaped(std::string_view text) {
    constexpr char hex[] = "0123456789ABCDEF";
    constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    std::string to;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (plain.find(c) != std::string_view::npos) {
            to += c;
        } else {
            to.append({'%', hex[byte >> 4], hex[byte & 15]});
        }
    }
    return to;
}

}  // namespace sluice::registry
