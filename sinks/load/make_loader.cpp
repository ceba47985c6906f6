#include "sinks/load/make_loader.h"

#include "sinks/load/copy_loader.h"
#include "sinks/load/merge/merge_loader.h"
#include "sinks/load/segments/segment_loader.h"
#include "sinks/load/sql/sql_loader.h"

#include <optional>

namespace sluice {
namespace {

/// From so many rows on, segments that fetch them are faster than COPY even where the coordinator
/// has nothing else to do.
constexpr std::size_t enough_rows = 100'000;

SegmentRoute route_of(const config::Ingest& ingest, segments::Server* server) {
    if (ingest.load == config::Load::copy || server == nullptr) return {};
    const bool by_size = ingest.load == config::Load::by_size;
    return {.server = server,
            .pipeline = ingest.name,
            .least_rows = by_size ? enough_rows : 0,
            .unfetched = by_size ? SegmentRoute::Unfetched::copy : SegmentRoute::Unfetched::wait};
}

}  // namespace

MakeLoader make_loader(const config::Ingest& ingest, const Table& table, const RowMapper& mapper,
                       const std::string& schema, segments::Server* segments) {
    const SegmentRoute route = route_of(ingest, segments);
    const StagingWay way{ingest.on_invalid, route};
    std::optional<SqlTarget> sql;
    if (ingest.asks_sql()) sql = sql_target(ingest, table);
    if (ingest.mode == config::Mode::append && sql)
        return [=](Session& session) { return std::make_unique<SqlLoader>(session, *sql, way); };
    if (ingest.mode == config::Mode::append && route.server != nullptr)
        return segment_loader(
            {.table = table, .columns = mapper.columns(), .on_invalid = ingest.on_invalid}, route);
    if (ingest.mode == config::Mode::append)
        return copy_loader(table, mapper.columns(), ingest.on_invalid);
    return merge_loader({.table = table,
                         .columns = sql ? sql->columns : mapper.columns(),
                         .key = mapper.key(),
                         .order = ingest.order,
                         .mode = ingest.mode,
                         .schema = schema,
                         .sql = sql},
                        way);
}

MakeLoaderOf loaders_of(const std::shared_ptr<const Targets>& targets,
                        const std::shared_ptr<SchemaSource>& registry, const std::string& schema,
                        segments::Server* segments) {
    return [=](TargetId id) {
        const Targets::Target& target = (*targets)[id];
        const RowMapper mapper{target.ingest, target.table, registry};
        return make_loader(target.ingest, target.table, mapper, schema, segments);
    };
}

}  // namespace sluice
