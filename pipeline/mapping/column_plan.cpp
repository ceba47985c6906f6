#include "pipeline/mapping/column_plan.h"

#include "config/text/words.h"
#include "pipeline/errors.h"
#include "pipeline/mapping/key_plan.h"
#include "pipeline/mapping/record_condition.h"
#include "pipeline/values/excerpt.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace sluice {

namespace {

using config::Conversion;
using config::Format;
using config::Ingest;
using SourceKind = config::Source::Kind;

config::ColumnMapping implied(const Column& column, SourceKind kind) {
    config::ColumnMapping mapping;
    mapping.column = column.name;
    mapping.source.kind = kind;
    return mapping;
}

/// Without `columns`: fields to columns of the same name, CSV in order, else the one column.
std::vector<config::ColumnMapping> implied_mappings(Format format, const Table& table,
                                                    std::vector<std::string>& misfits) {
    std::vector<config::ColumnMapping> mappings;
    for (const Column& column : table.columns) {
        if (column.generated) continue;
        switch (format) {
            case Format::json:
            case Format::avro:
            case Format::protobuf:
                mappings.push_back(implied(column, SourceKind::field));
                mappings.back().source.path = {column.name};
                mappings.back().source.text = column.name;
                break;
            case Format::csv:
                mappings.push_back(implied(column, SourceKind::position));
                mappings.back().source.position = static_cast<int>(mappings.size());
                mappings.back().source.text = std::to_string(mappings.size());
                break;
            case Format::text:
            case Format::binary:
                mappings.push_back(implied(column, SourceKind::value));
                mappings.back().source.text = "@value";
        }
    }
    const bool whole = format == Format::text || format == Format::binary;
    if (mappings.empty()) misfits.push_back("the table has no column that can be written");
    if (whole && mappings.size() > 1) {
        misfits.push_back("the table has " + std::to_string(mappings.size()) +
                          " columns and the record is one value; say with [columns] which takes "
                          "\"@value\"");
    }
    return mappings;
}

bool is_text(ColumnType type) {
    return type == ColumnType::text || type == ColumnType::varchar || type == ColumnType::bpchar ||
           type == ColumnType::other;
}

bool is_number(ColumnType type) {
    return type == ColumnType::int2 || type == ColumnType::int4 || type == ColumnType::int8 ||
           type == ColumnType::float4 || type == ColumnType::float8 || type == ColumnType::numeric;
}

bool is_json(ColumnType type) {
    return type == ColumnType::json || type == ColumnType::jsonb;
}

bool is_day_or_moment(ColumnType type) {
    return type == ColumnType::date || type == ColumnType::timestamp ||
           type == ColumnType::timestamptz;
}

/// Whether some value of this source can be in a column of this type.
bool fits(const config::Source& source, ColumnType type) {
    switch (source.kind) {
        case SourceKind::topic:
            return is_text(type) || type == ColumnType::enumeration;
        case SourceKind::partition:
        case SourceKind::offset:
            return is_text(type) || is_number(type) || is_json(type);
        case SourceKind::timestamp:
            return is_text(type) || is_day_or_moment(type) || type == ColumnType::time;
        case SourceKind::headers:
            return is_text(type) || is_json(type);
        default:
            return true;
    }
}

bool fits(Conversion as, ColumnType type) {
    switch (as) {
        case Conversion::epoch_s:
        case Conversion::epoch_ms:
        case Conversion::epoch_us:
        case Conversion::epoch_ns:
        case Conversion::epoch_days:
            return is_text(type) || is_day_or_moment(type);
        case Conversion::time_ms:
        case Conversion::time_us:
        case Conversion::time_ns:
            return is_text(type) || type == ColumnType::time;
        case Conversion::decimal:
            return is_text(type) || is_number(type);
        case Conversion::json:
            return is_text(type) || is_json(type) || type == ColumnType::array;
        case Conversion::sha256:
            return is_text(type) || type == ColumnType::bytea;
        case Conversion::mask:
            return is_text(type);
        default:
            return true;
    }
}

/// What such a conversion goes to.
std::string wrong_target(Conversion as) {
    switch (as) {
        case Conversion::json:
            return "as = \"json\" goes to json, jsonb, an array or text, not to ";
        case Conversion::sha256:
            return "as = \"sha256\" goes to text or bytea, not to ";
        case Conversion::mask:
            return "mask goes to text, not to ";
        case Conversion::time_ms:
        case Conversion::time_us:
        case Conversion::time_ns:
            return "as = \"time_…\" goes to time or text, not to ";
        case Conversion::decimal:
            return "as = { decimal = … } goes to a number or text, not to ";
        default:
            return "as = \"epoch_…\" goes to timestamp, timestamptz, date or text, not to ";
    }
}

/// A length limit is stored with the size of a header on top.
bool has_room_for_digits(const Column& column) {
    constexpr std::int32_t digits_of_hash = 64;
    constexpr std::int32_t header = 4;
    const bool limited = column.type == ColumnType::varchar || column.type == ColumnType::bpchar;
    return !limited || column.typmod < 0 || column.typmod - header >= digits_of_hash;
}

json::Elements elements_of(const Column& column) {
    const bool json =
        column.type_name.starts_with("json[") || column.type_name.starts_with("jsonb[");
    return json ? json::Elements::as_json : json::Elements::as_text;
}

/// Sources that the format of the records does not have.
const char* wrong_source(SourceKind kind, Format format) {
    if (kind == SourceKind::field && !names_fields(format)) {
        return "fields by name need format = \"json\", \"avro\" or \"protobuf\"";
    }
    if (kind == SourceKind::position && format != Format::csv) {
        return "fields by number need format = \"csv\"";
    }
    return nullptr;
}

/// A whole value or key that has a schema is a field with all of it, so that it arrives as JSON;
/// bytea takes the bytes as they are.
config::Source source_for(config::Source source, ColumnType type, const Ingest& ingest) {
    const auto has_schema = [](Format format) {
        return format == Format::avro || format == Format::protobuf;
    };
    if (type == ColumnType::bytea) return source;
    if (source.kind == SourceKind::value && has_schema(ingest.format))
        source.kind = SourceKind::field;
    if (source.kind == SourceKind::key && has_schema(ingest.key_format))
        source.kind = SourceKind::key_field;
    return source;
}

constexpr const char* is_generated = "it is generated by the database; leave it out";

/// Everything that is wrong with one mapping to an existing column.
void check(const ColumnPlan& plan, Format format, std::vector<std::string>& problems) {
    const Column& column = plan.column;
    if (column.generated) problems.emplace_back(is_generated);
    if (const char* wrong = wrong_source(plan.source.kind, format)) problems.push_back(wrong);
    const std::string type = column.type_name;
    // A conversion has its own opinion on types.
    if (plan.as == Conversion::none && !fits(plan.source, column.type)) {
        problems.push_back(plan.source.text + " cannot go to " + type);
    }
    const bool holds_json =
        plan.takes_json() || column.type == ColumnType::text || column.type == ColumnType::varchar;
    if (!plan.drop.empty() && !holds_json)
        problems.push_back("drop leaves fields out of JSON, which " + type +
                           " does not hold; make it jsonb, json or text");
    if (!fits(plan.as, column.type)) problems.push_back(wrong_target(plan.as) + type);
    if (plan.as == Conversion::sha256 && !has_room_for_digits(column))
        problems.push_back("the 64 digits of a hash do not fit into " + type +
                           "; make it varchar(64), text or bytea");
}

void plan_default(ColumnPlan& plan, const std::optional<std::string>& text,
                  std::vector<std::string>& problems) {
    if (!text) return;
    const bool of_time = is_day_or_moment(plan.column.type) || plan.column.type == ColumnType::time;
    if (of_time && *text == "now") {
        plan.has_default = ColumnPlan::Default::now;
        return;
    }
    plan.has_default = ColumnPlan::Default::text;
    plan.default_text = *text;
    Encoding encoding;
    RowBuffer ignored;
    if (plan.encode({Value::Kind::text, plan.default_text}, plan.column, encoding, ignored) ==
        Verdict::invalid) {
        problems.push_back("its default " + excerpt(*text) + " " + encoding.complaint);
    }
}

const Column* column_called(const std::string& name, const std::vector<Column>& columns) {
    const auto found = std::ranges::find(columns, name, &Column::name);
    return found == columns.end() ? nullptr : &*found;
}

/// See ColumnPlan::takes_as_is(): of these kinds the preparer would only say that they are text.
std::uint32_t kinds_taken_as_is(const ColumnPlan& plan) {
    if (plan.as != Conversion::none || plan.takes_json() || !plan.drop.empty()) return 0;
    const auto bit = [](Value::Kind kind) { return 1u << static_cast<unsigned>(kind); };
    const std::uint32_t texts = bit(Value::Kind::text) | bit(Value::Kind::json_string);
    switch (plan.column.type) {
        case ColumnType::date:
        case ColumnType::time:
        case ColumnType::timestamp:
        case ColumnType::timestamptz:
            return texts;  // a number is refused, with a hint
        default:
            return texts | bit(Value::Kind::json_scalar);
    }
}

ColumnPlan plan_value(const config::ColumnMapping& mapping, const Column& column,
                      const Ingest& ingest, std::vector<std::string>& problems) {
    ColumnPlan plan;
    plan.column = column;
    plan.source = source_for(mapping.source, column.type, ingest);
    plan.as = mapping.as;
    plan.scale = mapping.scale;
    plan.salt = mapping.salt;
    plan.drop = JsonOmission(mapping.drop);
    plan.encode = encoder_for(column);
    plan.elements = elements_of(column);
    plan.as_is = kinds_taken_as_is(plan);
    check(plan, ingest.format, problems);
    plan_default(plan, mapping.default_value, problems);
    return plan;
}

void plan_fields(const Ingest& ingest, const Table& table, std::vector<ColumnPlan>& plans,
                 std::vector<std::string>& misfits) {
    for (const config::SqlField& field : ingest.fields) {
        const std::string& name = field.mapping.column;
        std::vector<std::string> problems;
        const Column* const typed = column_called(name, table.fields);
        if (typed == nullptr)
            problems.push_back(
                "it has no type, and the table has no column of this name; add one, "
                "such as type = \"text\"");
        else if (std::ranges::any_of(plans, [&](const auto& p) { return p.column.name == name; }))
            problems.push_back(
                "a column of this name is mapped, which SQL may use as well; "
                "remove one");
        else
            plans.emplace_back(plan_value(field.mapping, *typed, ingest, problems)).is_field = true;
        for (const std::string& problem : problems)
            misfits.push_back("field \"" + name + "\": " + problem);
    }
}

}  // namespace

