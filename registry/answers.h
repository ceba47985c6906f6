#pragma once

#include "schemas/schema_text.h"

#include <string>
#include <string_view>
#include <vector>

/// What registries answer, taken apart. Throws std::invalid_argument for what is none of it; its
/// text follows "the answer is ".
namespace sluice::registry {

/// Where the registry has a schema that another one refers to.
struct Whereabouts {
    std::string name;  ///< by which that one means it
    std::string path;  ///< of a request for it
    bool operator==(const Whereabouts&) const = default;
};

struct SchemaAnswer {
    schemas::SchemaText schema;
    std::vector<Whereabouts> references;
};

/// Of /schemas/ids/… and /subjects/…/versions/… of Confluent's API.
[[nodiscard]] SchemaAnswer read_schema(std::string_view body);
/// Of …/references of Apicurio's own API.
[[nodiscard]] std::vector<Whereabouts> read_apicurio_references(std::string_view body);
/// Apicurio's own API gives a schema's text, and does not always say of which kind it is.
[[nodiscard]] schemas::SchemaType type_of(std::string_view schema);

/// Of a subject's version that comes along with read_schema().
struct VersionAnswer {
    std::uint32_t id = 0;
    std::int64_t version = 0;  ///< 0: it does not say
};
[[nodiscard]] VersionAnswer read_version(std::string_view body);

/// A schema, as Confluent's API takes it.
[[nodiscard]] std::string describe_schema(const schemas::SchemaText& schema);
/// Why a request was refused, as far as it says so.
[[nodiscard]] std::string message_of(std::string_view body);

/// Whether an answer with status 404 says that there is no such schema: a path that the server does
/// not have has this status, too.
[[nodiscard]] bool says_unknown(std::string_view body);

/// As a part of a path.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace sluice::registry
