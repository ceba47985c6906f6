#include "produce/message_plan.h"

#include "config/column_source.h"
#include "config/text/words.h"
#include "pipeline/errors.h"

#include <algorithm>
#include <map>

namespace sluice::produce {
namespace {

using config::in_quotes;
using Index = MessagePlan::Index;
using SourceKind = config::Source::Kind;

constexpr std::string_view left_out = "-";

/// "id" or "/customer/city".
std::vector<std::string> path_of(const std::string& name) {
    if (!name.starts_with('/')) return {name};
    const auto parsed = config::parse_pointer(name);
    if (const auto* path = std::get_if<std::vector<std::string>>(&parsed)) return *path;
    throw WrongConfiguration("field " + in_quotes(name) + ": " + std::get<std::string>(parsed));
}

/// Columns of a CSV file by their names.
class Columns {
public:
    explicit Columns(const std::vector<std::string>& names) : names_(names) {
        for (Index i = 0; i < names.size(); ++i) {
            if (names[i] == left_out) continue;
            if (!index_.emplace(names[i], i).second) {
                throw WrongConfiguration("column " + in_quotes(names[i]) +
                                         " is there twice; name the columns with --columns, \"-\" "
                                         "for one to leave out");
            }
        }
    }
    [[nodiscard]] Index find(const std::string& name, const std::string& option) const {
        const auto found = index_.find(name);
        if (found != index_.end()) return found->second;
        const std::vector<std::string_view> known(names_.begin(), names_.end());
        throw WrongConfiguration(option + ": the file has no column " + in_quotes(name) +
                                 config::suggestion(name, known));
    }

private:
    const std::vector<std::string>& names_;
    std::map<std::string, Index> index_;
};

/// Puts what the command line chose into the plan; `find` gives the field that a name stands for.
template <class Find>
void apply(const Choices& choices, MessagePlan& plan, Find find) {
    if (choices.key) plan.key = find(*choices.key, "--key");
    if (choices.partition) plan.partition = find(*choices.partition, "--partition");
    if (choices.timestamp) plan.timestamp = find(*choices.timestamp, "--timestamp");
    for (const auto& [header, field] : choices.headers) {
        plan.header.emplace_back(header, find(field, "--headers"));
    }
    if (choices.value) {
        plan.value = MessagePlan::Value::field;
        plan.value_field = find(*choices.value, "--value");
    }
}

bool is_prefix(const std::vector<std::string>& shorter, const std::vector<std::string>& longer) {
    return shorter.size() <= longer.size() &&
           std::equal(shorter.begin(), shorter.end(), longer.begin());
}

/// Leaves out fields that another one contains: a whole object comes with its parts.
std::vector<Index> without_parts(const std::vector<Index>& all, const std::vector<Field>& fields) {
    std::vector<Index> by_depth = all;
    std::ranges::stable_sort(by_depth, {}, [&](Index i) { return fields[i].path.size(); });
    std::vector<Index> kept;
    for (const Index candidate : by_depth) {
        const bool contained = std::ranges::any_of(kept, [&](Index outer) {
            return is_prefix(fields[outer].path, fields[candidate].path);
        });
        if (!contained) kept.push_back(candidate);
    }
    std::ranges::sort(kept);
    return kept;
}

Field::Style style_of(const ColumnPlan& plan) {
    using Conversion = config::Conversion;
    if (plan.as == Conversion::epoch_s || plan.as == Conversion::epoch_ms ||
        plan.as == Conversion::epoch_us) {
        return Field::Style::number;
    }
    if (plan.as != Conversion::none) return Field::Style::string;
    switch (plan.column.type) {
        case ColumnType::int2:
        case ColumnType::int4:
        case ColumnType::int8:
        case ColumnType::float4:
        case ColumnType::float8:
        case ColumnType::numeric:
            return Field::Style::number;
        case ColumnType::boolean:
            return Field::Style::boolean;
        case ColumnType::json:
        case ColumnType::jsonb:
            return Field::Style::json;
        default:
            return Field::Style::string;
    }
}

/// Puts one column of a table where its pipeline reads it.
class Placing {
public:
    Placing(MessagePlan& plan, const config::Ingest& ingest) : plan_(plan), ingest_(ingest) {}

    void place(Index field, const ColumnPlan& column) {
        const config::Source& source = column.source;
        plan_.fields[field].path = source.path;
        plan_.fields[field].style = style_of(column);
        plan_.fields[field].as = column.as;
        plan_.fields[field].bytes =
            column.column.type == ColumnType::bytea && column.as == config::Conversion::none;
        switch (source.kind) {
            case SourceKind::field:
                plan_.value_fields.push_back(field);
                break;
            case SourceKind::position:
                at_position(static_cast<std::size_t>(source.position)) = field;
                break;
            case SourceKind::value:
                whole_ = field;
                break;
            case SourceKind::key:
                plan_.key = field;
                break;
            case SourceKind::key_field:
                plan_.key_fields.push_back(field);
                break;
            case SourceKind::partition:
                plan_.partition = field;
                break;
            case SourceKind::timestamp:
                plan_.timestamp = field;
                break;
            case SourceKind::headers:
                plan_.headers = field;
                break;
            case SourceKind::header:
                headers_.emplace_back(source.name, field);
                break;
            case SourceKind::envelope:
            case SourceKind::topic:
            case SourceKind::offset:
                break;  // Kafka's own
        }
    }

