#pragma once

#include "schemas/avro_schema.h"
#include "schemas/row_fields.h"

#include <array>
#include <string_view>

/// Which type a field has by what stands beside its own: a meaning, or a name of Debezium's.
namespace sluice::schemas {

struct NamedText {
    std::string_view name;
    RowField::Type type;
};

inline constexpr std::array named_texts{
    NamedText{"io.debezium.data.Uuid", RowField::Type::uuid},
    NamedText{"io.debezium.data.Json", RowField::Type::json},
    NamedText{"io.debezium.time.ZonedTimestamp", RowField::Type::instant},
};

/// `any` for a plain one.
[[nodiscard]] constexpr RowField::Type field_type_of(AvroType::Meaning meaning) {
    using Meaning = AvroType::Meaning;
    using Type = RowField::Type;
    switch (meaning) {
        case Meaning::plain:
            break;
        case Meaning::decimal:
        case Meaning::scaled_decimal:
            return Type::decimal;
        case Meaning::date:
            return Type::date;
        case Meaning::time:
            return Type::time;
        case Meaning::timestamp:
            return Type::timestamp;
        case Meaning::instant:
            return Type::instant;
        case Meaning::interval:
        case Meaning::duration:
            return Type::interval;
        case Meaning::uuid:
            return Type::uuid;
    }
    return Type::any;
}

}  // namespace sluice::schemas
