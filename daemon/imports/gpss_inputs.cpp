#include "daemon/imports/gpss_inputs.h"

#include "config/column_source.h"
#include "config/text/characters.h"
#include "config/text/words.h"
#include "daemon/imports/toml_text.h"
#include "pipeline/errors.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

/// The escapes that files have in plain texts: \t, \x2c.
std::string unescaped(std::string_view text) {
    if (text == "\\t") return "\t";
    constexpr std::size_t length = 4;
    if (text.size() == length && text.starts_with("\\x") && hex_digit(text[2]) >= 0 &&
        hex_digit(text[3]) >= 0)
        return {static_cast<char>(hex_digit(text[2]) * 16 + hex_digit(text[3]))};
    return std::string(text);
}

bool is_ignored(const GpssColumn& column) {
    return column.name.empty() || column.name == "__IGNORED__";
}

bool is_text(std::string_view type) {
    return type.starts_with("text") || type.starts_with("varchar") || type.starts_with("char");
}

class InputReader {
public:
    InputReader(const GpssJob& job, std::vector<GpssNote>& notes) : job_(job), notes_(notes) {}

    GpssInputs read() {
        read_value();
        read_key();
        if (!is_ignored(job_.meta))
            add({.kind = GpssInput::Kind::places, .name = job_.meta.name, .type = "json"});
        return std::move(inputs_);
    }

private:
    void line(std::string_view name, const std::string& value) {
        inputs_.lines.append(name).append(" = ").append(value).append("\n");
    }
    void note(int at, std::string text) { notes_.push_back({at, std::move(text)}); }

    void add(GpssInput input) {
        input.name = folded(input.name);
        inputs_.columns.push_back(std::move(input));
    }

    [[noreturn]] void refuse(const YamlText& format) const {
        throw WrongConfiguration(
            job_.file + ":" + std::to_string(format.line) + ": format " +
            config::in_quotes(format.text) +
            (format.text == "custom"
                 ? " is a formatter of the database's own, which nobody else can run; have records "
                   "written as json, avro, csv, text or binary"
                 : " is none of those known: json, avro, csv, delimited, binary, jsonl"));
    }

    void read_value() {
        const GpssFormat& value = job_.value;
        const std::string& name = value.name.text;
        if (name == "csv" || name == "delimited") {
            read_csv(value);
        } else if (name == "json" || name == "jsonl") {
            set(config::Format::json);
            if (name == "jsonl")
                note(
                    value.name.line,
                    "TO DO: a message may hold several lines of JSON there; here it is one object");
            read_whole(value, GpssInput::Kind::json, "json", "@value");
        } else if (name == "avro") {
            set(config::Format::avro);
            read_schema(value, "schema");
            read_whole(value, GpssInput::Kind::json, "json", "@value");
        } else if (name == "binary") {
            const bool of_text = !value.columns.empty() && is_text(value.columns.front().type);
            set(of_text ? config::Format::text : config::Format::binary);
            read_whole(value, GpssInput::Kind::whole, of_text ? "text" : "bytea", "@value");
        } else if (!value.name.is_there()) {
            set(config::Format::json);
            note(0, "TO DO: the file names no format of the values: is it JSON?");
        } else {
            refuse(value.name);
        }
    }

    void set(config::Format format) {
        inputs_.shape.format = format;
        line("format", toml_text::quoted(config::name_of(format)));
    }

    /// `type`: where the file says none.
    void read_whole(const GpssFormat& format, GpssInput::Kind kind, const std::string& type,
                    const std::string& source) {
        for (const GpssColumn& column : format.columns)
            if (!is_ignored(column))
                add({.kind = kind,
                     .name = column.name,
                     .type = column.type.empty() ? type : column.type,
                     .source = source});
    }

