#include "config/column_source.h"
#include "config/pipeline.h"
#include "config/schedule.h"
#include "config/sections/read_names.h"
#include "config/sections/read_schema.h"
#include "config/sections/sections.h"
#include "config/text/names.h"
#include "config/text/units.h"

#include <algorithm>
#include <charconv>

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

/// It stands in JSON, too, where it is to be found as it is.
void read_unavailable(TableReader& section, const Envelope& envelope, std::string& unavailable) {
    const auto text = section.text("unavailable", in_quotes(unavailable));
    if (!text) return;
    unavailable = text->text;
    const bool is_plain = !unavailable.empty() && !has_control_character(unavailable) &&
                          unavailable.find_first_of("\"\\") == std::string::npos;
    if (!is_plain)
        section.problem(text->at,
                        "\"unavailable\" must be printable characters without quotes and "
                        "backslashes, as Debezium's unavailable.value.placeholder");
    if (envelope == Envelope::none)
        section.problem(text->at,
                        "\"unavailable\" is for change events; add envelope = \"debezium\" or "
                        "remove it");
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
}

/// Of JSON, schemas matter where columns are made of their fields.
bool reads_by_schemas(const Ingest& ingest) {
    const auto adds = [](const Ingest& target) { return target.on_extra == OnExtra::add_column; };
    return asks_registry(ingest.schema, ingest.format) ||
           asks_registry(ingest.key_schema, ingest.key_format) ||
           (ingest.schema.from == Schema::From::registry &&
            std::ranges::any_of(targets_of(ingest), adds));
}

void check_on_unknown_schema(const TableReader& section, const Ingest& ingest) {
    if (!section.has("on_unknown_schema") || reads_by_schemas(ingest)) return;
    section.problem(section.at("on_unknown_schema"),
                    "\"on_unknown_schema\" is for schema = \"registry\" of Avro, Protobuf and, "
                    "with on_extra = \"add_column\", JSON; remove it");
}

