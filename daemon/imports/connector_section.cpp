#include "daemon/imports/connector_section.h"

#include "config/condition/condition_tokens.h"
#include "daemon/imports/connection_text.h"
#include "daemon/imports/toml_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

namespace sluice {
namespace {

using toml_text::comment;
using toml_text::key;

/// What has no equal because it needs none, and why.
constexpr std::array<std::pair<std::string_view, std::string_view>, 17> without_equal{{
    {"auto.create", "of a format with types, create = true makes tables"},
    {"auto.evolve", "of a format with types, on_extra = \"add_column\" adds columns"},
    {"schema.evolution",
     "of a format with types, create = true and on_extra = \"add_column\" do that"},
    {"batch.size", "a batch is a transaction here, and 50000 rows load faster"},
    {"max.retries", "trouble of the world is tried again for as long as it lasts"},
    {"retry.backoff.ms", "trouble of the world is tried again for as long as it lasts"},
    {"flush.max.retries", "trouble of the world is tried again for as long as it lasts"},
    {"flush.retry.delay.ms", "trouble of the world is tried again for as long as it lasts"},
    {"connection.attempts", "trouble of the world is tried again for as long as it lasts"},
    {"connection.backoff.ms", "trouble of the world is tried again for as long as it lasts"},
    {"dialect.name", "it is PostgreSQL or Cloudberry"},
    {"table.types", "any table that takes rows will do"},
    {"quote.sql.identifiers", "names are quoted where they need it"},
    {"quote.identifiers", "names are quoted where they need it"},
    {"db.timezone", "times with a zone are moments; without, they are stored as they are"},
    {"use.time.zone", "times with a zone are moments; without, they are stored as they are"},
    {"errors.log.enable", "what is rejected is in sluice.dead_letter, with the reasons"},
}};

constexpr const char* deletes_without_rewriting =
    "where changes are merged, deletes delete; filter = \"@op != 'd'\" leaves them out";
constexpr const char* envelope_has_it =
    "columns may be \"@op\", \"@source/…\" or \"@before/…\" of the envelope";
/// Of transforms, behind "transforms.ALIAS.".
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> of_transforms_without_equal{{
    {"delete.handling.mode", deletes_without_rewriting},
    {"delete.tombstone.handling.mode", deletes_without_rewriting},
    {"drop.tombstones", "of a table's changes, tombstones are passed over"},
    {"add.fields", envelope_has_it},
    {"add.headers", envelope_has_it},
    {"replacement", "a field that is hidden is left out, or masked: mask = 4"},
    {"predicate", "the transform is taken to be for all records; filter may say for which"},
    {"negate", "the transform is taken to be for all records; filter may say for which"},
}};

/// Writes one [ingest.NAME].
class Section {
public:
    Section(const Connector& connector, ConnectorKind kind, ConnectorOptions& options)
        : connector_(connector), kind_(kind), options_(options) {}

    /// What is the same for each topic.
    void read() {
        read_converters();
        read_transforms();
        read_mode();
        read_key();
        read_columns();
        read_rest();
    }

    /// Whether a transform has named the tables.
    [[nodiscard]] bool is_routed() const { return is_routed_; }

    [[nodiscard]] std::string text(const std::string& name, const std::string& topic,
                                   const std::string& table) const {
        return "\n" + comment("From connector " + connector_.name + ".") + "[ingest." + key(name) +
               "]\ntopic = " + topic + "\n" + table + lines_ + notes_ +
               (columns_.empty() ? "" : "\n[ingest." + key(name) + ".columns]\n" + columns_);
    }

private:
    void line(std::string_view name, const std::string& value) {
        lines_.append(name).append(" = ").append(value).append("\n");
    }
    void note(const std::string& text) { notes_ += comment(text); }

    /// "avro" of …AvroConverter; empty: none of those that are known.
    static std::string format_of(std::string_view converter) {
        const std::string_view name = converter.substr(converter.rfind('.') + 1);
        if (name == "AvroConverter") return "avro";
        if (name == "ProtobufConverter") return "protobuf";
        if (name == "JsonConverter" || name == "JsonSchemaConverter") return "json";
        if (name == "StringConverter") return "text";
        if (name == "ByteArrayConverter") return "binary";
        return {};
    }

