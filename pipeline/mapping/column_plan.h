#pragma once

#include "config/config.h"
#include "pipeline/table.h"
#include "pipeline/values/encoder.h"
#include "pipeline/values/json_omission.h"
#include "pipeline/values/json_text.h"

#include <cstdint>
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
    std::int32_t scale = 0;  ///< of as = decimal and mask
    std::string salt;        ///< of as = sha256
    JsonOmission drop{{}};   ///< what of JSON is not stored
    Default has_default = Default::none;
    std::string default_text;
    Encoder encode = nullptr;
    std::uint32_t as_is = 0;                            ///< kinds of values, a bit for each
    bool is_field = false;                              ///< SQL reads it; the table has none of it
    bool in_key = false;                                ///< it tells rows of the table apart
    bool orders = false;                                ///< it tells which change is newer
    json::Elements elements = json::Elements::as_text;  ///< of a JSON array for an array column

    [[nodiscard]] bool takes_json() const {
        return column.type == ColumnType::json || column.type == ColumnType::jsonb;
    }
    /// Whether the value's text is what the column takes, and nothing has to be made of it first.
    [[nodiscard]] bool takes_as_is(const Value& value) const {
        return (as_is >> static_cast<unsigned>(value.kind) & 1) != 0 && !value.escaped;
    }
};

/// The mapping of an [ingest.NAME], written or implied, held against its table: the columns that
/// records fill, then the fields that SQL reads besides. Throws WrongConfiguration with everything
/// that does not fit.
[[nodiscard]] std::vector<ColumnPlan> plan_columns(const config::Ingest& ingest,
                                                   const Table& table);

/// That it has not, and which one may be meant.
[[nodiscard]] std::string unknown_column(const std::string& name, const Table& table);

}  // namespace sluice
