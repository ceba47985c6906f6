#include "sinks/load/make_loader.h"

#include "sinks/load/copy_loader.h"
#include "sinks/load/merge_loader.h"
#include "sinks/load/sql_loader.h"

#include <optional>

namespace sluice {

MakeLoader make_loader(const config::Ingest& ingest, const Table& table, const RowMapper& mapper,
                       const std::string& schema) {
    std::optional<SqlTarget> sql;
    if (ingest.asks_sql()) sql = sql_target(ingest, table);
    if (ingest.mode == config::Mode::append && sql)
        return [=, on_invalid = ingest.on_invalid](Session& session) {
            return std::make_unique<SqlLoader>(session, *sql, on_invalid);
        };
    if (ingest.mode == config::Mode::append)
        return copy_loader(table, mapper.columns(), ingest.on_invalid);
    return merge_loader({.table = table,
                         .columns = sql ? sql->columns : mapper.columns(),
                         .key = mapper.key(),
                         .order = ingest.order,
                         .mode = ingest.mode,
                         .schema = schema,
                         .sql = sql},
                        ingest.on_invalid);
}

}  // namespace sluice
