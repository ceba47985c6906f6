#pragma once

#include "pipeline/mapping/row_mapper.h"

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::fuzz {

/// One column of every type.
inline Table table_of_all_types() {
    Table table;
    table.name = "t";
    const auto add = [&table](const char* type_name, ColumnType type, std::int32_t typmod = -1) {
        table.columns.push_back({"c" + std::to_string(table.columns.size()), type, type_name});
        table.columns.back().typmod = typmod;
    };
    add("smallint", ColumnType::int2);
    add("integer", ColumnType::int4);
    add("bigint", ColumnType::int8);
    add("real", ColumnType::float4);
    add("double precision", ColumnType::float8);
    add("numeric(7,2)", ColumnType::numeric, (7 << 16 | 2) + 4);
    add("numeric", ColumnType::numeric);
    add("boolean", ColumnType::boolean);
    add("text", ColumnType::text);
    add("character varying(3)", ColumnType::varchar, 3 + 4);
    add("character(3)", ColumnType::bpchar, 3 + 4);
    add("json", ColumnType::json);
    add("jsonb", ColumnType::jsonb);
    add("bytea", ColumnType::bytea);
    add("uuid", ColumnType::uuid);
    add("date", ColumnType::date);
    add("time", ColumnType::time);
    add("timestamp", ColumnType::timestamp);
    add("timestamptz", ColumnType::timestamptz);
    add("inet", ColumnType::inet);
    add("mood", ColumnType::enumeration);
    return table;
}

/// Whatever the bytes: what is in the batch is a whole row or a reject with reasons.
inline void check(const Batch& batch, RowMapper::Outcome outcome) {
    const auto require = [](bool holds) {
        if (!holds) std::abort();
    };
    const bool rejected = outcome == RowMapper::Outcome::rejected;
    require(batch.rejects.size() == (rejected ? 1 : 0));
    require(batch.row_count() == (outcome == RowMapper::Outcome::row ? 1 : 0));
    if (batch.row_count() == 0) {
        require(batch.targets[0].binary.bytes.empty() && batch.targets[0].text.bytes.empty());
    }
    if (rejected) {
        require(!batch.rejects[0].reasons.empty());
        for (const Reason& reason : batch.rejects[0].reasons) require(!reason.text.empty());
    }
    if (!batch.targets[0].text.rows.empty()) {
        const std::string& text = batch.targets[0].text.bytes;
        require(text.find('\n') == text.size() - 1 && text.find('\0') == std::string::npos);
    }
    if (batch.targets[0].binary.rows.empty()) return;
    const auto read = [&bytes = batch.targets[0].binary.bytes, &require](std::size_t at,
                                                                         std::size_t size) {
        require(at + size <= bytes.size());
        std::uint32_t number = 0;
        for (std::size_t i = 0; i < size; ++i) {
            number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
        }
        return number;
    };
    std::size_t at = 2;
    for (std::uint32_t field = read(0, 2); field > 0; --field) {
        const auto size = static_cast<std::int32_t>(read(at, 4));
        require(size >= -1);
        at += 4 + static_cast<std::size_t>(size == -1 ? 0 : size);
    }
    require(at == batch.targets[0].binary.bytes.size());
}

/// One record's way through a mapper.
inline void run(RowMapper& mapper, std::string_view value) {
    Batch batch;
    Record record;
    record.value = value;
    check(batch, mapper.map(batch.records.append(record), batch));
}

}  // namespace sluice::fuzz
