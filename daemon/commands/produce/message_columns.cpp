#include "daemon/commands/produce/message_columns.h"

#include "config/column_source.h"
#include "config/text/words.h"
#include "daemon/commands/produce/produce_request.h"
#include "daemon/commands/produce/produce_schema.h"
#include "pipeline/errors.h"
#include "pipeline/mapping/column_plan.h"

#include <algorithm>

namespace sluice {
namespace {

using produce::MessagePlan;
using SourceKind = config::Source::Kind;

constexpr auto value_column = "kafka_value";
constexpr auto key_column = "kafka_key";
constexpr auto partition_column = "kafka_partition";
constexpr auto headers_column = "kafka_headers";
constexpr auto timestamp_column = "kafka_timestamp";

/// As external tables write it with FORMAT 'CSV'.
constexpr auto mend_the_table = "did somebody alter the table? make it anew: sluice sql --writable";

[[noreturn]] void refuse(const config::Ingest& ingest, const std::string& why) {
    throw WrongConfiguration("[ingest." + ingest.name + "] " + why +
                             "; with --topic T instead of the name a table has the value, the key "
                             "and the rest as they are");
}

void refuse_unwritable(const config::Ingest& ingest) {
    if (ingest.routes())
        refuse(ingest, "has several tables, and a table of SQL has the columns of one");
    if (ingest.envelope != config::Envelope::none)
        refuse(ingest, "reads an envelope, which nobody writes by hand");
    if (ingest.explode) refuse(ingest, "makes several rows of a record");
}

/// Filled from what a writer says, and from which nothing was taken away.
bool is_written(const ColumnPlan& plan) {
    const SourceKind kind = plan.source.kind;
    return kind != SourceKind::topic && kind != SourceKind::offset &&
           kind != SourceKind::envelope && !config::hides(plan.as);
}

bool says(const std::vector<ColumnPlan>& plans, std::initializer_list<SourceKind> what) {
    return std::ranges::any_of(plans, [&](const ColumnPlan& plan) {
        return std::ranges::find(what, plan.source.kind) != what.end();
    });
}

/// What of the message no column says, where no column is called so.
std::vector<MessageColumn> rest_of_message(const config::Ingest& ingest,
                                           const std::vector<ColumnPlan>& plans) {
    std::vector<MessageColumn> rest;
    const auto add = [&](const char* name, const char* type,
                         std::initializer_list<SourceKind> what) {
        const auto is_called_so = [&](const ColumnPlan& plan) { return plan.column.name == name; };
        if (!says(plans, what) && std::ranges::none_of(plans, is_called_so))
            rest.push_back({name, type});
    };
    // Of another format, what is written as text nobody could read.
    if (ingest.key_format == config::Format::json)
        add(key_column, "text", {SourceKind::key, SourceKind::key_field});
    add(partition_column, "integer", {SourceKind::partition});
    add(headers_column, "text", {SourceKind::headers, SourceKind::header});
    add(timestamp_column, "timestamp with time zone", {SourceKind::timestamp});
    return rest;
}

void refuse_unreadable(const config::Ingest& ingest, const std::vector<ColumnPlan>& plans) {
    const bool is_whole =
        ingest.format == config::Format::text || ingest.format == config::Format::binary;
    if (is_whole && !says(plans, {SourceKind::value}))
        refuse(ingest, "has no column for the whole value");
    if (ingest.key_format != config::Format::json &&
        says(plans, {SourceKind::key, SourceKind::key_field}))
        refuse(ingest, "reads keys as " + std::string(config::name_of(ingest.key_format)) +
                           ", which is not written here");
}

/// Of arrays and ranges, too, which the catalogue's name tells: "timestamp(3) without time zone[]".
produce::Field::Written written_by(const Column& column) {
    using Written = produce::Field::Written;
    if (column.type == ColumnType::bytea) return Written::bytea;
    const std::string& name = column.type_name;
    const std::string type = name.substr(0, name.find_first_of(" (["));
    if (type == "interval") return Written::intervals;
    for (const char* const times : {"date", "timestamp", "daterange", "tsrange", "tstzrange",
                                    "datemultirange", "tsmultirange", "tstzmultirange"})
        if (type == times) return Written::times;
    return Written::anyhow;
}

[[noreturn]] void refuse_column(const std::string& name) {
    throw WrongConfiguration("this table has a column " + config::in_quotes(name) +
                             " of which no message can be made (any more); make it anew: sluice "
                             "sql --writable");
}

}  // namespace

std::vector<MessageColumn> message_columns() {
    return {{value_column, "text"},
            {key_column, "text"},
            {partition_column, "integer"},
            {headers_column, "text"},
            {timestamp_column, "timestamp with time zone"}};
}

std::vector<MessageColumn> message_columns_for(const config::Ingest& ingest, const Table& table) {
    refuse_unwritable(ingest);
    const std::vector<ColumnPlan> plans = plan_columns(ingest, table);
    refuse_unreadable(ingest, plans);
    std::vector<MessageColumn> columns;
    for (const ColumnPlan& plan : plans)
        if (is_written(plan)) columns.push_back({plan.column.name, plan.column.type_name});
    for (MessageColumn& column : rest_of_message(ingest, plans))
        columns.push_back(std::move(column));
    return columns;
}

MessagePlan message_plan(const std::vector<std::string>& columns) {
    MessagePlan plan;
    plan.input = produce::Input::csv;
    plan.csv_remedy = mend_the_table;
    plan.value = MessagePlan::Value::field;
    bool has_value = false;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        plan.fields.push_back({.name = columns[i]});
        if (columns[i] == value_column) {
            plan.value_field = i;
            has_value = true;
        } else if (columns[i] == key_column) {
            plan.key = i;
        } else if (columns[i] == partition_column) {
            plan.partition = i;
        } else if (columns[i] == headers_column) {
            plan.headers = i;
        } else if (columns[i] == timestamp_column) {
            plan.timestamp = i;
        } else {
            refuse_column(columns[i]);
        }
    }
    if (!has_value)
        throw WrongConfiguration(std::string("this table has no column ") + value_column +
                                 "; make it anew: sluice sql --writable");
    return plan;
}

