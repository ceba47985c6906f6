#include "tests/fakes/mapping.h"

namespace sluice::fakes {
namespace {

Table numbers_table(const std::string& name) {
    Table table;
    table.schema = "public";
    table.name = name;
    table.session_is_utc = true;
    table.columns.push_back({.name = "n", .type = ColumnType::int8, .type_name = "bigint"});
    return table;
}

}  // namespace

config::Ingest numbers_config() {
    config::Ingest config;
    config.name = "numbers";
    config.topic = "numbers";
    config.table = "public.numbers";
    config.format = config::Format::text;
    config.batch = {.rows = 10, .bytes = 1u << 20, .delay = std::chrono::milliseconds(5)};
    config.group = "sluice.numbers";
    return config;
}

RowMapper numbers_mapper(const config::Ingest& config,
                         const std::shared_ptr<SchemaSource>& registry) {
    return {config, numbers_table("numbers"), registry};
}

config::Ingest numbers_by_topic(int topics) {
    config::Ingest config = numbers_config();
    config.topic.names.clear();
    for (int i = 0; i < topics; ++i) config.topic.names.push_back("numbers." + std::to_string(i));
    config.tables_by_topic = true;
    return config;
}

void give_table(Targets& targets, const config::Ingest& config, const std::string& topic) {
    targets.set(topic, {{config, numbers_table(topic)}});
}

RecordRouter numbers_router(const config::Ingest& config,
                            const std::shared_ptr<const Targets>& targets,
                            const std::shared_ptr<SchemaSource>& registry) {
    if (!config.tables_by_topic) return numbers_mapper(config, registry);
    return {targets, registry};
}

}  // namespace sluice::fakes
