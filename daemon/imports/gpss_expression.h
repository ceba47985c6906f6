#pragma once

#include "config/condition/filter.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

/// What an expression may name: a column of the external table that a message was read as.
struct GpssInput {
    enum class Kind {
        whole,    ///< one value: all of a record's value or key, or a field of CSV
        json,     ///< the same, and paths lead into it
        places,   ///< the topic, partition and offset, as JSON
        nowhere,  ///< what records have not, here
    };
    Kind kind = Kind::whole;
    std::string name{};
    std::string type{};     ///< in SQL
    std::string source{};   ///< the whole of it: "@value", "@key", or the number of a field of CSV
    bool is_field = false;  ///< `source` is such a number
    bool never_null = false;
};

/// Where a column's value comes from, as Sluice writes it.
struct GpssSource {
    std::string text{};
    bool is_number = false;   ///< of a field of CSV
    bool keeps_json = false;  ///< `->` without a cast: a string had its quotes yet
    bool never_null = false;
    bool operator==(const GpssSource&) const = default;
};

/// A name of SQL's, in double quotes or not, as the catalogue has it.
[[nodiscard]] std::string folded(std::string_view name);

/// What `(jdata->'a'->>'b')::int` and the like come to; nullopt: it has to be SQL. The cast is
/// dropped where the column's type says the same.
[[nodiscard]] std::optional<GpssSource> source_of(std::string_view sql,
                                                  const std::vector<GpssInput>& inputs);

/// `(jdata->>'op')::text = 'd'` as `filter` and `delete_when` say it; nullopt: it has to be SQL.
[[nodiscard]] std::optional<std::string> condition_of(std::string_view sql,
                                                      const std::vector<GpssInput>& inputs,
                                                      config::RecordShape shape);

}  // namespace sluice
