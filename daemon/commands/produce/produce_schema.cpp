#include "daemon/commands/produce/produce_schema.h"

#include "config/text/words.h"
#include "config/toml/reader.h"
#include "pipeline/encode/make_encoder.h"
#include "pipeline/errors.h"
#include "registry/registry_client.h"
#include "schemas/bad_schema.h"
#include "schemas/protobuf_schema.h"

#include <filesystem>

namespace sluice {
namespace {

using config::in_quotes;
using registry::RegistryClient;
using schemas::SchemaText;
using schemas::SchemaType;

std::shared_ptr<RegistryClient> registry_of(const config::Config& config) {
    auto client = registry::client_of(config.registry);
    if (client != nullptr) return client;
    throw WrongConfiguration(
        "records name their schema by a registry, and none is configured; add [registry] with its "
        "url, or write the bare bytes of a schema's file with --wire plain");
}

WrittenSchema by_subject(const ProduceSchema& wanted, RegistryClient& registry) {
    auto found = wanted.version ? registry.version(wanted.subject, *wanted.version)
                                : registry.latest(wanted.subject);
    const std::string version =
        wanted.version ? ", version " + std::to_string(*wanted.version) : std::string();
    if (!found) {
        throw WrongConfiguration("the registry has no subject " + in_quotes(wanted.subject) +
                                 version +
                                 "; --schema FILE --register makes one of a schema's file");
    }
    if (found->schema.type != wanted.type) {
        throw WrongConfiguration("subject " + in_quotes(wanted.subject) +
                                 " of the registry has a schema that is " +
                                 std::string(name_of(found->schema.type)) + ", not " +
                                 std::string(name_of(wanted.type)));
    }
    return {std::move(found->schema), found->id, wanted.message};
}

/// What is in a file stands in the registry already, unless it is to be put there.
std::uint32_t id_of(const ProduceSchema& wanted, const SchemaText& schema,
                    RegistryClient& registry) {
    if (!schema.references.empty()) {
        throw WrongConfiguration(
            "the schema imports other files, and a registry has each under a subject of its own; "
            "write by a subject with --schema SUBJECT");
    }
    if (wanted.registers) return registry.add(wanted.subject, schema);
    const auto id = registry.id_of(wanted.subject, schema);
    if (id) return *id;
    throw WrongConfiguration("the registry does not have this schema under subject " +
                             in_quotes(wanted.subject) +
                             "; --register puts it there, --subject names another");
}

SchemaText schema_in(const ProduceSchema& wanted) {
    auto content = config::read_file(wanted.file);
    if (const auto* error = std::get_if<config::SyntaxError>(&content))
        throw WrongConfiguration("--schema " + in_quotes(wanted.file) + ": " + error->text);
    SchemaText schema{wanted.type, std::get<std::string>(std::move(content)), {}};
    if (wanted.type == SchemaType::protobuf && !schemas::imports_of({"", schema.text}).empty())
        throw WrongConfiguration(
            "--schema takes a file that imports no other but Google's; write by a subject of the "
            "registry, or name a pipeline that has the files");
    return schema;
}

}  // namespace

std::unique_ptr<RecordEncoder> encoder_for(const ProduceRequest& request,
                                           const config::Config& config) {
    if (!request.schema) return nullptr;
    const ProduceSchema& wanted = *request.schema;
    try {
        if (wanted.file.empty() && wanted.text.text.empty())
            return make_encoder(by_subject(wanted, *registry_of(config)));
        WrittenSchema written{
            wanted.file.empty() ? wanted.text : schema_in(wanted), {}, wanted.message};
        static_cast<void>(make_encoder(written));  // before a registry gets it
        if (!wanted.plain) written.id = id_of(wanted, written.schema, *registry_of(config));
        return make_encoder(written);
    } catch (const schemas::BadSchema& bad) {
        throw WrongConfiguration(std::string("schema: ") + bad.what() +
                                 (wanted.type == SchemaType::protobuf && wanted.message.empty()
                                      ? "; --message names a message"
                                      : ""));
    }
}

}  // namespace sluice