MessagePlan message_plan_for(const config::Ingest& ingest, const Table& table,
                             const std::vector<std::string>& columns) {
    const std::vector<MessageColumn> possible = message_columns_for(ingest, table);
    const std::vector<ColumnPlan> plans = plan_columns(ingest, table);
    const std::vector<MessageColumn> ours = rest_of_message(ingest, plans);
    produce::Choices choices;
    std::vector<std::string> names = columns;
    std::optional<MessagePlan::Index> headers;
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::string& name = names[i];
        if (std::ranges::find(possible, name, &MessageColumn::name) == possible.end())
            refuse_column(name);
        if (std::ranges::find(ours, name, &MessageColumn::name) == ours.end()) continue;
        if (name == key_column) choices.key = name;
        if (name == partition_column) choices.partition = name;
        if (name == timestamp_column) choices.timestamp = name;
        if (name != headers_column) continue;
        headers = i;
        name = "-";  // left out there
    }
    MessagePlan plan = produce::plan_csv_for(ingest, plans, names, {}, choices);
    plan.csv_remedy = mend_the_table;
    for (produce::Field& field : plan.fields) {
        const auto column = std::ranges::find_if(
            plans, [&](const ColumnPlan& each) { return each.column.name == field.name; });
        if (column != plans.end()) field.written = written_by(column->column);
    }
    if (headers) {
        plan.headers = headers;
        plan.fields[*headers].name = headers_column;
    }
    return plan;
}

std::unique_ptr<RecordEncoder> message_encoder_for(const config::Ingest& ingest,
                                                   const std::string& topic,
                                                   const config::Config& config) {
    ProduceRequest request;
    request.schema = schema_that_reads(ingest, topic);
    return encoder_for(request, config);
}

}  // namespace sluice
