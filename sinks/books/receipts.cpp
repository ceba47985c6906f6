#include "sinks/books/receipts.h"

#include "pipeline/errors.h"
#include "pipeline/values/json_text.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/server_family.h"
#include "sinks/session/sql_text.h"

#include <algorithm>

namespace sluice {
namespace {

const Column& column_of(const Table& table, const std::string& name) {
    const auto found = std::ranges::find(table.columns, name, &Column::name);
    if (found != table.columns.end()) return *found;
    throw WrongConfiguration("receipts: table " + qualified(table) + " has no column " +
                             quote_identifier(name) +
                             (name == "topic" ? "; leave topic = out of receipts, or add it"
                                              : "; add it, or use another table"));
}

/// A text as what its column holds.
std::string as_column(const std::string& text, const Column& column) {
    switch (column.type) {
        case ColumnType::bytea:
            return "convert_to(" + text + ", 'UTF8')";
        case ColumnType::json:
        case ColumnType::jsonb:
            return text + "::" + column.type_name;
        default:
            return text;
    }
}

void append_member(std::string& json, const char* name, std::string_view text) {
    json.append(json.empty() ? "{\"" : ",\"").append(name).append("\":");
    json::append_string(json, text);
}

void append_member(std::string& json, const char* name, std::int64_t number) {
    json.append(",\"").append(name).append("\":").append(std::to_string(number));
}

}  // namespace

std::vector<std::string> Receipts::columns(const config::Receipts& receipts) {
    std::vector<std::string> names = {"key", "payload"};
    if (!receipts.topic.empty()) names.insert(names.begin(), "topic");
    return names;
}

Receipts::Receipts(const config::Ingest& ingest, const Table& table, PipelineIdentity identity)
    : topic_(ingest.receipts->topic),
      names_topics_(ingest.topic.only() == nullptr),
      identity_(std::move(identity)),
      where_("receipts: table " + qualified(table)) {
    const std::vector<std::string> names = columns(*ingest.receipts);
    std::string values;
    for (const std::string& name : names) {
        const Column& column = column_of(table, name);
        const std::string text = name == "topic" ? "$3::text" : "v." + name;
        values += (values.empty() ? "" : ", ") + as_column(text, column);
    }
    insert_ = "INSERT INTO " + qualified(table) + " (" + identifier_list(names) + ") SELECT " +
              values + " FROM (SELECT unnest($1::text[]) AS key, unnest($2::text[]) AS payload) v";
}

void Receipts::insert(Session& session, const Batch& batch) const {
    std::vector<std::string> keys;
    std::vector<std::string> payloads;
    for (const Slice& slice : batch.slices()) {
        if (!slice.moves()) continue;
        const TopicPartition& named = (*identity_.partitions)[slice.partition];
        keys.push_back(key_of(named));
        payloads.push_back(payload(slice, named));
    }
    Row parameters = {array_literal(keys), array_literal(payloads)};
    if (!topic_.empty()) parameters.emplace_back(topic_);
    session.exec_prepared("receipts", insert_, parameters);
}

/// Receipts of one partition have one key, so that they stay in order.
std::string Receipts::key_of(const TopicPartition& named) const {
    return identity_.pipeline + "/" + (names_topics_ ? named.topic + "/" : "") +
           std::to_string(named.number);
}

std::string Receipts::payload(const Slice& slice, const TopicPartition& named) const {
    std::string json;
    append_member(json, "pipeline", identity_.pipeline);
    append_member(json, "cluster_id", identity_.cluster_id);
    append_member(json, "topic", named.topic);
    append_member(json, "partition", named.number);
    append_member(json, "incarnation", slice.incarnation);
    append_member(json, "from_offset", slice.range.from);
    append_member(json, "to_offset", slice.range.to);
    append_member(json, "rows", slice.loaded);
    append_member(json, "rejected", slice.rejected);
    append_member(json, "filtered", slice.filtered);
    if (slice.superseded > 0) append_member(json, "superseded", slice.superseded);
    if (slice.unmatched > 0) append_member(json, "unmatched", slice.unmatched);
    return json + "}";
}

std::vector<Finding> check_receipts(Session& session, const config::Ingest& ingest,
                                    const Table& table) {
    const std::string where = "ingest." + ingest.name + ": receipts: table " + qualified(table);
    const std::vector<std::string> filled = Receipts::columns(*ingest.receipts);
    const TableTraits traits = read_traits(session, table, session.family(), filled);
    std::vector<Finding> findings = uninsertable(session, where, table, traits);
    std::ranges::move(undrawable(session, where, traits), std::back_inserter(findings));
    for (const Column& column : table.columns) {
        const bool is_filled = std::ranges::find(filled, column.name) != filled.end();
        if (is_filled || !column.not_null || column.has_default || column.generated) continue;
        findings.push_back(
            {Finding::Severity::error, where,
             "column " + quote_identifier(column.name) +
                 " is NOT NULL without a default, and receipts do not fill it",
             column.name == "topic" ? "set topic = in receipts" : "give it a default"});
    }
    return findings;
}

}  // namespace sluice
