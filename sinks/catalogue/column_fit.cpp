#include "sinks/catalogue/column_fit.h"

#include "sinks/catalogue/proposed_table.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace sluice {
namespace {

using schemas::RowField;
using Type = RowField::Type;

/// Room before and behind the point.
struct Room {
    int whole = 0;
    int behind = 0;
};

/// nullopt: any.
std::optional<Room> room_of(const Column& numeric) {
    constexpr std::int32_t header = 4;
    if (numeric.typmod < header) return std::nullopt;
    const std::int32_t modifier = numeric.typmod - header;
    // PostgreSQL 15's scales are of eleven bits, with a sign.
    const int scale = ((modifier & 0x7ff) ^ 0x400) - 0x400;
    return Room{(modifier >> 16 & 0xffff) - scale, scale};
}

/// nullopt: no number says.
std::optional<Room> room_of(const RowField& field) {
    switch (field.type) {
        case Type::int32:
            return Room{10, 0};
        case Type::int64:
            return Room{19, 0};
        case Type::uint64:
            return Room{20, 0};
        case Type::decimal:
            if (field.precision == 0) return std::nullopt;
            return Room{field.precision - field.scale, field.scale};
        default:
            return std::nullopt;
    }
}

bool is_textual(Type type) {
    return type == Type::text || type == Type::any;
}

bool is_integer(ColumnType type) {
    return type == ColumnType::int2 || type == ColumnType::int4 || type == ColumnType::int8;
}

bool is_float(ColumnType type) {
    return type == ColumnType::float4 || type == ColumnType::float8;
}

bool keeps_number(const Column& numeric, const RowField& field) {
    if (!is_number(field.type)) return false;
    const auto room = room_of(numeric);
    if (!room) return true;
    const auto needed = room_of(field);
    return needed && needed->whole <= room->whole && needed->behind <= room->behind;
}

/// As many digits of a second as times have here.
bool keeps_microseconds(const Column& column) {
    return column.typmod < 0 || column.typmod >= 6;
}

/// Of these lengths the text of a number, a time or a uuid fits; -1: there is no limit.
bool keeps_length(const Column& column, const RowField& field) {
    constexpr int header = 4;
    constexpr int longest_scalar = 40;
    if (column.typmod < header || is_textual(field.type)) return true;
    const bool is_open = field.list || field.type == Type::json || field.type == Type::bytes ||
                         field.type == Type::decimal || field.type == Type::interval;
    return !is_open && column.typmod - header >= longest_scalar;
}

/// As the catalogue calls an array's elements.
ColumnType element_type(std::string_view name) {
    using Named = std::pair<std::string_view, ColumnType>;
    constexpr std::array<Named, 9> named{{{"smallint", ColumnType::int2},
                                          {"integer", ColumnType::int4},
                                          {"bigint", ColumnType::int8},
                                          {"real", ColumnType::float4},
                                          {"double precision", ColumnType::float8},
                                          {"numeric", ColumnType::numeric},
                                          {"boolean", ColumnType::boolean},
                                          {"text", ColumnType::text},
                                          {"uuid", ColumnType::uuid}}};
    const auto found = std::ranges::find(named, name, &Named::first);
    return found == named.end() ? ColumnType::other : found->second;
}

bool keeps_elements(const Column& array, const RowField& field) {
    // A text, or JSON, is an array's literal, or is not.
    if (!field.list) return false;
    Column element;
    element.type_name = array.type_name;
    if (element.type_name.ends_with("[]")) element.type_name.erase(element.type_name.size() - 2);
    element.type = element_type(element.type_name);
    RowField one = field;
    one.list = false;
    return array.type_name == column_type_for(field) || keeps_all_of(element, one);
}

bool keeps_scalar(const Column& column, const RowField& field) {
    const Type type = field.type;
    switch (column.type) {
        case ColumnType::int2:
        case ColumnType::int4:  // a smallint is a choice: no schema has a type that is as small
            return type == Type::int32;
        case ColumnType::int8:
            return type == Type::int32 || type == Type::int64;
        case ColumnType::float4:
            return type == Type::real32;
        case ColumnType::float8:
            return type == Type::real32 || type == Type::real64 || type == Type::int32;
        case ColumnType::numeric:
            return keeps_number(column, field);
        case ColumnType::boolean:
            return type == Type::boolean;
        case ColumnType::bytea:
            return type == Type::bytes;
        case ColumnType::uuid:
            return type == Type::uuid;
        case ColumnType::date:
            return type == Type::date;
        case ColumnType::time:
            return type == Type::time && keeps_microseconds(column);
        case ColumnType::timestamp:
            return type == Type::date || (type == Type::timestamp && keeps_microseconds(column));
        case ColumnType::timestamptz:
            return type == Type::date || ((type == Type::timestamp || type == Type::instant) &&
                                          keeps_microseconds(column));
        case ColumnType::inet:
        case ColumnType::enumeration:
            return is_textual(type);
        default:  // of which only the database knows what they take
            return is_textual(type) || column.type_name == column_type_for(field) ||
                   column.type_name == "citext";
    }
}

/// Of a numeric.
std::string type_for_both(const Column& numeric, const RowField& field) {
    const auto room = room_of(numeric);
    const auto needed = room_of(field);
    if (!room || !needed) return "numeric";
    const int behind = std::max(room->behind, needed->behind);
    return "numeric(" + std::to_string(std::max(room->whole, needed->whole) + behind) + "," +
           std::to_string(behind) + ")";
}

std::string wider_type(const Column& column, const RowField& field) {
    if (field.list) return column_type_for(field);
    if (is_number(field.type)) {
        const bool is_real = field.type == Type::real32 || field.type == Type::real64;
        const bool is_whole = field.type == Type::int32 || field.type == Type::int64;
        if (column.type == ColumnType::numeric) return type_for_both(column, field);
        if ((is_integer(column.type) && !is_whole) || (is_float(column.type) && !is_real))
            return "numeric";
    }
    // What has no cast to the field's type.
    if (column.type == ColumnType::time || column.type == ColumnType::bytea) return "text";
    return column_type_for(field);
}

}  // namespace