    /// Key and headers: a whole one holds its parts.
    void finish_message() {
        plan_.key_fields = without_parts(plan_.key_fields, plan_.fields);
        if (plan_.key) plan_.key_fields.clear();
        if (plan_.headers) return;
        for (const auto& header : headers_) {
            const auto is_chosen = [&](const auto& chosen) { return chosen.first == header.first; };
            if (std::ranges::none_of(plan_.header, is_chosen)) plan_.header.push_back(header);
        }
    }

    void finish_value() {
        plan_.value_fields = without_parts(plan_.value_fields, plan_.fields);
        plan_.value_csv = ingest_.csv;
        if (whole_) {
            plan_.value = MessagePlan::Value::field;
            plan_.value_field = *whole_;
        } else if (ingest_.format == config::Format::json ||
                   ingest_.format == config::Format::avro ||
                   ingest_.format == config::Format::protobuf) {
            plan_.value = MessagePlan::Value::json;
        } else if (ingest_.format == config::Format::csv) {
            plan_.value = MessagePlan::Value::csv;
        } else {
            throw WrongConfiguration("[ingest." + ingest_.name +
                                     "] loads the whole value, and the file has no column for "
                                     "it; name it with --value");
        }
    }

private:
    std::optional<Index>& at_position(std::size_t position) {
        if (plan_.value_positions.size() < position) plan_.value_positions.resize(position);
        return plan_.value_positions[position - 1];
    }

    MessagePlan& plan_;
    const config::Ingest& ingest_;
    std::optional<Index> whole_;
    std::vector<std::pair<std::string, Index>> headers_;
};

}  // namespace

MessagePlan plan_lines(Input input, const Choices& choices) {
    MessagePlan plan;
    plan.input = input;
    if (!choices.json.empty()) throw WrongConfiguration("--json is for --format csv");
    apply(choices, plan, [&](const std::string& name, const std::string& option) {
        if (input == Input::text) {
            throw WrongConfiguration(option +
                                     ": lines of text have no fields; use --format json "
                                     "or csv");
        }
        plan.fields.push_back({.name = name, .path = path_of(name)});
        return plan.fields.size() - 1;
    });
    plan.objects_only = !plan.fields.empty();
    return plan;
}

MessagePlan plan_csv(const std::vector<std::string>& columns, const config::Csv& csv,
                     const Choices& choices) {
    MessagePlan plan;
    plan.input = Input::csv;
    plan.csv = csv;
    plan.value = MessagePlan::Value::json;
    const Columns known(columns);
    for (const std::string& name : columns) {
        plan.fields.push_back({.name = name, .path = path_of(name)});
    }
    for (const std::string& name : choices.json) {
        plan.fields[known.find(name, "--json")].style = Field::Style::json;
    }
    apply(choices, plan, [&](const std::string& name, const std::string& option) {
        return known.find(name, option);
    });
    // What describes the message is not repeated in its value; a key mostly is a field as well.
    const auto describes = [&](Index i) {
        return i == plan.partition || i == plan.timestamp ||
               std::ranges::any_of(plan.header, [i](const auto& h) { return h.second == i; });
    };
    for (Index i = 0; i < columns.size(); ++i) {
        if (columns[i] != left_out && !describes(i)) plan.value_fields.push_back(i);
    }
    plan.value_fields = without_parts(plan.value_fields, plan.fields);
    return plan;
}

MessagePlan plan_csv_for(const config::Ingest& ingest, const std::vector<ColumnPlan>& mapping,
                         const std::vector<std::string>& columns, const config::Csv& csv,
                         const Choices& choices) {
    MessagePlan plan;
    plan.input = Input::csv;
    plan.csv = csv;
    if (!choices.json.empty()) {
        throw WrongConfiguration("--json is for --topic: a pipeline's table knows its types");
    }
    const Columns known(columns);
    for (const std::string& name : columns) plan.fields.push_back({.name = name});
    std::vector<bool> used(columns.size(), false);
    apply(choices, plan, [&](const std::string& name, const std::string& option) {
        const Index found = known.find(name, option);
        used[found] = true;
        return found;
    });
    const MessagePlan chosen = plan;
    Placing placing(plan, ingest);
    std::vector<std::string_view> loaded;
    for (const ColumnPlan& column : mapping) {
        loaded.push_back(column.column.name);
        const auto found = std::ranges::find(columns, column.column.name);
        if (found == columns.end()) continue;
        const auto index = static_cast<Index>(found - columns.begin());
        used[index] = true;
        placing.place(index, column);
    }
    for (Index i = 0; i < columns.size(); ++i) {
        if (used[i] || columns[i] == left_out) continue;
        throw WrongConfiguration("[ingest." + ingest.name + "] loads no column " +
                                 in_quotes(columns[i]) + config::suggestion(columns[i], loaded) +
                                 "; name the file's columns with --columns, \"-\" for one to "
                                 "leave out");
    }
    // What the command line says of the message goes before what the pipeline reads from it.
    if (chosen.key) plan.key = chosen.key;
    if (chosen.partition) plan.partition = chosen.partition;
    if (chosen.timestamp) plan.timestamp = chosen.timestamp;
    placing.finish_message();
    if (chosen.value != MessagePlan::Value::field) placing.finish_value();
    return plan;
}

}  // namespace sluice::produce