    void read_converters() {
        const std::string converter = options_.take("value.converter");
        const std::string format = format_of(converter);
        if (converter.empty())
            note("TO DO: value.converter is not in the file, so the worker's holds: is it JSON?");
        else if (format.empty())
            note("TO DO: value.converter " + converter + " is none of those known: say the format");
        line("format", toml_text::quoted(format.empty() ? "json" : format));
        const bool of_registry =
            format == "avro" || format == "protobuf" || converter.ends_with("JsonSchemaConverter");
        if (of_registry) line("schema", toml_text::quoted("registry"));
        const bool has_schemas = options_.take("value.converter.schemas.enable") != "false";
        is_wrapped_ = converter.ends_with(".JsonConverter") && has_schemas;
        const std::string key_converter = options_.take("key.converter");
        const std::string key_format = format_of(key_converter);
        const bool key_has_schema = options_.take("key.converter.schemas.enable") != "false";
        key_is_wrapped_ = key_converter.ends_with(".JsonConverter") && key_has_schema;
        key_is_text_ = key_format == "text";
        if (key_format == "avro" || key_format == "protobuf") {
            line("key_format", toml_text::quoted(key_format));
            line("key_schema", toml_text::quoted("registry"));
        }
        for (const char* part : {"key.converter.", "value.converter."})
            for (const char* where : {"", "schema.registry."})  // the registry's section has it
                static_cast<void>(
                    options_.take(std::string(part) + where + "basic.auth.credentials.source"));
    }

    void read_transforms() {
        bool unwraps = kind_ == ConnectorKind::debezium;
        for (const std::string& alias : options_.take_list("transforms")) {
            const std::string of_it = "transforms." + alias + ".";
            const std::string type = options_.take(of_it + "type");
            if (type.ends_with(".ExtractNewRecordState"))
                unwraps = true;
            else if (type.ends_with(".MaskField$Value"))
                leave_out(alias, options_.take_list(of_it + "fields"));
            else if (type.ends_with(".ReplaceField$Value") &&
                     options_.take(of_it + "renames").empty() &&
                     options_.take_any({of_it + "include", of_it + "whitelist"}).empty())
                leave_out(alias,
                          split_list(options_.take_any({of_it + "exclude", of_it + "blacklist"})));
            else
                note_transform(alias, type);
            note_options_of_transform(of_it);
        }
        if (!options_.take("predicates").empty())
            note("predicates are not carried over: filter may say the same");
        if (!unwraps) return;
        line("envelope", toml_text::quoted("debezium"));
        is_wrapped_ = false;
        key_is_wrapped_ = false;
        has_envelope_ = true;
    }

    void note_options_of_transform(const std::string& of_it) {
        for (const auto& [name, why] : of_transforms_without_equal)
            note_without_equal(of_it + std::string(name), why);
        const std::string by_field = options_.take(of_it + "route.by.field");
        if (by_field.empty()) return;
        is_routed_ = true;
        note("TO DO: " + of_it + "route.by.field named the tables by " + by_field +
             ": say the table");
    }
    void note_without_equal(const std::string& name, std::string_view why) {
        if (!options_.take(name).empty()) note(name + " is not carried over: " + std::string(why));
    }

    /// Which have to be said by hand: without them other tables are written, or values are stored
    /// that Connect has hidden.
    void note_transform(const std::string& alias, const std::string& type) {
        if (type.ends_with("Router")) {
            is_routed_ = true;
            note("TO DO: transform " + alias + " (" + type +
                 ") renamed topics, and tables with them: say the table");
        } else {
            note("TO DO: transform " + alias + " (" + type +
                 ") is not carried over: columns, filter or SQL may say the same");
        }
    }

    /// Fields whose values were not to be stored.
    void leave_out(const std::string& alias, const std::vector<std::string>& fields) {
        std::string names;
        for (const std::string& field : fields) {
            left_out_.insert(field);
            names += (names.empty() ? "" : ", ") + field;
        }
        hiders_ += "transform " + alias + " hid " + names + "; ";
    }

    void read_mode() {
        const std::string mode = options_.take("insert.mode");
        if (mode == "upsert") line("mode", toml_text::quoted("merge"));
        if (mode == "update") line("mode", toml_text::quoted("update"));
        merges_ = mode == "upsert" || mode == "update";
    }

    /// `prefix`: of the names that the sink gives them.
    void read_key() {
        const bool of_debezium = kind_ == ConnectorKind::debezium;
        const std::string mode = options_.take(of_debezium ? "primary.key.mode" : "pk.mode");
        keys_ = options_.take_list(of_debezium ? "primary.key.fields" : "pk.fields");
        const bool deletes = options_.is_on("delete.enabled");
        key_is_record_key_ = mode == "record_key";
        key_is_position_ = mode == "kafka";
        if (key_is_position_ && keys_.empty())
            keys_ = {"__connect_topic", "__connect_partition", "__connect_offset"};
        if (merges_ && !keys_.empty()) line("key", toml_text::list(keys_));
        if (merges_ && keys_.empty() && !mode.empty() && mode != "none")
            note("No fields of the key were named: the table's primary key is the key.");
        if (has_envelope_ && merges_ && !deletes) {
            note("delete.enabled was off; without this filter, rows are deleted, too.");
            line("filter", toml_text::quoted("@op != 'd'"));
        }
        if (!has_envelope_ && deletes) {
            deletes_by_tombstone_ = merges_;
            if (!merges_) note("delete.enabled: only where changes are merged (mode = \"merge\").");
        }
        if (mode == "record_header")
            note("TO DO: the key's columns come from headers: write them as \"@headers/NAME\".");
        if (options_.is_on("truncate.enabled"))
            note("truncate.enabled: on_truncate = \"apply\", for a topic of one partition.");
    }

