#include "config/settings.h"

#include "config/column_source.h"
#include "config/schedule.h"
#include "config/text/hash.h"
#include "config/text/units.h"
#include "config/text/words.h"

#include <algorithm>
#include <utility>

namespace sluice::config {
namespace {

using Applies = Setting::Applies;
using Shown = Setting::Shown;

/// Collects the settings of one section.
class Section {
public:
    Section(std::string prefix, Settings& into) : prefix_(std::move(prefix)), into_(into) {}

    Section& text(const std::string& key, std::string value,
                  Applies applies = Applies::by_restart) {
        into_.push_back({prefix_ + key, std::move(value), applies, Shown::yes});
        return *this;
    }
    Section& secret(const std::string& key, const Secret& value,
                    Applies applies = Applies::by_restart) {
        into_.push_back({.key = prefix_ + key,
                         .value = value.text,
                         .applies = applies,
                         .shown = value.secret ? Shown::never : Shown::yes,
                         .lets_in = value.secret});
        return *this;
    }
    Section& hidden(const std::string& key, std::string value,
                    Applies applies = Applies::by_restart) {
        into_.push_back({prefix_ + key, std::move(value), applies, Shown::never});
        return *this;
    }

private:
    std::string prefix_;
    Settings& into_;
};

const char* word(OnReject on_reject) {
    return on_reject == OnReject::stop ? "stop" : "dead_letter";
}
const char* word(OnMissing on_missing) {
    return on_missing == OnMissing::reject ? "reject" : "null";
}
const char* word(OnEmpty on_empty) {
    return on_empty == OnEmpty::load ? "load" : "reject";
}

const char* word(OnExtra on_extra) {
    switch (on_extra) {
        case OnExtra::reject:
            return "reject";
        case OnExtra::add_column:
            return "add_column";
        case OnExtra::ignore:
            break;
    }
    return "ignore";
}
const char* word(OnInvalid on_invalid) {
    return on_invalid == OnInvalid::null ? "null" : "reject";
}
const char* word(OnUnknownSchema on_unknown_schema) {
    return on_unknown_schema == OnUnknownSchema::dead_letter ? "dead_letter" : "stop";
}
const char* word(OnTombstone on_tombstone) {
    return on_tombstone == OnTombstone::reject ? "reject" : "filter";
}
const char* word(OnOffsetLost on_offset_lost) {
    return on_offset_lost == OnOffsetLost::earliest ? "earliest" : "stop";
}

const char* word(OnTruncate on_truncate) {
    switch (on_truncate) {
        case OnTruncate::reject:
            return "reject";
        case OnTruncate::ignore:
            return "ignore";
        case OnTruncate::apply:
            break;
    }
    return "apply";
}

const char* word(Load load) {
    switch (load) {
        case Load::copy:
            return "copy";
        case Load::segments:
            return "segments";
        case Load::by_size:
            break;
    }
    return "auto";
}

const char* word(Mode mode) {
    switch (mode) {
        case Mode::append:
            return "append";
        case Mode::merge:
            return "merge";
        case Mode::update:
            break;
    }
    return "update";
}

std::string with_commas(const std::vector<std::string>& columns) {
    std::string text;
    for (const std::string& column : columns) text += (text.empty() ? "" : ", ") + column;
    return text;
}

std::string text_of(const Topics& topics) {
    return topics.regex.empty() ? with_commas(topics.names) : "regex: " + topics.regex;
}

std::string text_of(const Start& start) {
    switch (start.kind) {
        case Start::Kind::earliest:
            return "earliest";
        case Start::Kind::latest:
            return "latest";
        case Start::Kind::time:
            break;
    }
    return std::to_string(start.time_ms) + " ms since 1970";
}

/// Its content counts, not where it lies.
std::string text_of(const Schema& schema) {
    if (schema.from == Schema::From::none) return "none";
    if (schema.from == Schema::From::registry) return "registry";
    Fnv1a hash;
    for (const schemas::NamedSchema& file : schema.files) {
        hash.text(file.name);
        hash.text(file.text);
    }
    constexpr std::size_t digits = 12;
    std::string text = schema.files.empty() ? "" : schema.files.front().name;
    text += " " + hash.digits(digits);
    if (!schema.message.empty()) text += ", message " + schema.message;
    if (schema.wire == Schema::Wire::registry) text += ", in a registry's wire format";
    return text;
}

std::string pointer_of(const std::vector<std::string>& path) {
    std::string pointer;
    for (const std::string& token : path) pointer += pointer_to(token);
    return pointer;
}

std::string text_of(const Source& source) {
    switch (source.kind) {
        case Source::Kind::field:
            return pointer_of(source.path);
        case Source::Kind::position:
            return std::to_string(source.position);
        case Source::Kind::value:
            return "@value";
        case Source::Kind::key:
            return "@key";
        case Source::Kind::key_field:
            return "@key" + pointer_of(source.path);
        case Source::Kind::envelope:
            return "@" + pointer_of(source.path).substr(1);
        case Source::Kind::topic:
            return "@topic";
        case Source::Kind::partition:
            return "@partition";
        case Source::Kind::offset:
            return "@offset";
        case Source::Kind::timestamp:
            return "@timestamp";
        case Source::Kind::headers:
            return "@headers";
        case Source::Kind::header:
            break;
    }
    return "@headers/" + source.name;
}

void add(const std::string& key, const ColumnMapping& mapping, Section& section) {
    std::string text = text_of(mapping.source);
    if (mapping.as == Conversion::decimal) {
        text += " as decimal of " + std::to_string(mapping.scale) + " digits";
    } else if (mapping.as == Conversion::mask) {
        text += " but for its last " + std::to_string(mapping.scale) + " characters";
    } else if (mapping.as != Conversion::none)
        text += " as " + std::string(name_of(mapping.as));
    section.text(key, std::move(text));
    if (!mapping.salt.empty()) section.secret(key + ".salt", {mapping.salt, true});
    std::string drop;
    for (const auto& path : mapping.drop) drop += (drop.empty() ? "" : ", ") + pointer_of(path);
    if (!drop.empty()) section.text(key + ".drop", std::move(drop));
    // It may come from the environment or a file.
    if (mapping.default_value) section.hidden(key + ".default", *mapping.default_value);
}

std::string text_of_delete_when(const Ingest& ingest) {
    if (ingest.deletes) return ingest.deletes->text;
    return ingest.delete_when == DeleteWhen::tombstone ? "@tombstone" : "";
}

std::string text_of_storage(const Ingest& target) {
    std::string text;
    for (const auto& [name, value] : target.storage)
        text += (text.empty() ? "" : ", ") + name + " = " + value;
    return text;
}

/// What makes rows of records for one table.
void add_rows(const Ingest& target, const std::string& prefix, Settings& settings) {
    Section section(prefix, settings);
    section.text("table", target.table)
        .text("filter", target.filter ? target.filter->text : "")
        .text("on_missing", word(target.on_missing))
        .text("on_empty", word(target.on_empty))
        .text("on_extra", word(target.on_extra))
        .text("create", target.create ? "true" : "false")
        .text("storage", text_of_storage(target))
        .text("on_invalid", word(target.on_invalid))
        .text("on_tombstone", word(target.on_tombstone))
        .text("mode", word(target.mode))
        .text("key", with_commas(target.key))
        .text("order", target.order)
        .text("delete_when", text_of_delete_when(target))
        .text("on_truncate", word(target.on_truncate))
        .text("where", target.where)
        .text("explode", target.explode ? text_of(*target.explode) : "");
    for (const ColumnMapping& mapping : target.columns)
        add("columns." + mapping.column, mapping, section);
    for (const SqlColumn& column : target.computed)
        section.text("columns." + column.column, "sql: " + column.sql);
    for (const SqlField& field : target.fields) {
        const std::string key = "fields." + field.mapping.column;
        add(key, field.mapping, section);
        if (!field.type.empty()) section.text(key + ".type", field.type);
    }
}

void add_targets(const Ingest& ingest, Settings& settings) {
    if (ingest.into.empty()) return add_rows(ingest, "", settings);
    Section("", settings)
        .text("on_unrouted", ingest.on_unrouted == OnUnrouted::reject ? "reject" : "filter");
    for (std::size_t i = 0; i < ingest.into.size(); ++i)
        add_rows(ingest.into[i], "into." + std::to_string(i + 1) + ".", settings);
}

void add(const Ingest& ingest, Settings& settings) {
    // Where nothing is made by it, who runs does not ask under that name.
    const Applies subject = grows(ingest) ? Applies::by_restart : Applies::in_place;
    Section section("", settings);
    section.text("topic", text_of(ingest.topic))
        .text("format", std::string(name_of(ingest.format)))
        .text("schema", text_of(ingest.schema))
        .text("subject", ingest.subject, subject)
        .text("envelope", ingest.envelope == Envelope::debezium ? "debezium" : "none")
        .text("unavailable", ingest.unavailable)
        .text("key_format", std::string(name_of(ingest.key_format)))
        .text("key_schema", text_of(ingest.key_schema))
        .text("on_unknown_schema", word(ingest.on_unknown_schema))
        .text("start", text_of(ingest.start))
        .text("batch.rows", std::to_string(ingest.batch.rows), Applies::in_place)
        .text("batch.bytes", format_size(ingest.batch.bytes), Applies::in_place)
        .text("batch.delay", format_duration(ingest.batch.delay), Applies::in_place)
        .text("lanes", std::to_string(ingest.lanes))
        .text("memory", format_size(ingest.memory), Applies::in_place)
        .text("group", ingest.group)
        .text("on_reject", word(ingest.on_reject))
        .text("max_rejects", ingest.max_rejects ? ingest.max_rejects->text : "")
        .text("reject_after", ingest.reject_after ? format_duration(*ingest.reject_after) : "never")
        .text("on_offset_lost", word(ingest.on_offset_lost))
        .text("load", word(ingest.load))
        .text("csv.delimiter", in_quotes({&ingest.csv.delimiter, 1}))
        .text("csv.quote", in_quotes({&ingest.csv.quote, 1}))
        .text("csv.escape", in_quotes({&ingest.csv.escape, 1}))
        .text("csv.null", ingest.csv.null);
    if (ingest.receipts) {
        section.text("receipts.table", ingest.receipts->table)
            .text("receipts.topic", ingest.receipts->topic);
    }
    if (ingest.schedule) section.text("schedule", to_string(*ingest.schedule), Applies::in_place);
    if (ingest.after_commit) {
        section.text("after_commit.sql", ingest.after_commit->sql)
            .text("after_commit.every", format_duration(ingest.after_commit->every));
    }
    add_targets(ingest, settings);
}

void add(const Outbox& outbox, Settings& settings) {
    Section section("", settings);
    section.text("table", outbox.table)
        .text("topic", to_string(outbox.topic))
        .text("order", outbox.order)
        .text("batch.rows", std::to_string(outbox.batch_rows))
        .text("batch.bytes", format_size(outbox.batch_bytes))
        .text("poll.busy", format_duration(outbox.poll.busy))
        .text("poll.idle", format_duration(outbox.poll.idle))
        .text("sweep", format_duration(outbox.sweep))
        .text("purge_wait", format_duration(outbox.purge_wait))
        .text("marks_topic", outbox.marks_topic)
        .text("on_refused", outbox.on_refused == OnRefused::stop ? "stop" : "dead_letter")
        .text("on_mark_lost", outbox.on_mark_lost == OnMarkLost::resend ? "resend" : "stop")
        .text("value_format", std::string(name_of(outbox.value_format)))
        .text("value_subject", outbox.value_subject)
        .text("value_message", outbox.value_message)
        .text("value_columns", with_commas(outbox.value_columns))
        .text("columns.id", outbox.columns.id);
    const OutboxColumns& columns = outbox.columns;
    for (const auto& [key, column] : {std::pair{"columns.topic", &columns.topic},
                                      {"columns.partition", &columns.partition},
                                      {"columns.key", &columns.key},
                                      {"columns.value", &columns.value},
                                      {"columns.headers", &columns.headers},
                                      {"columns.timestamp", &columns.timestamp}}) {
        if (*column) section.text(key, in_quotes(**column));
    }
    for (const HeaderFromColumn& header : outbox.headers) {
        section.text("headers." + header.header, header.column);
    }
}

void add(const Registry& registry, Settings& settings) {
    std::string urls;
    for (const Url& url : registry.urls) urls += (urls.empty() ? "" : ", ") + to_string(url);
    Section("registry.", settings)
        .text("url", std::move(urls))
        .secret("user", registry.user)
        .secret("password", registry.password)
        .secret("token", registry.token)
        .hidden("ca", registry.ca)
        .hidden("certificate", registry.certificate)
        .secret("key", registry.key)
        .text("timeout", format_duration(registry.timeout));
}

void add(const Segments& segments, Settings& settings) {
    std::string writable;
    for (const std::string& topic : segments.sql_writable)
        writable += (writable.empty() ? "" : ", ") + topic;
    Section("segments.", settings)
        .text("listen", segments.listen, Applies::in_place)
        .text("advertise", segments.advertise, Applies::in_place)
        .text("timeout", format_duration(segments.timeout), Applies::in_place)
        .hidden("certificate", segments.certificate, Applies::in_place)
        .secret("key", segments.key, Applies::in_place)
        .hidden("ca", segments.ca, Applies::in_place)
        .secret("sql_secret", segments.sql_secret, Applies::in_place)
        .text("sql_bytes", format_size(segments.sql_bytes), Applies::in_place)
        .text("sql_statements", std::to_string(segments.sql_statements), Applies::in_place)
        .text("sql_writable", std::move(writable), Applies::in_place);
}

Settings sorted(Settings settings) {
    std::ranges::sort(settings, {}, &Setting::key);
    return settings;
}

}  // namespace

Settings settings_of(const Pipeline& pipeline) {
    Settings settings;
    std::visit([&](const auto& of_kind) { add(of_kind, settings); }, pipeline.of_kind);
    Section kafka("kafka.", settings);
    kafka.secret("brokers", pipeline.kafka.brokers).text("instance", pipeline.kafka.instance);
    for (const auto& [name, value] : pipeline.kafka.properties) {
        kafka.secret("properties." + name, value);
    }
    Section("cloudberry.", settings)
        .secret("dsn", pipeline.cloudberry.dsn)
        .text("schema", pipeline.cloudberry.schema);
    if (!pipeline.registry.urls.empty()) add(pipeline.registry, settings);
    return sorted(std::move(settings));
}

Settings process_settings_of(const Config& config) {
    Settings settings;
    Section("daemon.", settings)
        .text("drain_deadline", format_duration(config.daemon.drain_deadline), Applies::in_place)
        .text("log_level", config.daemon.log_level, Applies::in_place)
        .text("log_format", config.daemon.log_format, Applies::in_place);
    Section("admin.", settings)
        .text("listen", config.admin.listen, Applies::in_place)
        .secret("token", config.admin.token, Applies::in_place)
        .text("stuck_after", format_duration(config.admin.stuck_after), Applies::in_place);
    if (!config.segments.listen.empty()) add(config.segments, settings);
    Section("cloudberry.", settings)
        .text("ledger_keep", format_duration(config.cloudberry.ledger_keep), Applies::in_place);
    return sorted(std::move(settings));
}

std::vector<SettingChange> changes_between(const Settings& from, const Settings& to) {
    std::vector<SettingChange> changes;
    auto old = from.begin();
    auto now = to.begin();
    while (old != from.end() || now != to.end()) {
        const bool gone = now == to.end() || (old != from.end() && old->key < now->key);
        const bool added = old == from.end() || (now != to.end() && now->key < old->key);
        const Setting& either = gone ? *old : *now;
        if (gone || added || old->value != now->value) {
            const bool hidden =
                (!added && old->shown == Shown::never) || (!gone && now->shown == Shown::never);
            changes.push_back({either.key, added ? "" : old->value, gone ? "" : now->value,
                               either.applies, hidden ? Shown::never : Shown::yes});
        }
        if (!added) ++old;
        if (!gone) ++now;
    }
    return changes;
}

bool needs_restart(const std::vector<SettingChange>& changes) {
    return std::ranges::any_of(
        changes, [](const SettingChange& change) { return change.applies == Applies::by_restart; });
}

std::string to_string(const SettingChange& change) {
    if (change.shown == Shown::never) return change.key + " (not shown)";
    const auto shown = [](const std::string& value) { return value.empty() ? "none" : value; };
    return change.key + ": " + shown(change.from) + " → " + shown(change.to);
}

Settings with_fingerprints(Settings settings, std::string_view salt) {
    for (Setting& setting : settings) {
        if (setting.shown != Shown::never) continue;
        Fnv1a hash;
        hash.text(salt);
        hash.text(setting.key);
        hash.text(setting.value);
        setting.value = hash.digits(4);
    }
    return settings;
}

}  // namespace sluice::config
