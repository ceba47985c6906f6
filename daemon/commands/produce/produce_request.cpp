#include "daemon/commands/produce/produce_request.h"

#include "config/column_source.h"
#include "config/pipeline.h"
#include "config/text/units.h"
#include "config/text/words.h"
#include "daemon/commands/named_pipelines.h"
#include "pipeline/decode/csv/csv_splitter.h"
#include "pipeline/errors.h"

#include <charconv>
#include <filesystem>

namespace sluice {
namespace {

using config::Format;
using config::in_quotes;
using produce::Input;
using schemas::SchemaType;

/// "a,b" or, where names hold commas, "a,\"b,c\"".
std::vector<std::string> names_in(const std::string& option, const std::string& list) {
    CsvSplitter splitter{{}};
    std::vector<Value> fields;
    Scratch scratch;
    if (!splitter.split(list, fields, scratch)) {
        throw WrongConfiguration(option + " " + in_quotes(list) + ": " + splitter.error().what);
    }
    std::vector<std::string> names;
    for (const Value& field : fields) {
        if (field.text.empty()) {
            throw WrongConfiguration(option + " " + in_quotes(list) +
                                     ": a name is empty; write names with commas between them");
        }
        names.emplace_back(field.text);
    }
    return names;
}

std::vector<std::pair<std::string, std::string>> headers_in(const std::string& list) {
    std::vector<std::pair<std::string, std::string>> headers;
    for (const std::string& item : names_in("--headers", list)) {
        const std::size_t equals = item.find('=');
        if (equals == std::string::npos || equals == 0 || equals + 1 == item.size()) {
            throw WrongConfiguration("--headers takes HEADER=FIELD,…, not " + in_quotes(item));
        }
        headers.emplace_back(item.substr(0, equals), item.substr(equals + 1));
    }
    return headers;
}

void read_character(const CommandLine& line, const std::string& option, char& target) {
    const auto text = line.option(option);
    if (!text) return;
    const std::string value = *text == "\\t" ? "\t" : *text;
    if (value.size() != 1 || value[0] == '\n' || value[0] == '\r') {
        throw WrongConfiguration(option + " takes one ASCII character, or \\t, not " +
                                 in_quotes(*text));
    }
    target = value[0];
}

/// CSV as the pipeline writes it, unless the command line says otherwise.
config::Csv csv_of(const CommandLine& line, const config::Ingest* pipeline) {
    config::Csv csv = pipeline != nullptr ? pipeline->csv : config::Csv{};
    read_character(line, "--delimiter", csv.delimiter);
    read_character(line, "--quote", csv.quote);
    if (line.has("--quote")) csv.escape = csv.quote;
    read_character(line, "--escape", csv.escape);
    if (const auto null = line.option("--null")) csv.null = *null;
    if (csv.delimiter == csv.quote || csv.delimiter == csv.escape) {
        throw WrongConfiguration("--delimiter is also the quote or the escape; change one");
    }
    return csv;
}

/// What values of this --format are written by; nullopt: it says of the file alone.
std::optional<SchemaType> schema_type_of(const std::string& format) {
    if (format == "avro") return SchemaType::avro;
    if (format == "protobuf") return SchemaType::protobuf;
    return std::nullopt;
}

/// By the option, the file's name, or the pipeline, whichever says it first.
Input input_of(const CommandLine& line, const std::string& file, const config::Ingest* pipeline) {
    if (const auto format = line.option("--format"); format && !schema_type_of(*format)) {
        if (*format == "csv") return Input::csv;
        return *format == "json" ? Input::json : Input::text;
    }
    if (file.ends_with(".csv")) return Input::csv;
    if (file.ends_with(".json") || file.ends_with(".jsonl")) return Input::json;
    if (pipeline == nullptr) return Input::json;
    if (pipeline->format == Format::csv) return Input::csv;
    const bool is_text = pipeline->format == Format::text || pipeline->format == Format::binary;
    return is_text ? Input::text : Input::json;
}

std::int64_t version_in(const std::string& text) {
    std::int64_t version = 0;
    const char* const end = text.data() + text.size();
    const auto [after, error] = std::from_chars(text.data(), end, version);
    if (error != std::errc() || after != end || version < 1)
        throw WrongConfiguration("--schema-version takes a whole number from 1, not " +
                                 in_quotes(text));
    return version;
}

/// What the command line says of the schema, over what the pipeline says.
void read_schema(const CommandLine& line, ProduceRequest& request) {
    if (request.pipeline != nullptr)
        request.schema = schema_that_reads(*request.pipeline, request.topic);
    const std::string format = line.option("--format").value_or("");
    const auto type = schema_type_of(format);
    const auto named = line.option("--schema");
    if (named && !type && !request.schema && format != "json")
        throw WrongConfiguration("--schema goes with --format avro, protobuf or json");
    if (type || (named && !request.schema)) {
        request.schema = ProduceSchema{};
        request.schema->type = type.value_or(SchemaType::json);
        request.schema->subject = request.topic + "-value";
    }
    if (!request.schema) {
        for (const char* option :
             {"--schema-version", "--subject", "--message", "--wire", "--register"})
            if (line.has(option))
                throw WrongConfiguration(std::string(option) +
                                         " is for values with a schema; see --schema");
        return;
    }
    ProduceSchema& schema = *request.schema;
    std::error_code ignored;
    if (named) {
        const bool is_file = std::filesystem::is_regular_file(*named, ignored);
        (is_file ? schema.file : schema.subject) = *named;
        schema.text = {};
        schema.plain = false;
    }
    if (const auto subject = line.option("--subject")) schema.subject = *subject;
    if (const auto version = line.option("--schema-version")) schema.version = version_in(*version);
    if (const auto message = line.option("--message")) schema.message = *message;
    if (const auto wire = line.option("--wire")) schema.plain = *wire == "plain";
    schema.registers = line.has("--register");
    if (schema.file.empty() && schema.registers)
        throw WrongConfiguration(
            "--register puts a schema's file into the registry; name it with "
            "--schema FILE");
    if (schema.file.empty() && schema.text.text.empty() && schema.plain)
        throw WrongConfiguration("--wire plain is for a schema's file; name it with --schema FILE");
    if (!schema.file.empty() && schema.version)
        throw WrongConfiguration("--schema-version is of a subject, not of a file");
}

void read_words(const config::Config& config, const CommandLine& line, ProduceRequest& request) {
    std::vector<std::string> words = line.words;
    if (const auto topic = line.option("--topic")) {
        request.topic = *topic;
    } else {
        if (words.empty()) throw WrongConfiguration("\"produce\" needs NAME or --topic T");
        request.pipeline = &ingest_named(config, words.front(),
                                         "; a topic without a pipeline is named with --topic");
        if (request.pipeline->topic.only() == nullptr)
            throw WrongConfiguration(
                "[ingest." + request.pipeline->name +
                "] reads several topics: " + config::to_string(request.pipeline->topic) +
                "; --topic instead of the name says which one");
        request.topic = *request.pipeline->topic.only();
        words.erase(words.begin());
    }
    if (words.size() > 1) {
        throw WrongConfiguration("\"produce\" takes one file; --topic stands instead of NAME");
    }
    if (!words.empty()) request.file = words.front();
}

void check_options(const CommandLine& line, const ProduceRequest& request) {
    if (request.input != Input::csv) {
        for (const char* option : {"--columns", "--delimiter", "--quote", "--escape", "--null"}) {
            if (line.has(option)) throw WrongConfiguration(std::string(option) + " is for CSV");
        }
    }
    if (request.transaction_timeout && !request.transactional) {
        throw WrongConfiguration("--transaction-timeout needs --transactional");
    }
    if (request.pipeline != nullptr && request.pipeline->envelope != config::Envelope::none)
        throw WrongConfiguration("[ingest." + request.pipeline->name +
                                 "] reads an envelope, which produce does not write; name the "
                                 "topic with --topic to write other bytes");
    if (request.schema && request.input == Input::text)
        throw WrongConfiguration("values with a schema are made of JSON or CSV, not of text");
    const bool reads_csv = request.pipeline != nullptr && request.pipeline->format == Format::csv;
    if (reads_csv && request.input == Input::json && !request.choices.value) {
        throw WrongConfiguration("[ingest." + request.pipeline->name +
                                 "] reads CSV, so that a line of JSON would be rejected; use "
                                 "--format csv, or text for lines that are CSV already");
    }
}

}  // namespace

std::optional<ProduceSchema> schema_that_reads(const config::Ingest& ingest,
                                               const std::string& topic) {
    if (ingest.format != Format::avro && ingest.format != Format::protobuf) return std::nullopt;
    ProduceSchema schema;
    schema.type = config::schema_type_of(ingest.format);
    schema.subject = config::subject_for(ingest.subject, topic);
    schema.message = ingest.schema.message;
    schema.plain = ingest.schema.wire == config::Schema::Wire::plain;
    const auto& files = ingest.schema.files;
    if (!files.empty())
        schema.text = {schema.type, files.front().text, {files.begin() + 1, files.end()}};
    return schema;
}

ProduceRequest read_produce_request(const config::Config& config, const CommandLine& line) {
    ProduceRequest request;
    read_words(config, line, request);
    request.input = input_of(line, request.file, request.pipeline);
    request.csv = csv_of(line, request.pipeline);
    read_schema(line, request);
    if (const auto list = line.option("--columns")) request.columns = names_in("--columns", *list);
    request.choices = {.key = line.option("--key"),
                       .value = line.option("--value"),
                       .partition = line.option("--partition"),
                       .timestamp = line.option("--timestamp")};
    if (const auto list = line.option("--headers")) request.choices.headers = headers_in(*list);
    if (const auto list = line.option("--json")) request.choices.json = names_in("--json", *list);
    request.transactional = line.has("--transactional");
    if (const auto text = line.option("--transaction-timeout")) {
        request.transaction_timeout = config::parse_duration(*text);
        if (!request.transaction_timeout || request.transaction_timeout->count() < 1000) {
            throw WrongConfiguration("--transaction-timeout takes a duration such as 30m, not " +
                                     in_quotes(*text));
        }
    }
    if (const auto text = line.option("--skip-lines")) {
        const char* const end = text->data() + text->size();
        const auto [after, error] = std::from_chars(text->data(), end, request.skip_lines);
        if (error != std::errc() || after != end) {
            throw WrongConfiguration("--skip-lines takes a number, not " + in_quotes(*text));
        }
    }
    check_options(line, request);
    return request;
}

}  // namespace sluice
