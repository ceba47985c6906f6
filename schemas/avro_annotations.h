#pragma once

#include "schemas/avro_schema.h"

#include <simdjson.h>
#include <optional>
#include <string_view>

namespace sluice::schemas {

/// What stands beside a type and says more of it. Views into the parsed schema.
struct AvroAnnotations {
    std::string_view logical_type;
    std::string_view connect_name;
    std::optional<std::int64_t> precision;
    std::optional<std::int64_t> scale;

    [[nodiscard]] bool empty() const { return logical_type.empty() && connect_name.empty(); }
};

/// Of an object that is a type, or a field around one.
[[nodiscard]] AvroAnnotations annotations_of(simdjson::dom::object object);

/// Whether they mean anything for a type of this kind, in whose schema are the types that it
/// contains; then the type says so.
bool annotate(AvroType& type, const AvroAnnotations& annotations, const AvroSchema& schema);

}  // namespace sluice::schemas