    [[nodiscard]] std::string source_of(const std::string& field) const {
        const auto key_field = std::ranges::find(keys_, field);
        if (key_field != keys_.end() && key_is_record_key_) {
            if (key_is_text_) return "@key";
            return (key_is_wrapped_ ? "@key/payload/" : "@key/") + field;
        }
        if (key_field != keys_.end() && key_is_position_) {
            constexpr std::array positions{"@topic", "@partition", "@offset"};
            const auto index = static_cast<std::size_t>(key_field - keys_.begin());
            return index < positions.size() ? positions[index] : field;
        }
        return (is_wrapped_ ? "/payload/" : "") + field;
    }

    /// Only where the fields are named; else they go to the columns of their names.
    void read_columns() {
        std::vector<std::string> fields = options_.take_list("fields.whitelist");
        for (std::string& field : options_.take_list("fields.include.list"))
            fields.push_back(field.substr(field.rfind(':') + 1));
        std::erase_if(fields,
                      [this](const std::string& field) { return left_out_.contains(field); });
        if (!left_out_.empty())
            note(fields.empty() ? "TO DO: " + hiders_ +
                                      "name the [columns], and these not, or with mask or sha256."
                                : hiders_ + "they are left out, and may be masked instead.");
        const bool needs_them = is_wrapped_ || key_is_position_ || deletes_by_tombstone_;
        if (!fields.empty()) {
            for (const std::string& column : keys_)
                columns_ += key(column) + " = " + toml_text::quoted(source_of(column)) + "\n";
            for (const std::string& field : fields)
                if (std::ranges::find(keys_, field) == keys_.end())
                    columns_ += key(field) + " = " + toml_text::quoted(source_of(field)) + "\n";
        } else if (needs_them) {
            std::string example = keys_.empty() ? "id" : keys_.front();
            note("TO DO: [columns] have to name each column, such as " + key(example) + " = " +
                 toml_text::quoted(source_of(example)) + ", since " +
                 (is_wrapped_        ? "the record has its schema around it"
                  : key_is_position_ ? "the key is the record's position"
                                     : "a tombstone has only the record's key") +
                 ".");
        }
        const bool key_is_there = !columns_.empty() && key_is_record_key_ && !keys_.empty();
        if (!deletes_by_tombstone_) return;
        if (key_is_there)
            line("delete_when", toml_text::quoted("@tombstone"));
        else
            note("delete_when = \"@tombstone\", once the key's columns come from \"@key/…\".");
    }

    void read_rest() {
        if (const std::string tasks = options_.take("tasks.max"); !tasks.empty()) {
            int lanes = 0;
            std::from_chars(tasks.data(), tasks.data() + tasks.size(), lanes);
            constexpr int most_lanes = 64;
            if (lanes > 0) line("lanes", std::to_string(std::min(lanes, most_lanes)));
        }
        const std::string reset = options_.take("consumer.override.auto.offset.reset");
        if (reset == "latest") line("start", toml_text::quoted("latest"));
        if (!reset.empty() && reset != "latest" && reset != "earliest")
            note("consumer.override.auto.offset.reset " + reset +
                 " is not carried over: reading begins at the earliest record");
        if (options_.take("errors.tolerance") != "all") {
            note("A record that failed stopped the task there; here it becomes a dead letter and");
            note("the others are loaded. on_reject = \"stop\" waits in front of it instead.");
        }
        if (const std::string topic = options_.take("errors.deadletterqueue.topic.name");
            !topic.empty())
            note("The dead letter queue " + topic +
                 " is not written: rejects are in sluice.dead_letter.");
        for (const auto& [name, why] : without_equal) note_without_equal(std::string(name), why);
        note("Connect's progress is that of the group connect-" + connector_.name +
             ". Without it, reading begins at");
        note("the earliest record: start = \"latest\" or a time begins later, and so does");
        note("sluice progress set, with the offsets that kafka-consumer-groups tells.");
    }