void read_start(TableReader& section, const Scope& scope, Start& start) {
    section.may_be("start", Shape::Kind::text);
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

/// Each lane may hold two whole batches, one of which is being committed, while the consumer
/// fetches on; with less memory, one. More ahead of the lanes than by default makes nothing faster:
/// what is fetched goes cold in the caches, on fresh pages.
void read_memory(TableReader& section, bool batch_is_known, Ingest& ingest) {
    constexpr std::size_t usually_ahead = 32u << 20;
    const std::size_t batches = static_cast<std::size_t>(ingest.lanes) * ingest.batch.bytes;
    ingest.memory = 2 * batches + usually_ahead;
    section.size("memory", "\"96MiB\"", {std::size_t{1} << 20, std::size_t{1} << 40},
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

/// "1%"
std::optional<double> parse_percent(std::string_view text) {
    if (!text.ends_with('%')) return std::nullopt;
    text.remove_suffix(1);
    double percent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
    const bool is_share = percent > 0 && percent < 100;
    if (error != std::errc() || end != text.data() + text.size() || !is_share) return std::nullopt;
    return percent;
}

void read_max_rejects(TableReader& section, const Scope& scope, Ingest& ingest) {
    section.may_be("max_rejects", Shape::Kind::whole);
    section.may_be("max_rejects", Shape::Kind::text);
    const Entry* const entry = section.take("max_rejects");
    if (entry == nullptr) return;
    std::string shown;
    if (const auto* number = std::get_if<std::int64_t>(&entry->value.value)) {
        shown = std::to_string(*number);
        if (*number >= 0)
            ingest.max_rejects = MaxRejects{.unit = MaxRejects::Unit::records,
                                            .most = static_cast<double>(*number),
                                            .text = shown};
    } else {
        const auto text = resolve_text(entry->value, "max_rejects", "1000, or \"1%\"", scope);
        if (!text) return;
        shown = text->shown;
        if (const auto percent = parse_percent(text->text))
            ingest.max_rejects =
                MaxRejects{.unit = MaxRejects::Unit::percent, .most = *percent, .text = text->text};
    }
    if (!ingest.max_rejects)
        section.problem(entry->value.at,
                        "\"max_rejects\" must be a number of records, such as 1000, or a share "
                        "of them between 0% and 100%, such as \"1%\", not " +
                            shown);
    else if (ingest.on_reject == OnReject::stop)
        section.problem(entry->value.at,
                        "\"max_rejects\" counts dead letters, and on_reject = \"stop\" permits "
                        "none; remove one of the two");
}

void read_reactions(TableReader& section, std::optional<Format> format, Ingest& ingest) {
    section.choice<OnReject>("on_reject",
                             {{"dead_letter", OnReject::dead_letter}, {"stop", OnReject::stop}},
                             ingest.on_reject);
    section.choice<OnOffsetLost>(
        "on_offset_lost", {{"stop", OnOffsetLost::stop}, {"earliest", OnOffsetLost::earliest}},
        ingest.on_offset_lost);
    read_reject_after(section, ingest.reject_after);
    read_reactions_to_rows(section, format, ingest);
}

constexpr std::string_view unusual_table = "public.\"Order Items\"";

void read_receipts(TableReader& section, std::optional<Receipts>& target) {
    auto table = section.table("receipts", "receipts = { table = \"public.outbox\" }");
    if (!table) return;
    Receipts& receipts = target.emplace();
    read_table_name(*table, "\"public.outbox\"", unusual_table, receipts.table);
    if (const auto topic = table->text("topic", "\"orders.committed\"")) {
        receipts.topic = topic->text;
        check_topic_name(*table, "topic", *topic);
    }
    table->finish();
}

void read_after_commit(TableReader& section, std::optional<AfterCommit>& target) {
    constexpr std::string_view example = "\"REFRESH MATERIALIZED VIEW public.daily\"";
    auto table =
        section.table("after_commit", "after_commit = { sql = " + std::string(example) + " }");
    if (!table) return;
    AfterCommit& after = target.emplace();
    if (const auto sql = table->required_text("sql", example)) after.sql = sql->text;
    table->duration("every", "\"1m\"", {1s, 24h * 365}, after.every);
    table->finish();
}

void read_schedule(TableReader& section, std::optional<Schedule>& target) {
    auto table = section.table("schedule", "schedule = { run = \"02:00-06:00\" }");
    if (!table) return;
    if (const auto run = table->required_text("run", "\"02:00-06:00\"")) {
        target = parse_schedule(run->text);
        if (!target)
            table->problem(run->at,
                           "\"run\" must be two different times of a day, such as "
                           "\"02:00-06:00\" or \"22:00-06:00\", not " +
                               run->shown);
    }
    if (const auto zone = table->text("zone", "\"Europe/Berlin\"")) {
        if (target) target->zone = zone->text;
        if (!TimeZone::named(zone->text))
            table->problem(zone->at, "the system knows no time zone " + zone->shown +
                                         "; write \"UTC\" or one of /usr/share/zoneinfo (package "
                                         "tzdata), such as \"Europe/Berlin\"");
    }
    table->finish();
}

}  // namespace

Ingest read_ingest(TableReader section, const std::string& name, Place name_at,
                   const Scope& scope) {
    Ingest ingest;
    ingest.name = name;
    ingest.group = "sluice." + name;
    check_pipeline_name(section, name, name_at);
    read_topics(section, ingest.topic);
    const std::optional<Format> format = read_format(section);
    ingest.format = format.value_or(Format::json);
    read_schemas(section, format, scope, ingest);
    read_envelope(section, format, ingest.envelope);
    read_unavailable(section, ingest.envelope, ingest.unavailable);
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
    read_reactions(section, format, ingest);
    read_max_rejects(section, scope, ingest);
    read_csv(section, format, ingest.csv);
    section.choice<Load>(
        "load", {{"copy", Load::copy}, {"segments", Load::segments}, {"auto", Load::by_size}},
        ingest.load);
    read_targets(section, format, scope, ingest);
    if (format) check_on_unknown_schema(section, ingest);
    read_receipts(section, ingest.receipts);
    read_after_commit(section, ingest.after_commit);
    read_schedule(section, ingest.schedule);
    section.finish();
    return ingest;
}

}  // namespace sluice::config
