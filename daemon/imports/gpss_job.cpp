#include "daemon/imports/gpss_job.h"

#include "config/text/characters.h"
#include "daemon/imports/gpss_reasons.h"
#include "pipeline/errors.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>

namespace sluice {
namespace {

YamlText in_lower_case(YamlText text) {
    std::ranges::transform(text.text, text.text.begin(), to_lower);
    return text;
}

/// The first of these that is there. `node` may be null, as in all that follows.
YamlText text_of(YamlNode* node, std::initializer_list<const char*> names) {
    YamlText found;
    if (node == nullptr) return found;
    for (const char* name : names)
        if (YamlText given = node->take_text(name); !found.is_there()) found = std::move(given);
    return found;
}

YamlNode* part_of(YamlNode* node, std::string_view name) {
    return node == nullptr ? nullptr : node->take(name);
}

GpssColumn column_of(YamlNode& node) {
    const YamlText name = node.take_text("name");
    return {.name = name.text, .type = node.take_text("type").text, .line = node.line};
}

std::vector<GpssColumn> columns_of(YamlNode* list) {
    std::vector<GpssColumn> columns;
    if (list == nullptr) return columns;
    for (YamlNode& item : list->items) columns.push_back(column_of(item));
    return columns;
}

/// All names that any version has for them: within CSV_OPTION and the like, or the format itself.
void read_options(YamlNode* options, GpssFormat& format) {
    if (options == nullptr) return;
    const auto read = [&](YamlText& target, std::initializer_list<const char*> names) {
        if (YamlText given = text_of(options, names); given.is_there()) target = std::move(given);
    };
    read(format.delimiter, {"delimiter"});
    read(format.quote, {"quote"});
    read(format.escape, {"escape"});
    read(format.null_string, {"null_string"});
    read(format.eol_prefix, {"eol_prefix"});
    read(format.newline, {"newline"});
    read(format.fill_missing_fields, {"fill_missing_fields"});
    read(format.registry, {"schema_registry_addr", "schema_url", "schema_registry"});
    read(format.registry_ca, {"schema_ca_on_gpdb"});
    read(format.registry_certificate, {"schema_cert_on_gpdb"});
    read(format.registry_key, {"schema_key_on_gpdb"});
    read(format.schema_file, {"schema_path_on_gpdb", "schema_file"});
    read(format.bytes_to_base64, {"bytes_to_base64"});
    format.fill_missing_fields = in_lower_case(std::move(format.fill_missing_fields));
    format.bytes_to_base64 = in_lower_case(std::move(format.bytes_to_base64));
    if (auto columns = options->take_list("force_not_null"); !columns.empty())
        format.force_not_null = std::move(columns);
}

/// COLUMNS, FORMAT and its option, of versions 1 and 2.
GpssFormat read_block(YamlNode* block) {
    GpssFormat format;
    if (block == nullptr) return format;
    format.columns = columns_of(block->take("columns"));
    format.name = in_lower_case(block->take_text("format"));
    for (const char* options :
         {"delimited_option", "avro_option", "csv_option", "jsonl_option", "json_option"})
        read_options(block->take(options), format);
    if (format.name.text == "custom") static_cast<void>(block->take("custom_option"));
    return format;
}

/// { json: { column: … } } and the like, of version 3 and of FlowServer.
GpssFormat read_content(YamlNode* content) {
    GpssFormat format;
    if (content == nullptr || content->entries.empty()) return format;
    auto& [name, options] = content->entries.front();
    options.is_taken = true;
    format.name = in_lower_case({.text = name, .line = options.line});
    if (format.name.text == "custom") {
        for (auto& [key, value] : options.entries) value.is_taken = true;
        return format;
    }
    format.columns = columns_of(options.take("columns"));
    read_options(&options, format);
    if (YamlNode* column = options.take("column")) {
        read_options(column, format);
        format.columns.push_back(column_of(*column));
    }
    if (const YamlText column = options.take_text("source_column_name"); column.is_there())
        format.columns.push_back({.name = column.text,
                                  .type = format.name.text == "binary" ? "bytea" : "json",
                                  .line = column.line});
    if (in_lower_case(options.take_text("is_jsonl")).text == "true") format.name.text = "jsonl";
    return format;
}

/// A map, or a list of { NAME, EXPRESSION }.
std::vector<GpssMapping> mapping_of(YamlNode* node) {
    std::vector<GpssMapping> mapping;
    if (node == nullptr) return mapping;
    for (auto& [column, expression] : node->entries) {
        expression.is_taken = true;
        mapping.push_back(
            {.column = column, .expression = expression.text, .line = expression.line});
    }
    for (YamlNode& item : node->items) {
        const YamlText name = item.take_text("name");
        const YamlText expression = item.take_text("expression");
        if (name.is_there() || expression.is_there())
            mapping.push_back(
                {.column = name.text, .expression = expression.text, .line = item.line});
        else  // - column: expression
            std::ranges::move(mapping_of(&item), std::back_inserter(mapping));
    }
    return mapping;
}

void read_changes(YamlNode& node, GpssTarget& target) {
    target.match_columns = node.take_list("match_columns");
    target.order_columns = node.take_list("order_columns");
    target.update_columns = node.take_list("update_columns");
    target.update_condition = node.take_text("update_condition");
    target.delete_condition = node.take_text("delete_condition");
}

GpssTarget read_target(YamlNode& node) {
    GpssTarget target;
    target.schema = node.take_text("schema");
    target.table = node.take_text("table");
    target.filter = node.take_text("filter");
    target.mapping = mapping_of(node.take("mapping"));
    YamlNode* const mode = node.take("mode");
    if (mode != nullptr && !mode->entries.empty()) {
        auto& [name, changes] = mode->entries.front();
        changes.is_taken = true;
        target.mode = in_lower_case({.text = name, .line = changes.line});
        read_changes(changes, target);
    } else {
        if (mode != nullptr) target.mode = in_lower_case({.text = mode->text, .line = mode->line});
        read_changes(node, target);
    }
    return target;
}

void read_properties(YamlNode* node, GpssJob& job) {
    if (node == nullptr) return;
    for (auto& [name, value] : node->entries) {
        value.is_taken = true;
        job.properties.emplace_back(name, YamlText{.text = value.text, .line = value.line});
    }
}

/// Versions 1 and 2: what is about Kafka may stand within KAFKA or beside it.
GpssJob read_version_2(YamlNode& root) {
    GpssJob job;
    YamlNode* const kafka = root.take("kafka");
    static_cast<void>(root.take("version"));
    const auto part = [&](std::string_view name) {
        YamlNode* const within = part_of(kafka, name);
        return within != nullptr ? within : root.take(name);
    };
    job.host = text_of(&root, {"host"});
    job.port = text_of(&root, {"port"});
    job.user = text_of(&root, {"user"});
    job.password = text_of(&root, {"password"});
    job.database = text_of(&root, {"database"});
    YamlNode* const input = part("input");
    YamlNode* const source = part_of(input, "source");
    job.brokers = text_of(source, {"brokers"});
    job.topic = text_of(source, {"topic"});
    job.partitions = text_of(source, {"partitions"});
    job.fallback_offset = in_lower_case(text_of(source, {"fallback_offset"}));
    YamlNode* const value = part_of(input, "value");
    job.value = read_block(value != nullptr ? value : input);
    job.key = read_block(part_of(input, "key"));
    if (YamlNode* const meta = part_of(input, "meta")) {
        static_cast<void>(meta->take("format"));
        const std::vector<GpssColumn> columns = columns_of(meta->take("columns"));
        if (!columns.empty()) job.meta = columns.front();
    }
    job.filter = text_of(input, {"filter"});
    job.error_limit = text_of(input, {"error_limit"});
    if (YamlNode* const output = part("output")) job.targets.push_back(read_target(*output));
    if (YamlNode* const outputs = part("outputs"))
        for (YamlNode& each : outputs->items) job.targets.push_back(read_target(each));
    YamlNode* const commit = part("commit");
    job.batch_rows = text_of(commit, {"max_row"});
    job.batch_ms = text_of(commit, {"minimal_interval"});
    YamlNode* const task = part("task");
    job.statement = text_of(task, {"post_batch_sql"});
    job.statement_batches = text_of(task, {"batch_interval"});
    read_properties(part("properties"), job);
    static_cast<void>(part("schedule"));
    return job;
}

/// Version 3's { kafka: … }, or FlowServer's, which differs in names.
GpssJob read_source(YamlNode& kafka) {
    GpssJob job;
    job.brokers = text_of(&kafka, {"brokers"});
    job.topic = text_of(&kafka, {"topic"});
    job.partitions = text_of(&kafka, {"partitions"});
    job.value = read_content(kafka.take("value_content"));
    if (!job.value.name.is_there()) job.value = read_content(kafka.take("value"));
    job.key = read_content(kafka.take("key_content"));
    if (!job.key.name.is_there()) job.key = read_content(kafka.take("key"));
    if (YamlNode* const column = part_of(part_of(kafka.take("meta"), "json"), "column"))
        job.meta = column_of(*column);
    if (YamlNode* const metadata = kafka.take("metadata")) {
        for (auto& [name, value] : metadata->entries) value.is_taken = true;
        job.notes.push_back(
            {metadata->line,
             "TO DO: metadata of records: columns = { place = \"@topic\", … } may say the same, "
             "with \"@partition\", \"@offset\", \"@timestamp\" and \"@headers\""});
    }
    YamlNode* const control = kafka.take("control");
    job.fallback_offset = in_lower_case(text_of(&kafka, {"fallback_offset"}));
    if (!job.fallback_offset.is_there())
        job.fallback_offset = in_lower_case(text_of(control, {"fallback_offset"}));
    YamlNode* task = kafka.take("task");
    if (task == nullptr) task = kafka.take("window");
    YamlNode* const batch = part_of(task, "batch_size");
    job.batch_rows = text_of(batch, {"max_count"});
    job.batch_ms = text_of(batch, {"interval_ms"});
    job.statement = text_of(task, {"window_statement"});
    job.statement_batches = text_of(task, {"window_size"});
    read_properties(kafka.take("rdkafka_prop"), job);
    read_properties(kafka.take("properties"), job);
    return job;
}

void read_database(YamlNode& database, GpssJob& job) {
    job.host = text_of(&database, {"host"});
    job.port = text_of(&database, {"port"});
    job.user = text_of(&database, {"user"});
    job.password = text_of(&database, {"password"});
    job.database = text_of(&database, {"database", "dbname"});
    job.error_limit = text_of(&database, {"error_limit"});
    job.filter = text_of(&database, {"filter_expression"});
    if (YamlNode* const tables = database.take("tables"))
        for (YamlNode& table : tables->items) job.targets.push_back(read_target(table));
}

[[noreturn]] void refuse(const std::string& file, int line, const std::string& why) {
    throw WrongConfiguration(file + ":" + std::to_string(line) + ": " + why);
}

/// The one part called so of a list such as sources: - kafka: …
YamlNode& only_part(YamlNode& list, std::string_view name, const std::string& file) {
    if (list.items.size() != 1)
        refuse(file, list.line,
               "has " + std::to_string(list.items.size()) + " where one is read; split the file");
    if (YamlNode* const part = list.items.front().take(name)) return *part;
    refuse(file, list.items.front().line, "is no " + std::string(name) + ": not read");
}

GpssJob read_version_3(YamlNode& root, YamlNode& targets, YamlNode& sources,
                       const std::string& file) {
    static_cast<void>(root.take("version"));
    GpssJob job = read_source(only_part(sources, "kafka", file));
    read_database(only_part(targets, "gpdb", file), job);
    if (YamlNode* const option = root.take("option")) static_cast<void>(option->take("schedule"));
    return job;
}

GpssJob read_flow(YamlNode& root, YamlNode& target, YamlNode& source, const std::string& file) {
    static_cast<void>(root.take("version"));
    YamlNode* const kafka = source.take("kafka");
    if (kafka == nullptr) refuse(file, source.line, "its source is not Kafka: not read");
    YamlNode* const database = target.take("database");
    if (database == nullptr) refuse(file, target.line, "target has no database");
    GpssJob job = read_source(*kafka);
    read_database(*database, job);
    if (YamlNode* const option = root.take("option")) static_cast<void>(option->take("schedule"));
    return job;
}

GpssJob read_any(YamlNode& root, const std::string& file) {
    if (root.take("kafka") != nullptr) return read_version_2(root);
    YamlNode* const targets = root.take("targets");
    YamlNode* const sources = root.take("sources");
    if (targets != nullptr && sources != nullptr)
        return read_version_3(root, *targets, *sources, file);
    YamlNode* const target = root.take("target");
    YamlNode* const source = root.take("source");
    if (target != nullptr && source != nullptr) return read_flow(root, *target, *source, file);
    throw WrongConfiguration(
        file +
        ": is no load configuration file with Kafka as its source; those of the Greenplum "
        "Streaming "
        "Server begin with KAFKA (versions 1 and 2) or have targets and sources (version 3), those "
        "of FlowServer have target and source");
}

/// gpsscli fills {{name}} in before it reads the file. To YAML it would be a map.
std::string without_templates(const std::string& yaml, std::vector<GpssNote>& notes) {
    std::string text;
    int line = 1;
    for (std::size_t at = 0; at < yaml.size(); ++at) {
        const std::size_t end =
            yaml.compare(at, 2, "{{") == 0 ? yaml.find("}}", at) : std::string::npos;
        const std::string_view name =
            end == std::string::npos ? std::string_view()
                                     : trimmed(std::string_view(yaml).substr(at + 2, end - at - 2));
        const bool is_name = !name.empty() && std::ranges::all_of(name, [](char c) {
            return is_digit(c) || c == '_' || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
        });
        if (!is_name) {
            if (yaml[at] == '\n') ++line;
            text += yaml[at];
            continue;
        }
        text += "to_do_" + std::string(name);
        notes.push_back({line, "TO DO: to_do_" + std::string(name) + " stands for {{" +
                                   std::string(name) + "}}, which gpsscli filled in"});
        at = end + 1;
    }
    return text;
}

}  // namespace

GpssJob read_gpss_job(const std::string& yaml, const std::string& file) {
    std::vector<GpssNote> notes;
    YamlNode root = read_yaml(without_templates(yaml, notes), file);
    GpssJob job = read_any(root, file);
    job.file = file;
    std::ranges::move(job.notes, std::back_inserter(notes));
    for (const YamlText& name : root.rest())
        notes.push_back({name.line, why_without_equal(name.text)});
    job.notes = std::move(notes);
    if (!job.topic.is_there()) refuse(file, root.line, "names no topic");
    if (job.targets.empty()) refuse(file, root.line, "names no table");
    for (const GpssTarget& target : job.targets)
        if (!target.table.is_there()) refuse(file, root.line, "has a target without a table");
    return job;
}

}  // namespace sluice
