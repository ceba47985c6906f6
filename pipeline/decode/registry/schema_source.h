#pragma once

#include "schemas/schema_text.h"

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>

namespace sluice {

/// How a record says which schema it was written by.
struct SchemaId {
    enum class Kind : std::uint8_t {
        id,          ///< Confluent's: `number`
        guid,        ///< Confluent's: `guid`
        global_id,   ///< Apicurio's: `number`
        content_id,  ///< Apicurio's: `number`
    };
    Kind kind = Kind::id;
    std::uint64_t number = 0;
    std::array<unsigned char, 16> guid{};

    auto operator<=>(const SchemaId&) const = default;
};

/// For messages: "schema 7", "schema 6ba7b810-…", "schema with global id 7".
[[nodiscard]] std::string describe(const SchemaId& id);

/// A schema registry, as a decoder sees it. May be called from several threads, and may take its
/// time: never within a transaction. A decoder asks for a schema once; answers are worth keeping
/// for those of other lanes.
class SchemaSource {
public:
    virtual ~SchemaSource() = default;

    /// With all that it refers to. Null: there is no such schema. Throws TroubleOfTheWorld while
    /// that cannot be known: the registry is away, overloaded, or refuses us.
    [[nodiscard]] virtual std::shared_ptr<const schemas::SchemaText> find(const SchemaId& id) = 0;
};

}  // namespace sluice
