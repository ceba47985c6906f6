#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

/// Column types that pipeline/ can judge and write in binary. Everything else is `other`: sent as
/// text, judged by the database.
enum class ColumnType {
    int2,
    int4,
    int8,
    float4,
    float8,
    numeric,
    boolean,
    text,  ///< text and name
    varchar,
    bpchar,
    json,
    jsonb,
    bytea,
    uuid,
    date,
    time,
    timestamp,
    timestamptz,
    inet,
    enumeration,
    array,  ///< sent as an array literal
    other,
};

/// A column as the catalogue describes it.
struct Column {
    std::string name;
    ColumnType type = ColumnType::other;
    std::string type_name;     ///< format_type(): "numeric(10,2)", for messages
    std::int32_t typmod = -1;  ///< pg_attribute.atttypmod
    bool not_null = false;
    bool has_default = false;
    /// Whether equal values are equal bytes, which a collation may deny.
    bool deterministic = true;
    std::string collation{};  ///< quoted; empty: its type's own
    bool identity = false;    ///< GENERATED ALWAYS AS IDENTITY
    bool generated = false;   ///< GENERATED … STORED or ALWAYS AS IDENTITY: cannot be written
};

/// An index of a table, as far as it is about columns.
struct Index {
    std::vector<std::string> columns;  ///< none where it is of expressions, or not for all rows
    bool unique = false;
    bool plain = false;  ///< a btree that compares as its columns do and demands at once
    bool operator==(const Index&) const = default;
};

/// A target table as the catalogue describes it, and what of the session decides how text is read.
struct Table {
    std::string schema;
    std::string name;
    std::vector<Column> columns;  ///< in the table's order, dropped ones left out
    std::vector<Column>
        fields{};  ///< the pipeline's, which only SQL reads, in the order of the file
    std::vector<std::string> primary_key;
    std::vector<Index> indexes;
    bool append_optimized = false;
    int references = 0;  ///< how far its foreign keys lead from table to table, the longest way
    bool session_is_utc = false;  ///< TimeZone is UTC: times without a zone need no database
};

}  // namespace sluice
