#pragma once

#include "config/config.h"
#include "pipeline/decode/json_text.h"
#include "pipeline/mapping/table.h"
#include "pipeline/values/encoder.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// How one column of the COPY gets its values.
struct ColumnPlan {
    enum class Default { none, text, now };

    Column column;
    config::Source source;
    config::Conversion as = config::Conversion::none;
    std::int32_t scale = 0;  ///< of as = decimal
    Default has_default = Default::none;
    std::string default_text;
    Encoder encode = nullptr;
    bool is_field = false;                              ///< SQL reads it; the table has none of it
    bool in_key = false;                                ///< it tells rows of the table apart
    bool orders = false;                                ///< it tells which change is newer
    json::Elements elements = json::Elements::as_text;  ///< of a JSON array for an array column

    [[nodiscard]] bool takes_json() const {
        return column.type == ColumnType::json || column.type == ColumnType::jsonb;
    }
};

/// The mapping of an [ingest.NAME], written or implied, held against its table: the columns that
/// records fill, then the fields that SQL reads besides. Throws WrongConfiguration with everything
/// that does not fit.
[[nodiscard]] std::vector<ColumnPlan> plan_columns(const config::Ingest& ingest,
                                                   const Table& table);

}  // namespace sluice
