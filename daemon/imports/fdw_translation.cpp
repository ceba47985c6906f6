#include "daemon/imports/fdw_translation.h"

#include "daemon/imports/connection_text.h"
#include "daemon/imports/toml_text.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice {
namespace {

using toml_text::comment;
using toml_text::key;

std::string option(const FdwOptions& options, const std::string& name) {
    const auto found = options.find(name);
    return found == options.end() ? "" : found->second;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

std::optional<std::int64_t> number_up_to(std::int64_t most, const std::string& text) {
    const auto number = whole_number(text);
    return number && *number >= 1 && *number <= most ? number : std::nullopt;
}

std::string display_name(const FdwTable& table) {
    return table.schema + "." + table.name;
}

/// What a column of a foreign table is there for.
enum class Role { field, partition, offset, junk, junk_error };

Role role_of(const FdwColumn& column) {
    static constexpr std::array<std::pair<const char*, Role>, 4> roles = {
        {{"partition", Role::partition},
         {"offset", Role::offset},
         {"junk", Role::junk},
         {"junk_error", Role::junk_error}}};
    for (const auto& [name, role] : roles) {
        if (is_on(column.options, name)) return role;
    }
    return Role::field;
}

/// One foreign table's sections.
class PipelineText {
public:
    explicit PipelineText(const FdwSource& source)
        : source_(source), table_(source.table), name_(key(source.pipeline)) {}

    std::string text() {
        const std::string format = lower(option(table_.options, "format"));
        text_ = "\n";
        note("From foreign table " + display_name(table_) + ".");
        if (format != "csv" && format != "json") {
            note(format.empty()
                     ? "It has no format: not carried over."
                     : "Its format \"" + format + "\" is not one of Sluice's: not carried over.");
            return text_;
        }
        is_csv_ = format == "csv";
        plan_columns();
        text_ += "[ingest." + name_ + "]\n";
        line("topic", toml_text::quoted(option(table_.options, "topic")));
        write_target();
        line("format", toml_text::quoted(format));
        if (is_csv_) write_csv();
        write_batch();
        write_reactions();
        write_rest();
        write_progress();
        text_ += "\n[ingest." + name_ + ".columns]\n" + columns_;
        return text_;
    }

private:
    void note(const std::string& about) { text_ += comment(about); }
    void line(std::string_view name, const std::string& value) {
        text_.append(name).append(" = ").append(value).append("\n");
    }

    [[nodiscard]] bool target_has(const std::string& column) const {
        if (!source_.into) return true;
        return std::ranges::any_of(source_.into->columns,
                                   [&](const Column& known) { return known.name == column; });
    }

    /// kafka_fdw counts only those columns of a CSV table that are fields.
    void plan_columns() {
        int position = 0;
        for (const FdwColumn& column : table_.columns) {
            const Role role = role_of(column);
            if (role == Role::field) ++position;
            if (role == Role::junk || role == Role::junk_error) {
                columns_ += comment(column.name + ": what kafka_fdw put there is in " +
                                    (role == Role::junk ? "value" : "reasons") +
                                    " of Sluice's table dead_letter");
                has_junk_column_ = true;
                continue;
            }
            const std::string mapping =
                key(column.name) + " = " + source_of(column, role, position);
            if (!target_has(column.name)) {
                columns_ += comment(mapping + "   the target has no such column");
                if (role == Role::field) leaves_fields_out_ = true;
            } else if (role != Role::field && !source_.into) {
                columns_ += comment(mapping + "   if the target has this column");
            } else {
                columns_ += mapping + "\n";
            }
            for (const char* name : {"force_not_null", "force_null"}) {
                if (!is_on(column.options, name)) continue;
                columns_ += comment(column.name + ": " + name +
                                    " is not carried over: an empty field is NULL when it is not "
                                    "quoted and an empty string when it is");
            }
        }
    }

    [[nodiscard]] std::string source_of(const FdwColumn& column, Role role, int position) const {
        if (role == Role::partition) return "\"@partition\"";
        if (role == Role::offset) return "\"@offset\"";
        if (is_csv_) return std::to_string(position);
        std::string name = option(column.options, "json");
        if (name.empty()) name = column.name;
        if (name.front() != '@' && name.front() != '/') return toml_text::quoted(name);
        std::string pointer = "/";
        for (const char c : name) {
            if (c == '~' || c == '/') {
                pointer += c == '~' ? "~0" : "~1";
            } else {
                pointer += c;
            }
        }
        return toml_text::quoted(pointer);
    }

    void write_target() {
        if (!source_.target.empty()) return line("table", toml_text::quoted(source_.target));
        note("TO DO: the table that the import function was given as dest_table_name.");
        note("Or let it be filled in: sluice import-fdw " + table_.name + "=TABLE");
        line("table", toml_text::quoted("target_of_" + source_.pipeline));
    }

    void write_csv() {
        std::string csv;
        for (const char* name : {"delimiter", "quote", "escape", "null"}) {
            const auto found = table_.options.find(name);
            if (found == table_.options.end()) continue;
            csv += (csv.empty() ? "" : ", ") + std::string(name) + " = " +
                   toml_text::quoted(found->second);
        }
        if (!csv.empty()) line("csv", "{ " + csv + " }");
    }

    void write_batch() {
        constexpr std::int64_t most_rows = 10'000'000;
        constexpr std::int64_t longest_ms = 3'600'000;
        const std::int64_t rows =
            number_up_to(most_rows, option(table_.options, "batch_size")).value_or(0);
        const auto delay = number_up_to(longest_ms, option(table_.options, "buffer_delay"));
        // A read of 30 rows costs little there, a transaction of 30 rows costs most of the time.
        const bool worth_a_transaction = rows >= 1000;
        if (rows > 0 && !worth_a_transaction) {
            note("batch_size " + std::to_string(rows) + " ended a read there; here it would end a");
            note("transaction, and so few rows load slowly: not carried over (here: 50000 rows).");
        }
        if (!worth_a_transaction && !delay) return;
        std::string batch;
        if (worth_a_transaction) batch = "rows = " + std::to_string(rows);
        if (delay) {
            batch += (batch.empty() ? "" : ", ") + std::string("delay = ") +
                     toml_text::quoted(std::to_string(*delay) + "ms");
        }
        note(
            "What ended a read there ends a transaction here: larger batches load faster; without");
        note("this line they have " + std::string(worth_a_transaction ? "50000 rows." : "500 ms."));
        line("batch", "{ " + batch + " }");
    }

    void write_reactions() {
        const bool strict = is_on(table_.options, "strict");
        if (strict) {
            note("strict: such a record ended the import there; here it becomes a dead letter and");
            note("the others are loaded. on_reject = \"stop\" waits in front of it instead.");
            line("on_missing", toml_text::quoted("reject"));
            if (leaves_fields_out_) {
                note("on_extra = \"reject\" would reject the fields that no column takes");
            } else {
                line("on_extra", toml_text::quoted("reject"));
            }
        }
        if (has_junk_column_) {
            note(
                "junk columns: what cannot be loaded is a dead letter, whole and with its "
                "reasons;");
            note("on_invalid = \"null\" loads it with NULL in its place, as kafka_fdw did.");
        } else if (is_on(table_.options, "ignore_junk")) {
            note(
                "ignore_junk: a value that its column cannot hold becomes NULL, as there. A "
                "record");
            note("that cannot be read at all is no row of NULLs here, but a dead letter.");
            line("on_invalid", toml_text::quoted("null"));
        }
    }

    void write_rest() {
        for (const auto& [name, value] : table_.options) {
            static constexpr std::array<std::string_view, 10> known = {
                "topic",       "format",    "batch_size", "buffer_delay", "strict",
                "ignore_junk", "delimiter", "quote",      "escape",       "null"};
            if (std::ranges::find(known, name) != known.end()) continue;
            if (name == "num_partitions") {
                note("num_partitions is not needed: partitions are found while running");
            } else if (name == "encoding" && lower(value).starts_with("utf")) {
                continue;
            } else if (name == "encoding") {
                note("encoding " + value + " is not carried over: records have to be UTF-8");
            } else {
                note("option " + name + " is not carried over");
            }
        }
    }

    void write_progress() {
        if (table_.progress_table.empty()) {
            note("No table " + table_.name + "_import_progress was found: reading begins at the");
            note("earliest record. start = \"latest\" or a time begins later.");
            return;
        }
        note("Goes on where the import stopped (" + table_.progress_table + ")");
        note("once sluice import-fdw --write-progress has taken that over; partitions that were");
        note("never imported begin at the earliest record.");
    }

    const FdwSource& source_;
    const FdwTable& table_;
    const std::string name_;
    bool is_csv_ = false;
    bool has_junk_column_ = false;
    bool leaves_fields_out_ = false;
    std::string columns_;
    std::string text_;
};

std::string kafka_section(const FdwServer& server) {
    std::string text = "[kafka]\n";
    const std::string brokers = option(server.options, "brokers");
    if (brokers.empty()) text += comment("TO DO: server " + server.name + " names no brokers.");
    text +=
        "brokers = " + toml_text::quoted(brokers.empty() ? "brokers-of-" + server.name : brokers) +
        "\n";
    std::string properties;
    const auto property = [&](const char* from, const char* to) {
        if (const std::string value = option(server.options, from); !value.empty())
            properties += toml_text::quoted(to) + " = " + toml_text::quoted(value) + "\n";
    };
    property("security_protocol", "security.protocol");
    property("sasl_mechanisms", "sasl.mechanisms");
    property("sasl_username", "sasl.username");
    for (const auto& [name, value] : server.options) {
        if (name == "sasl_password") {
            properties += comment("The password is not copied: set it in the environment.");
            properties += "\"sasl.password\" = { env = \"KAFKA_PASSWORD\" }\n";
        } else if (name == "mpp_execute") {
            text += comment("mpp_execute is not needed: lanes and daemons share the partitions");
        } else if (name != "brokers" && name != "security_protocol" && name != "sasl_mechanisms" &&
                   name != "sasl_username") {
            text += comment("option " + name + " of the server is not carried over");
        }
    }
    for (const std::string& name : server.mapped_options)
        text += comment("option " + name + " of a user mapping: kafka_fdw does not read those");
    return properties.empty() ? text : text + "\n[kafka.properties]\n" + properties;
}

}  // namespace

bool is_on(const FdwOptions& options, const std::string& name) {
    const auto found = options.find(name);
    if (found == options.end()) return false;
    const std::string value = lower(found->second);
    return value.empty() || value == "true" || value == "on" || value == "1" || value == "yes" ||
           value == "t" || value == "y";
}

std::string pipeline_name(const FdwTable& table, const std::vector<std::string>& taken) {
    return toml_text::pipeline_name({table.name, table.schema + "_" + table.name}, taken);
}

std::string to_toml(const FdwTranslation& translation) {
    std::string text = comment("Made by sluice import-fdw from server " + translation.server.name +
                               " in database " + translation.database + ".");
    text += comment("Read it, then: sluice check -c FILE") + "\n";
    text += kafka_section(translation.server) + "\n[cloudberry]\n";
    if (translation.needs_password) {
        text += comment("The password was left out: use passfile=, ~/.pgpass or PGPASSWORD.");
    }
    text += "dsn = " + toml_text::quoted(translation.dsn) + "\n";
    text += "schema = " + toml_text::quoted(translation.schema) + "\n";
    for (const FdwSource& source : translation.sources) text += PipelineText(source).text();
    return text;
}

}  // namespace sluice