std::string unknown_column(const std::string& name, const Table& table) {
    const std::vector<std::string_view> known = [&table] {
        std::vector<std::string_view> names;
        for (const Column& column : table.columns) names.push_back(column.name);
        return names;
    }();
    return "the table has no such column" + config::suggestion(name, known);
}

std::vector<ColumnPlan> plan_columns(const Ingest& ingest, const Table& table) {
    std::vector<std::string> misfits;
    const auto mappings =
        ingest.implies_columns() ? implied_mappings(ingest.format, table, misfits) : ingest.columns;
    std::vector<ColumnPlan> plans;
    std::set<std::string_view> filled;
    for (const config::ColumnMapping& mapping : mappings) {
        std::vector<std::string> problems;
        const Column* const found = column_called(mapping.column, table.columns);
        if (found == nullptr) {
            problems.push_back(unknown_column(mapping.column, table));
        } else if (!filled.insert(found->name).second) {
            problems.push_back("it is mapped twice");
        } else {
            plans.push_back(plan_value(mapping, *found, ingest, problems));
            // What `where` leaves out need not fit the table.
            ColumnPlan& plan = plans.back();
            plan.column.not_null = plan.column.not_null && ingest.where.empty();
        }
        for (const std::string& problem : problems) {
            misfits.push_back("column \"" + mapping.column + "\": " + problem);
        }
    }
    for (const config::SqlColumn& computed : ingest.computed) {
        const Column* const found = column_called(computed.column, table.columns);
        if (found == nullptr) {
            misfits.push_back("column \"" + computed.column +
                              "\": " + unknown_column(computed.column, table));
        } else {
            filled.insert(found->name);
            if (found->generated)
                misfits.push_back("column \"" + computed.column + "\": " + is_generated);
        }
    }
    for (const Column& column : table.columns) {
        // An update makes no row.
        if (ingest.mode == config::Mode::update) break;
        if (!column.not_null || column.has_default || column.generated) continue;
        if (!filled.contains(column.name)) {
            misfits.push_back("column \"" + column.name +
                              "\": it is not null, has no default and gets no value; map it");
        }
    }
    for (const auto& [name, filter] :
         {std::pair("filter", &ingest.filter), std::pair("delete_when", &ingest.deletes)})
        if (*filter)
            if (const std::string problem = impossible_comparison(**filter); !problem.empty())
                misfits.push_back(std::string(name) + ": " + problem);
    plan_key(ingest, table, plans, misfits);
    plan_fields(ingest, table, plans, misfits);
    if (misfits.empty()) return plans;
    std::string text = "ingest." + ingest.name + " does not fit table \"" + table.schema + "\".\"" +
                       table.name + "\":";
    for (const std::string& misfit : misfits) text += "\n  " + misfit;
    throw WrongConfiguration(text);
}

}  // namespace sluice