    void read_schema(const GpssFormat& format, std::string_view key) {
        if (format.schema_file.is_there()) {
            line(key, "{ file = " + toml_text::quoted(format.schema_file.text) + " }");
            note(format.schema_file.line,
                 "TO DO: the schema's file has to be here, and not on the database's hosts");
        } else {
            line(key, "\"registry\"");
            if (!format.registry.is_there())
                note(format.name.line,
                     "TO DO: the file names no schema; Sluice needs a registry or a schema's file");
        }
        if (format.bytes_to_base64.text == "true")
            note(format.bytes_to_base64.line,
                 "Avro's bytes are bytes in a column of bytea; as base64, encode(field, 'base64') "
                 "in SQL, with the field of type bytea");
    }

    void read_csv(const GpssFormat& value) {
        set(config::Format::csv);
        const bool is_delimited = value.name.text == "delimited";
        const auto given = [](const YamlText& text, const char* otherwise) {
            return text.is_there() ? unescaped(text.text) : std::string(otherwise);
        };
        const std::string delimiter = given(value.delimiter, ",");
        // Delimited text knows no quotes unless it says so; COPY always has some.
        const bool has_quotes = !is_delimited || value.quote.is_there();
        const std::string unused = delimiter == "\x01" ? "\x02" : "\x01";
        std::string options = "delimiter = " + toml_text::quoted(delimiter);
        const std::string quote = has_quotes ? given(value.quote, "\"") : unused;
        if (quote != "\"") options += ", quote = " + toml_text::quoted(quote);
        if (value.escape.is_there())
            options += ", escape = " + toml_text::quoted(unescaped(value.escape.text));
        if (value.null_string.is_there())
            options += ", null = " + toml_text::quoted(value.null_string.text);
        line("csv", "{ " + options + " }");
        if (!has_quotes)
            note(value.name.line, "quote is a character that no text has: there were no quotes");
        if (delimiter.size() != 1)
            note(value.delimiter.line, "TO DO: a delimiter is one character here");
        for (const YamlText* text : {&value.eol_prefix, &value.newline})
            if (text->is_there())
                note(text->line, "TO DO: a record is one line here, without an end");
        if (value.fill_missing_fields.text != "true") line("on_missing", "\"reject\"");
        read_csv_columns(value);
    }

    void read_csv_columns(const GpssFormat& value) {
        std::vector<std::string> never_null;
        for (const YamlText& each : value.force_not_null) never_null.push_back(folded(each.text));
        int number = 0;
        for (const GpssColumn& column : value.columns) {
            ++number;
            if (is_ignored(column)) continue;
            add({.kind = GpssInput::Kind::whole,
                 .name = column.name,
                 .type = column.type.empty() ? "text" : column.type,
                 .source = std::to_string(number),
                 .is_field = true,
                 .never_null =
                     std::ranges::find(never_null, folded(column.name)) != never_null.end()});
        }
    }

    void read_key() {
        const GpssFormat& key = job_.key;
        const std::string& name = key.name.text;
        if (!key.name.is_there()) return;
        if (name == "json") {
            read_whole(key, GpssInput::Kind::json, "json", "@key");
        } else if (name == "avro") {
            line("key_format", "\"avro\"");
            read_schema(key, "key_schema");
            read_whole(key, GpssInput::Kind::json, "json", "@key");
        } else if (name == "binary") {
            read_whole(key, GpssInput::Kind::whole, "bytea", "@key");
        } else if (name == "csv" || name == "delimited") {
            const bool is_one = key.columns.size() == 1;
            if (!is_one) note(key.name.line, "TO DO: a key of several columns is read as one here");
            read_whole(key, is_one ? GpssInput::Kind::whole : GpssInput::Kind::nowhere, "text",
                       "@key");
        } else {
            refuse(key.name);
        }
    }

    const GpssJob& job_;
    std::vector<GpssNote>& notes_;
    GpssInputs inputs_;
};

}  // namespace

GpssInputs inputs_of(const GpssJob& job, std::vector<GpssNote>& notes) {
    return InputReader(job, notes).read();
}

}  // namespace sluice
