#include "sinks/load/segments/segment_loader.h"

#include "pipeline/log.h"
#include "sinks/catalogue/catalogue.h"

#include <cstdint>
#include <utility>

namespace sluice {
SegmentLoader::SegmentLoader(Session& session, const Target& target, const SegmentRoute& route)
    : Loader(session),
      copy_(session, target.table, target.columns, target.on_invalid),
      route_(route),
      transfer_(session, route, {.relation = qualified(target.table), .columns = target.columns}) {}

void SegmentLoader::put(const TargetRows& rows, const TakenAway&, std::unique_ptr<PreparedRows>) {
    if (rows.size() == 0) return;
    if (takes_rows_ || !route_.is_for(rows.size()) || has_rules() || !transfer_.may_go(rows.size()))
        return copy_.load(rows);
    const std::int64_t inserted = transfer_.insert(rows.text);
    if (inserted == static_cast<std::int64_t>(rows.size())) return;
    // They were all read: it is the table that takes some for itself, as a trigger or a rule can,
    // and of COPY's nobody counts them.
    const std::string seen = "the table took " + std::to_string(inserted) + " of " +
                             std::to_string(rows.size()) + " rows from the segments";
    takes_rows_ = true;
    log(LogLevel::warn, route_.pipeline,
        target() + ": " + seen +
            ", as a trigger or a rule may have it; it is loaded by COPY from now on, so set "
            "load = \"copy\"");
    throw SegmentsClosed({"08006", seen, {}});
}

/// Asked in each batch: one by COPY and the next by INSERT would go to different places.
bool SegmentLoader::has_rules() {
    const Rows rules = session_.exec_prepared("insert_rules",
                                              "SELECT rulename FROM pg_rewrite"
                                              " WHERE ev_class = $1::regclass AND ev_type = '3'"
                                              " AND ev_enabled <> 'D' ORDER BY 1 LIMIT 1",
                                              {qualified(copy_.expects().table)});
    if (rules.rows.empty()) return has_had_rules_ = false;
    if (!std::exchange(has_had_rules_, true))
        log(LogLevel::warn, route_.pipeline,
            target() + ": has a rule for INSERT, \"" + rules.text(0, 0) +
                "\", which COPY does not obey; it is loaded by COPY, so set load = \"copy\"");
    return true;
}

std::vector<Reject> SegmentLoader::separate(const TargetRows& rows, Alike alike, const TakenAway&) {
    return copy_.isolate(rows, alike);
}

MakeLoader segment_loader(const SegmentLoader::Target& target, const SegmentRoute& route) {
    return
        [=](Session& session) { return std::make_unique<SegmentLoader>(session, target, route); };
}

}  // namespace sluice