    const Connector& connector_;
    const ConnectorKind kind_;
    ConnectorOptions& options_;
    std::string lines_;
    std::string notes_;
    std::string columns_;
    std::vector<std::string> keys_;
    bool is_wrapped_ = false;  ///< {"schema": …, "payload": …}
    bool has_envelope_ = false;
    bool key_is_wrapped_ = false;
    bool key_is_text_ = false;
    bool is_routed_ = false;
    std::set<std::string> left_out_;
    std::string hiders_;  ///< the transforms that hid them
    bool merges_ = false;
    bool key_is_record_key_ = false;
    bool key_is_position_ = false;
    bool deletes_by_tombstone_ = false;
};

/// The line of the table that the pattern of names stands for, with what is to be known of it.
std::string table_line(std::string pattern, const std::string& topic, ConnectorKind kind,
                       bool is_routed) {
    constexpr std::string_view place = "${topic}";
    const std::size_t last_dot = pattern.rfind('.');
    const std::string within = last_dot == std::string::npos ? "" : pattern.substr(0, last_dot);
    const std::string last = pattern.substr(last_dot == std::string::npos ? 0 : last_dot + 1);
    const std::size_t in_last = last.find(place);
    if (topic.empty() && kind == ConnectorKind::jdbc && !is_routed &&
        in_last != std::string::npos) {
        const std::string before = last.substr(0, in_last);
        const std::string behind = last.substr(in_last + place.size());
        // What is around the place is as in SQL.
        const std::string quote =
            (before + behind) == config::lower_case(before + behind) ? "" : "\"";
        if ((within + before + behind).find_first_of("$.{}\"") == std::string::npos)
            return comment("Of a topic with dots, they are in the table's name here.") +
                   "table = " +
                   toml_text::quoted((within.empty() ? "" : sql_name(within) + ".") + quote +
                                     before + "{topic}" + behind + quote) +
                   "\n";
    }
    std::string name = topic;
    if (kind == ConnectorKind::debezium) std::ranges::replace(name, '.', '_');
    const std::size_t at = pattern.find(place);
    const bool by_topic = at != std::string::npos;
    if (by_topic && !topic.empty() && !is_routed) pattern.replace(at, place.size(), name);
    const bool unclear =
        topic.empty() || pattern.find("${") != std::string::npos || (is_routed && by_topic);
    std::vector<std::string> parts = split_list(pattern, '.');
    std::string notes;
    if (unclear) notes = comment("TO DO: the tables were named by " + pattern);
    if (parts.size() > 2) {
        notes += comment("The table was " + pattern + ", of which the last two parts are taken.");
        parts.erase(parts.begin(), parts.end() - 2);
    }
    std::string table;
    for (const std::string& part : parts) table += (table.empty() ? "" : ".") + sql_name(part);
    return notes + "table = " + toml_text::quoted(unclear ? "to_do" : table) + "\n";
}

}  // namespace

std::optional<ConnectorKind> kind_of(const Connector& connector) {
    const auto found = connector.options.find("connector.class");
    if (found == connector.options.end()) return std::nullopt;
    const std::string& type = found->second;
    if (type == "io.debezium.connector.jdbc.JdbcSinkConnector") return ConnectorKind::debezium;
    const bool is_jdbc = type == "JdbcSinkConnector" || type == "JdbcSink" ||
                         type == "io.confluent.connect.jdbc.JdbcSinkConnector" ||
                         type == "io.aiven.connect.jdbc.JdbcSinkConnector";
    return is_jdbc ? std::optional(ConnectorKind::jdbc) : std::nullopt;
}

std::string sections_of(const Connector& connector, ConnectorKind kind, ConnectorOptions& options,
                        std::vector<std::string>& pipelines) {
    const std::vector<std::string> topics = options.take_list("topics");
    const std::string regex = options.take("topics.regex");
    std::string pattern = options.take_any({"collection.name.format", "table.name.format"});
    if (pattern.empty()) pattern = "${topic}";
    Section section(connector, kind, options);
    section.read();
    std::string text;
    const auto add = [&](const std::string& wanted, const std::string& topic,
                         const std::string& table) {
        pipelines.push_back(toml_text::pipeline_name({wanted}, pipelines));
        text += section.text(pipelines.back(), topic, table);
    };
    const bool one_table = pattern.find("${") == std::string::npos;
    if (!regex.empty())
        add(connector.name, "{ regex = " + toml_text::quoted(regex) + " }",
            table_line(pattern, one_table ? "-" : "", kind, section.is_routed()));
    else if (one_table || topics.size() < 2)
        add(connector.name,
            topics.size() == 1 ? toml_text::quoted(topics.front()) : toml_text::list(topics),
            table_line(pattern, topics.empty() ? "" : topics.front(), kind, section.is_routed()));
    else
        for (const std::string& topic : topics)
            add(connector.name + "_" + topic, toml_text::quoted(topic),
                table_line(pattern, topic, kind, section.is_routed()));
    return text;
}

}  // namespace sluice
