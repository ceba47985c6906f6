#include "sinks/load/make_loader.h"

#include "sinks/load/copy_loader.h"
#include "sinks/load/merge_loader.h"

namespace sluice {

MakeLoader make_loader(const config::Ingest& ingest, const Table& table, const RowMapper& mapper,
                       const std::string& schema) {
    if (ingest.mode == config::Mode::append)
        return copy_loader(table, mapper.columns(), ingest.on_invalid);
    return merge_loader({.table = table,
                         .columns = mapper.columns(),
                         .key = mapper.key(),
                         .order = ingest.order,
                         .mode = ingest.mode,
                         .schema = schema},
                        ingest.on_invalid);
}

}  // namespace sluice
