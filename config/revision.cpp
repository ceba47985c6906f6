#include "config/revision.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace sluice::config {
namespace {

class Fnv1a {
public:
    void bytes(std::string_view data) {
        for (const char c : data) {
            hash_ ^= static_cast<unsigned char>(c);
            hash_ *= 1099511628211ULL;
        }
    }
    /// Length first: neighbours cannot trade characters.
    void text(std::string_view data) {
        number(static_cast<std::int64_t>(data.size()));
        bytes(data);
    }
    void number(std::int64_t value) { bytes(std::to_string(value) + ';'); }
    template <typename Enum>
    void choice(Enum value) {
        number(static_cast<std::int64_t>(value));
    }
    [[nodiscard]] std::uint64_t folded_to_48() const {
        return (hash_ ^ (hash_ >> 48)) & 0xFFFFFFFFFFFFULL;
    }

private:
    std::uint64_t hash_ = 14695981039346656037ULL;
};

void add(Fnv1a& hash, const ColumnMapping& mapping) {
    hash.text(mapping.column);
    hash.choice(mapping.source.kind);
    hash.number(static_cast<std::int64_t>(mapping.source.path.size()));
    for (const std::string& token : mapping.source.path) hash.text(token);
    hash.number(mapping.source.position);
    hash.text(mapping.source.name);
    hash.choice(mapping.as);
    hash.number(mapping.default_value ? 1 : 0);
    hash.text(mapping.default_value.value_or(""));
}

void add(Fnv1a& hash, const Ingest& ingest) {
    for (const std::string* text : {&ingest.name, &ingest.topic, &ingest.table, &ingest.group}) {
        hash.text(*text);
    }
    hash.choice(ingest.format);
    hash.choice(ingest.start.kind);
    hash.number(ingest.start.time_ms);
    hash.number(static_cast<std::int64_t>(ingest.batch.rows));
    hash.number(static_cast<std::int64_t>(ingest.batch.bytes));
    hash.number(ingest.batch.delay.count());
    hash.number(ingest.lanes);
    hash.number(static_cast<std::int64_t>(ingest.memory));
    hash.choice(ingest.on_reject);
    hash.choice(ingest.on_missing);
    hash.choice(ingest.on_extra);
    hash.choice(ingest.on_invalid);
    hash.choice(ingest.on_tombstone);
    hash.choice(ingest.on_offset_lost);
    for (const char c : {ingest.csv.delimiter, ingest.csv.quote, ingest.csv.escape}) {
        hash.number(c);
    }
    hash.text(ingest.csv.null);
    // Columns are named: their order in the file means nothing.
    std::vector<const ColumnMapping*> columns;
    for (const ColumnMapping& mapping : ingest.columns) columns.push_back(&mapping);
    std::sort(columns.begin(), columns.end(),
              [](const auto* a, const auto* b) { return a->column < b->column; });
    hash.number(static_cast<std::int64_t>(columns.size()));
    for (const ColumnMapping* mapping : columns) add(hash, *mapping);
}

}  // namespace

std::string revision_of(const Config& config) {
    Fnv1a hash;
    hash.text(config.kafka.brokers.text);
    hash.number(static_cast<std::int64_t>(config.kafka.properties.size()));
    for (const auto& [name, value] : config.kafka.properties) {
        hash.text(name);
        hash.text(value.text);
    }
    hash.text(config.kafka.instance);
    hash.text(config.cloudberry.dsn.text);
    hash.text(config.cloudberry.schema);
    hash.number(config.cloudberry.ledger_keep.count());
    hash.number(config.daemon.drain_deadline.count());
    hash.text(config.daemon.log_level);
    hash.text(config.daemon.log_format);
    for (const Ingest& ingest : config.ingest) add(hash, ingest);

    char digits[13];
    std::snprintf(digits, sizeof digits, "%012llx",
                  static_cast<unsigned long long>(hash.folded_to_48()));
    return digits;
}

}  // namespace sluice::config