bool is_number(Type type) {
    return type >= Type::int32 && type <= Type::decimal;
}

bool suits(const RowField& field, ColumnType column) {
    const Type type = field.type;
    const bool is_text = is_textual(type);
    switch (column) {
        case ColumnType::text:
        case ColumnType::varchar:
        case ColumnType::bpchar:
        case ColumnType::json:
        case ColumnType::jsonb:
        case ColumnType::other:
            return true;
        case ColumnType::array:
            return field.list || is_text || type == Type::json;
        default:
            break;
    }
    if (field.list) return false;
    switch (column) {
        case ColumnType::int2:
        case ColumnType::int4:
        case ColumnType::int8:
        case ColumnType::float4:
        case ColumnType::float8:
        case ColumnType::numeric:
            return is_text || is_number(type);
        case ColumnType::boolean:
            return is_text || type == Type::boolean || type == Type::int32 || type == Type::int64;
        case ColumnType::bytea:
            return is_text || type == Type::bytes;
        case ColumnType::uuid:
            return is_text || type == Type::uuid;
        case ColumnType::time:
            return is_text || (type >= Type::time && type <= Type::instant);
        case ColumnType::date:
        case ColumnType::timestamp:
        case ColumnType::timestamptz:
            return is_text || type == Type::date || type == Type::timestamp ||
                   type == Type::instant;
        default:
            return is_text;
    }
}

bool keeps_all_of(const Column& column, const RowField& field) {
    switch (column.type) {
        case ColumnType::text:
        case ColumnType::json:
        case ColumnType::jsonb:
            return true;
        case ColumnType::varchar:
        case ColumnType::bpchar:
            return keeps_length(column, field);
        case ColumnType::array:
            return keeps_elements(column, field);
        default:
            return !field.list && keeps_scalar(column, field);
    }
}

std::string widening(const Column& column, const RowField& field) {
    const std::string name = quote_identifier(column.name);
    const std::string type = wider_type(column, field);
    // Cast at once, a float would lose digits, and booleans become integers only.
    const char* through = "";
    if (is_float(column.type) && type == "numeric") through = "::text";
    if (column.type == ColumnType::boolean && is_number(field.type)) through = "::integer";
    return "ALTER " + name + " TYPE " + type + " USING " + name + through + "::" + type;
}

}  // namespace sluice
