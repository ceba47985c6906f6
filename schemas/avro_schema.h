#pragma once

#include "schemas/bad_schema.h"
#include "schemas/schema_text.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::schemas {

/// One type of an Avro schema. Other types are meant by their index in AvroSchema::types, so that
/// a type may contain itself.
struct AvroType {
    enum class Kind : std::uint8_t {
        null,
        boolean,
        int32,
        int64,
        float32,
        float64,
        bytes,
        string,
        fixed,
        enumeration,
        array,
        map,
        record,
        choice,  ///< a union
    };
    /// What the writer says that the bytes stand for: a logicalType, or a connect.name of Kafka
    /// Connect or Debezium. One that does not fit the kind, or that nobody knows, is `plain`.
    enum class Meaning : std::uint8_t {
        plain,
        decimal,         ///< bytes, fixed
        scaled_decimal,  ///< a record of its scale (int) and its bytes: Debezium's
        date,            ///< int: days
        time,            ///< int, long: of the day
        timestamp,       ///< long: without a zone
        instant,         ///< long
        interval,        ///< long
        duration,        ///< fixed(12): months, days, milliseconds, each four bytes, little-endian
        uuid,            ///< fixed(16)
    };
    /// Of time, timestamp, instant and interval.
    enum class Unit : std::uint8_t { milliseconds, microseconds, nanoseconds };

    Kind kind = Kind::null;
    Meaning meaning = Meaning::plain;
    Unit unit = Unit::milliseconds;
    bool is_empty = false;                ///< its values take no bytes at all
    std::int32_t scale = 0;               ///< decimal; may be negative where Connect wrote it
    std::int32_t precision = 0;           ///< decimal; 0: it does not say
    std::uint64_t size = 0;               ///< fixed
    std::string text_of;                  ///< string: its connect.name or logicalType, if any
    std::string name;                     ///< record, enumeration, fixed: with its namespace
    std::vector<std::string> names;       ///< record: its fields; enumeration: its symbols
    std::vector<std::string> defaults;    ///< record: of its fields, as JSON; empty: none
    std::vector<std::uint32_t> contents;  ///< record, choice: a type each; array, map: one
};

/// A parsed schema. Constant.
struct AvroSchema {
    std::vector<AvroType> types;
    std::uint32_t root = 0;

    [[nodiscard]] const AvroType& of(std::uint32_t index) const { return types[index]; }
};

/// `references` are the schemas whose named types this one may use, each after those that it uses
/// itself. Aliases and documentation say nothing about a writer's bytes and are not looked at;
/// defaults neither, but are kept for those who write: bytes in them as \x and hexadecimal digits.
/// Throws BadSchema.
[[nodiscard]] AvroSchema parse_avro(std::string_view json,
                                    std::span<const NamedSchema> references = {});

/// For messages: "int", "map", or the name of a record, an enum or a fixed.
[[nodiscard]] std::string_view name_of(const AvroType& type);

}  // namespace sluice::schemas
