#pragma once

#include "schemas/schema_text.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::schemas {

/// One top-level field of the rows that a schema describes, as far as it matters which column
/// suits.
struct RowField {
    enum class Type : std::uint8_t {
        any,  ///< of several types
        boolean,
        int32,
        int64,
        uint64,
        real32,
        real64,
        decimal,
        text,
        bytes,
        date,
        time,
        timestamp,  ///< without a zone
        instant,
        interval,
        uuid,
        json,  ///< nested fields, too
    };
    std::string name;
    Type type = Type::any;
    bool list = false;           ///< of values of this type
    std::int32_t precision = 0;  ///< decimal; 0: unknown
    std::int32_t scale = 0;      ///< decimal of a known precision
    bool operator==(const RowField&) const = default;
};

struct RowFields {
    std::vector<RowField> fields;
    bool in_envelope = false;  ///< they are those of the row within one of Debezium's change events
    /// Messages of a Protobuf file, any of which records may be: then there are no fields.
    std::vector<std::string> messages = {};
};

/// Of an Avro record, a Protobuf message (`message`: as ProtobufSchema::message_called() takes it;
/// empty: the one that is part of no other), a JSON Schema of an object; no field where it
/// describes anything else. Throws BadSchema.
[[nodiscard]] RowFields row_fields(const SchemaText& schema, std::string_view message = {});

/// For messages: "date", "list of text".
[[nodiscard]] std::string describe(const RowField& field);

}  // namespace sluice::schemas
