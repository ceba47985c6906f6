#include "daemon/tables/topic_reader.h"

#include "config/hidden_source.h"
#include "config/text/units.h"
#include "config/text/words.h"
#include "daemon/commands/peek/peek_plan.h"
#include "kafka/client.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/session.h"

#include <utility>

namespace sluice {
namespace {

constexpr std::size_t block_bytes = 256u << 10;

Table table_of(const config::Config& config, const config::Ingest& ingest) {
    Session session{config.cloudberry.dsn.text, "sluice sql"};
    return read_target(session, ingest);
}

/// Whoever may ask what fulfils a condition learns the values.
void refuse_hidden(const config::Ingest& ingest, const PeekWhere& where) {
    for (const config::Source& source : where.asked())
        if (config::tells_hidden(ingest, source))
            throw WrongConfiguration("where= asks for " + config::in_quotes(source.text) +
                                     ", which a column of [ingest." + ingest.name + "] hides");
}

}  // namespace

TopicCounts topic_counts(metrics::Registry& registry, const std::string& pipeline) {
    const metrics::Labels labels{{"pipeline", pipeline}};
    return {.statements = registry.counter("sluice_sql_statements_total",
                                           "SQL statements that have read the topic", labels),
            .failures =
                registry.counter("sluice_sql_failures_total",
                                 "SQL statements that failed while they read the topic", labels),
            .rows = registry.counter("sluice_sql_rows_total",
                                     "Rows that SQL statements have read from the topic", labels),
            .rejects = registry.counter(
                "sluice_sql_rejects_total",
                "Records that could not become rows and were left out of SQL statements", labels)};
}

TopicReader::TopicReader(const TopicOrder& order, TopicCounts& counts)
    : order_(order),
      counts_(counts),
      table_(table_of(*order_.config, order_.ingest)),
      mapper_(order_.ingest, table_, order_.registry),
      columns_(order_.ingest, table_, mapper_) {
    if (!order_.fingerprint.empty() && order_.fingerprint != columns_.fingerprint())
        throw WrongConfiguration("the columns of [ingest." + order_.ingest.name +
                                 "] are others than when this table was made; make it anew: "
                                 "sluice sql " +
                                 order_.ingest.name);
    if (order_.where.empty()) return;
    where_.emplace(order_.where, order_.ingest, order_.registry);
    refuse_hidden(order_.ingest, *where_);
}

void TopicReader::read(const std::function<void()>& go_on,
                       const std::function<void(std::string)>& put) {
    PeekWish wish;
    if (where_) wish.where = where_->of_records();
    const config::Kafka& kafka = order_.config->kafka;
    std::vector<PeekPart> plan;
    {
        const kafka::ClientHandle client = kafka::make_client(
            RD_KAFKA_CONSUMER, kafka::make_conf(kafka, {{"isolation.level", "read_committed"}}),
            "sql");
        plan = plan_peek(*client, order_.ingest.topic, wish).parts;
    }
    const std::int64_t most = offsets_in(plan);
    for (const auto& [topic, parts] : parts_to_read(plan))
        kafka::TopicReader(kafka, topic, most).read(parts, [&](const Record& record) {
            go_on();
            look_at(record);
            if (block_.size() >= block_bytes) put(std::exchange(block_, {}));
            return kafka::TopicReader::Next::record;
        });
    if (!block_.empty()) put(std::exchange(block_, {}));
    tell_of_rejects();
}

void TopicReader::look_at(const Record& record) {
    bytes_ += record.key.value_or("").size() + record.value.value_or("").size();
    const std::size_t most = order_.config->segments.sql_bytes;
    if (bytes_ > most)
        throw TroubleOfTheWorld("the statement has read " + config::format_size(most) +
                                " of the topic, the most that sql_bytes of [segments] permits; "
                                "ask for less by where= in the table's LOCATION");
    if (where_ && !where_->matches(record)) return;
    batch_.clear();
    switch (mapper_.map(batch_.records.append(record), batch_)) {
        case RowMapper::Outcome::row:
            return append_rows(record);
        case RowMapper::Outcome::rejected:
            return reject(record);
        case RowMapper::Outcome::filtered:
            return;
    }
}

void TopicReader::append_rows(const Record& record) {
    const EncodedRows& rows = batch_.targets.front().text;
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        block_ += columns_.before(record, rows.rows[row].change);
        block_ += rows.bytes_of(row);
    }
    counts_.rows.add(static_cast<double>(rows.rows.size()));
}

void TopicReader::reject(const Record& record) {
    const std::string why = name_of(record) + ": " + describe(batch_.rejects.front().reasons);
    if (order_.rejects_fail)
        throw WrongConfiguration("a record cannot become a row: " + why +
                                 "; rejects=skip in the table's LOCATION leaves such out");
    counts_.rejects.add();
    if (++rejects_ == 1) first_reject_ = why;
}

void TopicReader::tell_of_rejects() const {
    std::string text = where_ ? where_->not_told() : "";
    if (text.ends_with('\n')) text.pop_back();
    if (rejects_ > 0)
        text += (text.empty() ? "" : "; ") + std::to_string(rejects_) +
                (rejects_ == 1 ? " record" : " records") +
                " could not become rows and were left out; the first, " + first_reject_;
    if (!text.empty())
        log(LogLevel::warn, order_.ingest.name, "a statement has read the topic: " + text);
}

}  // namespace sluice
