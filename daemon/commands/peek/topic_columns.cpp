#include "daemon/commands/peek/topic_columns.h"

#include "config/text/hash.h"
#include "config/text/sql_names.h"
#include "pipeline/errors.h"

#include <algorithm>

namespace sluice {
namespace {

std::string type_of(const Table& table, const std::string& name) {
    for (const std::vector<Column>* const columns : {&table.columns, &table.fields}) {
        const auto found = std::ranges::find(*columns, name, &Column::name);
        if (found != columns->end()) return found->type_name;
    }
    return "text";
}

}  // namespace

TopicColumns::TopicColumns(const config::Ingest& ingest, const Table& table,
                           const RowMapper& mapper) {
    const auto is_ours = [&](const std::string& name, const char* type) {
        if (std::ranges::find(mapper.columns(), name) != mapper.columns().end()) return false;
        columns_.push_back({name, type});
        return true;
    };
    if (ingest.topic.only() == nullptr) topic_ = is_ours("kafka_topic", "text");
    partition_ = is_ours("kafka_partition", "integer");
    offset_ = is_ours("kafka_offset", "bigint");
    if (ingest.mode != config::Mode::append) change_ = is_ours("kafka_change", "text");
    for (const std::string& name : mapper.columns())
        columns_.push_back({name, type_of(table, name)});
}

std::string TopicColumns::definition() const {
    std::string text;
    for (const Described& column : columns_)
        text += (text.empty() ? "" : ", ") + quote_identifier(column.name) + " " + column.type;
    return text;
}

std::string TopicColumns::fingerprint() const {
    constexpr std::size_t digits = 12;
    config::Fnv1a hash;
    for (const Described& column : columns_) {
        hash.text(column.name);
        hash.text(column.type);
    }
    return hash.digits(digits);
}

std::string TopicColumns::before(const Record& record, Change change) const {
    std::string text;
    const auto add = [&](bool wanted, const std::string& value) {
        if (wanted) text += value + "\t";
    };
    add(topic_, record.from->topic);  // whose characters COPY takes as they are
    add(partition_, std::to_string(record.from->number));
    add(offset_, std::to_string(record.offset));
    add(change_, change == Change::remove ? "delete" : "upsert");
    return text;
}

config::Ingest as_topic(const config::Ingest& ingest) {
    if (ingest.routes())
        throw WrongConfiguration("[ingest." + ingest.name +
                                 "] has several tables, and a table of SQL has the columns of "
                                 "one; add a pipeline with one topic and one table, which need not "
                                 "run: schedule keeps it from doing so");
    config::Ingest topic = ingest;
    topic.load = config::Load::segments;
    return topic;
}

}  // namespace sluice
