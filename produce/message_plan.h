#pragma once

#include "config/config.h"
#include "pipeline/mapping/column_plan.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Rows of a file in, messages out: what `sluice produce` is made of, save Kafka itself.
namespace sluice::produce {

enum class Input { csv, json, text };

/// One field of a row, and in what form it is passed on.
struct Field {
    /// How the text of a CSV field stands in a JSON value.
    enum class Style {
        string,
        number,   ///< as a number where it is one
        boolean,  ///< t, f, true and false as JSON's own
        json,     ///< it is JSON, and is checked to be
    };
    std::string name;                 ///< as the user calls it
    std::vector<std::string> path{};  ///< where it is, or will be, in JSON
    Style style = Style::string;
    config::Conversion as = config::Conversion::none;  ///< that the reader of the topic will apply
    bool bytes = false;  ///< \x… stands for bytes, where there can be bytes
    /// What the database has written, so that another form is another setting's.
    enum class Written {
        anyhow,
        bytea,
        times,      ///< a date or a timestamp, or arrays and ranges of them
        intervals,  ///< one, or an array
    };
    Written written = Written::anyhow;
};

/// How rows of a file become messages: which field goes where. Plain data.
struct MessagePlan {
    using Index = std::size_t;  ///< of `fields`
    /// What the value is made of.
    enum class Value { line, field, json, csv };

    Input input = Input::json;
    config::Csv csv;            ///< of the input
    std::vector<Field> fields;  ///< CSV: all columns of the file, in its order
    bool objects_only = false;  ///< a line of JSON must be an object
    /// What to do where a row of CSV has other fields, or none that can be read.
    std::string csv_remedy = "mend the line, or see --columns, --delimiter, --quote and --escape";

    std::optional<Index> key;
    std::vector<Index> key_fields;  ///< of a key that is a JSON object
    std::optional<Index> partition;
    std::optional<Index> timestamp;
    std::optional<Index> headers;  ///< all, as a JSON object
    std::vector<std::pair<std::string, Index>> header;

    Value value = Value::line;
    Index value_field = 0;
    std::vector<Index> value_fields;                    ///< of JSON, by their paths
    std::vector<std::optional<Index>> value_positions;  ///< of CSV, in order; nullopt: NULL
    config::Csv value_csv;
};

/// What the command line says of fields, by their names.
struct Choices {
    std::optional<std::string> key{};
    std::optional<std::string> value{};
    std::optional<std::string> partition{};
    std::optional<std::string> timestamp{};
    std::vector<std::pair<std::string, std::string>> headers{};  ///< header, field
    std::vector<std::string> json{};                             ///< CSV fields that hold JSON
};

// Each throws WrongConfiguration with what does not fit, and what to do.

/// Lines of text or JSON, each a value as it is unless `choices` take it from a field.
[[nodiscard]] MessagePlan plan_lines(Input input, const Choices& choices);

/// CSV with these columns, whose values become JSON objects. A column's name is a field's, or a
/// JSON Pointer; "-" leaves it out.
[[nodiscard]] MessagePlan plan_csv(const std::vector<std::string>& columns, const config::Csv& csv,
                                   const Choices& choices);

/// CSV whose columns are those of a pipeline's table: each goes where the pipeline will read it.
[[nodiscard]] MessagePlan plan_csv_for(const config::Ingest& ingest,
                                       const std::vector<ColumnPlan>& mapping,
                                       const std::vector<std::string>& columns,
                                       const config::Csv& csv, const Choices& choices);

}  // namespace sluice::produce
