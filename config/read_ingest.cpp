#include "config/column_source.h"
#include "config/names.h"
#include "config/pipeline.h"
#include "config/read_names.h"
#include "config/read_schema.h"
#include "config/sections.h"
#include "config/units.h"

#include <algorithm>

namespace sluice::config {
namespace {

using namespace std::chrono_literals;

/// Nothing when what is written is no format: checks that depend on it would only mislead then.
std::optional<Format> read_format(TableReader& section) {
    std::optional<Format> format = Format::json;
    if (section.has("format")) format.reset();
    section.choice<std::optional<Format>>("format",
                                          {{"json", Format::json},
                                           {"csv", Format::csv},
                                           {"text", Format::text},
                                           {"binary", Format::binary},
                                           {"avro", Format::avro},
                                           {"protobuf", Format::protobuf}},
                                          format);
    return format;
}

std::optional<Format> read_key_format(TableReader& section) {
    std::optional<Format> format = Format::json;
    if (section.has("key_format")) format.reset();
    section.choice<std::optional<Format>>(
        "key_format",
        {{"json", Format::json}, {"avro", Format::avro}, {"protobuf", Format::protobuf}}, format);
    return format;
}

void read_envelope(TableReader& section, std::optional<Format> format, Envelope& envelope) {
    section.choice<Envelope>(
        "envelope", {{"none", Envelope::none}, {"debezium", Envelope::debezium}}, envelope);
    if (envelope == Envelope::none || !format) return;
    if (*format != Format::json && *format != Format::avro)
        section.problem(section.at("envelope"),
                        "\"envelope\" is for JSON and Avro, and this "
                        "pipeline's format is " +
                            in_quotes(name_of(*format)) + "; remove it");
}

void read_schemas(TableReader& section, std::optional<Format> format, const Scope& scope,
                  Ingest& ingest) {
    ingest.schema = read_schema(section, {"format", "schema"}, format, scope);
    read_subject(section, "subject", ingest.subject);
    if (section.has("subject") && ingest.schema.from != Schema::From::registry)
        section.problem(section.at("subject"),
                        "\"subject\" is for schema = \"registry\"; remove it");
    const std::optional<Format> key_format = read_key_format(section);
    ingest.key_format = key_format.value_or(Format::json);
    ingest.key_schema = read_schema(section, {"key_format", "key_schema"}, key_format, scope);
    section.choice<OnUnknownSchema>(
        "on_unknown_schema",
        {{"stop", OnUnknownSchema::stop}, {"dead_letter", OnUnknownSchema::dead_letter}},
        ingest.on_unknown_schema);
    if (!section.has("on_unknown_schema") || !format || !key_format) return;
    if (asks_registry(ingest)) return;
    section.problem(section.at("on_unknown_schema"),
                    "\"on_unknown_schema\" is for Avro and Protobuf with schema = \"registry\"; "
                    "remove it");
}

void read_start(TableReader& section, const Scope& scope, Start& start) {
    const Entry* entry = section.take("start");
    if (entry == nullptr) return;
    std::string shown;
    std::string word;
    if (const auto* time = std::get_if<TomlTime>(&entry->value.value)) {
        word = time->text;
        shown = word;
    } else {
        const auto text = resolve_text(entry->value, "start", "\"earliest\"", scope);
        if (!text) return;
        word = text->text;
        shown = text->shown;
    }
    if (word == "earliest" || word == "latest") {
        start.kind = word == "earliest" ? Start::Kind::earliest : Start::Kind::latest;
    } else if (const auto time = parse_time(word); time && *time >= 0) {
        start = {.kind = Start::Kind::time, .time_ms = *time};
    } else {
        section.problem(entry->value.at,
                        "\"start\" must be earliest, latest or a time since 1970 with its offset "
                        "from UTC, such as \"2026-01-31T12:00:00Z\", not " +
                            shown);
    }
}

/// Whether the batch's bytes are known.
bool read_batch(TableReader& section, BatchLimits& limits) {
    auto batch = section.table("batch", "batch = { rows = 50000, bytes = \"16MiB\" }");
    if (!batch) return true;
    auto rows = static_cast<std::int64_t>(limits.rows);
    batch->integer("rows", "50000", {1, 10'000'000}, rows);
    limits.rows = static_cast<std::size_t>(rows);
    std::size_t bytes = 0;
    batch->size("bytes", "\"16MiB\"", {1024, std::size_t{1} << 30}, bytes);
    if (bytes > 0) limits.bytes = bytes;
    batch->duration("delay", "\"500ms\"", {1ms, 1h}, limits.delay);
    batch->finish();
    return bytes > 0 || !batch->has("bytes");
}

/// Each lane may hold a whole batch while the consumer fetches on. More ahead of the lanes than
/// by default makes nothing faster: what is fetched goes cold in the caches, on fresh pages.
void read_memory(TableReader& section, bool batch_is_known, Ingest& ingest) {
    constexpr std::size_t least_ahead = 16u << 20;
    constexpr std::size_t usually_ahead = 32u << 20;
    const std::size_t batches = static_cast<std::size_t>(ingest.lanes) * ingest.batch.bytes;
    ingest.memory = batches + usually_ahead;
    section.size("memory", "\"64MiB\"", {std::size_t{1} << 20, std::size_t{1} << 40},
                 ingest.memory);
    const std::size_t least = batches + least_ahead;
    if (!batch_is_known || ingest.memory >= least) return;
    section.problem(section.at("memory"),
                    "\"memory\" is " + format_size(ingest.memory) + ", but " +
                        std::to_string(ingest.lanes) + " lanes x batch.bytes " +
                        format_size(ingest.batch.bytes) + " + " + format_size(least_ahead) + " = " +
                        format_size(least) +
                        "; raise memory to that or more, or lower lanes or batch.bytes");
}

/// One ASCII character that can delimit: what COPY … CSV takes.
void read_csv_character(TableReader& csv, std::string_view key, std::string_view example,
                        char& target) {
    const auto found = csv.text(key, example);
    if (!found) return;
    const std::string& text = found->text;
    if (text.size() == 1 && text[0] != '\n' && text[0] != '\r') {
        target = text[0];
    } else {
        csv.problem(found->at, in_quotes(key) +
                                   " must be one ASCII character other than a line "
                                   "break, not " +
                                   found->shown);
    }
}

void read_csv(TableReader& section, std::optional<Format> format, Csv& target) {
    auto csv = section.table("csv", "csv = { delimiter = \";\" }");
    if (!csv) return;
    if (format && *format != Format::csv) {
        section.problem(csv->at(), "\"csv\" is for format = \"csv\", and this pipeline's is " +
                                       in_quotes(name_of(*format)) + "; remove it");
    }
    read_csv_character(*csv, "delimiter", "\";\"", target.delimiter);
    read_csv_character(*csv, "quote", "\"'\"", target.quote);
    target.escape = target.quote;
    read_csv_character(*csv, "escape", "\"\\\\\"", target.escape);
    const auto null = csv->text("null", "\"NULL\"");
    if (null) target.null = null->text;
    csv->finish();
    if (target.delimiter == target.quote) {
        csv->problem(csv->at("delimiter"),
                     "\"delimiter\" and \"quote\" are the same character; change one");
    } else if (target.delimiter == target.escape) {
        csv->problem(csv->at("escape"),
                     "\"delimiter\" and \"escape\" are the same character; change one");
    }
    const std::string forbidden{'\n', '\r', target.delimiter, target.quote};
    if (null && null->text.find_first_of(forbidden) != std::string::npos) {
        csv->problem(null->at,
                     "\"null\" contains the delimiter, the quote or a line break, "
                     "which no unquoted field can");
    }
}

void read_reject_after(TableReader& section, std::optional<std::chrono::milliseconds>& target) {
    const auto text = section.text("reject_after", "\"10m\"");
    if (!text) return;
    const auto duration = parse_duration(text->text);
    if (text->text == "never") {
        target.reset();
    } else if (duration && *duration <= 24h * 365) {
        target = duration;
    } else {
        section.problem(text->at,
                        "\"reject_after\" must be \"never\" or a duration up to 365d, such as "
                        "\"10m\", not " +
                            text->shown);
    }
}

void read_reactions(TableReader& section, std::optional<Format> format, Ingest& ingest) {
    section.choice<OnReject>("on_reject",
                             {{"dead_letter", OnReject::dead_letter}, {"stop", OnReject::stop}},
                             ingest.on_reject);
    section.choice<OnMissing>("on_missing",
                              {{"null", OnMissing::null}, {"reject", OnMissing::reject}},
                              ingest.on_missing);
    section.choice<OnEmpty>("on_empty", {{"reject", OnEmpty::reject}, {"load", OnEmpty::load}},
                            ingest.on_empty);
    section.choice<OnExtra>("on_extra", {{"ignore", OnExtra::ignore}, {"reject", OnExtra::reject}},
                            ingest.on_extra);
    section.choice<OnInvalid>("on_invalid",
                              {{"reject", OnInvalid::reject}, {"null", OnInvalid::null}},
                              ingest.on_invalid);
    section.choice<OnTombstone>("on_tombstone",
                                {{"filter", OnTombstone::filter}, {"reject", OnTombstone::reject}},
                                ingest.on_tombstone);
    section.choice<OnOffsetLost>(
        "on_offset_lost", {{"stop", OnOffsetLost::stop}, {"earliest", OnOffsetLost::earliest}},
        ingest.on_offset_lost);
    read_reject_after(section, ingest.reject_after);
    if (ingest.envelope != Envelope::none && ingest.on_extra == OnExtra::reject)
        section.problem(
            section.at("on_extra"),
            "on_extra = \"reject\" cannot be told of rows within an envelope; remove it");
    if (!format || names_fields(*format) || *format == Format::csv) return;
    // What could have no effect is a mistake, not something to pass over.
    for (const Entry& entry : section.content().entries) {
        const bool of_fields = entry.key == "on_extra" || entry.key == "on_empty";
        if (entry.key != "on_tombstone" && !of_fields) continue;
        section.problem(entry.at,
                        in_quotes(entry.key) +
                            " has no meaning for format = " + in_quotes(name_of(*format)) +
                            (of_fields ? ", whose records have no fields; remove it"
                                       : ", where a NULL value is loaded as NULL; remove it"));
    }
}

void read_topic(const TableReader& section, const std::optional<Text>& topic, std::string& target) {
    if (!topic) return;
    target = topic->text;
    if (is_topic_name(topic->text)) return;
    section.problem(topic->at, "\"topic\": " + topic->shown +
                                   " is not a name that Kafka takes; use up to 249 "
                                   "letters, digits, \".\", \"_\" and \"-\"");
}

constexpr std::string_view unusual_table = "public.\"Order Items\"";

void read_receipts(TableReader& section, std::optional<Receipts>& target) {
    auto table = section.table("receipts", "receipts = { table = \"public.outbox\" }");
    if (!table) return;
    Receipts& receipts = target.emplace();
    read_table_name(*table, "\"public.outbox\"", unusual_table, receipts.table);
    read_topic(*table, table->text("topic", "\"orders.committed\""), receipts.topic);
    table->finish();
}

}  // namespace

Ingest read_ingest(TableReader section, const std::string& name, Place name_at,
                   const Scope& scope) {
    Ingest ingest;
    ingest.name = name;
    ingest.group = "sluice." + name;
    check_pipeline_name(section, name, name_at);
    read_topic(section, section.required_text("topic", "\"orders\""), ingest.topic);
    read_table_name(section, "\"public.orders\"", unusual_table, ingest.table);
    const std::optional<Format> format = read_format(section);
    ingest.format = format.value_or(Format::json);
    read_schemas(section, format, scope, ingest);
    read_envelope(section, format, ingest.envelope);
    read_start(section, scope, ingest.start);
    const bool batch_is_known = read_batch(section, ingest.batch);
    std::int64_t lanes = ingest.lanes;
    section.integer("lanes", "2", {1, 64}, lanes);
    ingest.lanes = static_cast<int>(lanes);
    read_memory(section, batch_is_known, ingest);
    if (const auto group = section.text("group", "\"sluice.orders\"")) {
        ingest.group = group->text;
        constexpr std::size_t longest = 249;
        if (group->text.empty() || group->text.size() > longest ||
            has_control_character(group->text)) {
            section.problem(group->at,
                            "\"group\" must be 1 to 249 printable characters; without "
                            "it, it is " +
                                in_quotes("sluice." + name));
        }
    }
    if (const auto filter = section.text("filter", "\"@headers/region = 'eu' and amount > 10\""))
        read_condition(section, "filter", *filter, {ingest.format, ingest.envelope}, ingest.filter);
    read_reactions(section, format, ingest);
    read_csv(section, format, ingest.csv);
    if (auto columns = section.table("columns", "columns = { id = \"id\" }")) {
        if (format) read_columns(*columns, {*format, ingest.envelope}, scope, ingest);
    }
    if (auto where = section.text("where", "\"balance is not null\""))
        ingest.where = std::move(where->text);
    if (auto fields = section.table("fields", "fields = { price = \"price\" }")) {
        if (format) read_fields(*fields, {*format, ingest.envelope}, scope, ingest);
    }
    read_mode(section, ingest);
    read_explode(section, ingest);
    read_receipts(section, ingest.receipts);
    section.finish();
    return ingest;
}

}  // namespace sluice::config
