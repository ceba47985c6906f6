#include "tests/fakes/mapping.h"

namespace sluice::fakes {

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
    Table table;
    table.schema = "public";
    table.name = "numbers";
    table.session_is_utc = true;
    table.columns.push_back({.name = "n", .type = ColumnType::int8, .type_name = "bigint"});
    return {config, table, registry};
}

}  // namespace sluice::fakes
