#include "sinks/catalogue/check_renamed.h"

#include "config/text/words.h"
#include "sinks/schema/schema.h"
#include "sinks/session/sql_text.h"

#include <algorithm>

namespace sluice {

std::vector<Finding> check_renamed(Session& session, const config::Ingest& ingest,
                                   const std::vector<config::Ingest>& all,
                                   const std::string& schema) {
    if (!has_own_table(session, schema, "anchor")) return {};
    const std::string anchor = quote_identifier(schema) + ".anchor";
    const std::string progress = quote_identifier(schema) + ".progress";
    if (session
            .exec("SELECT has_table_privilege($1, 'SELECT') AND has_table_privilege($2, 'SELECT')",
                  {anchor, progress})
            .text(0, 0) != "t")
        return {};
    const Rows others =
        session.exec("SELECT pipeline, sum(next_offset - anchor_offset), topic FROM " + progress +
                         " WHERE NOT EXISTS (SELECT 1 FROM " + anchor +
                         " mine WHERE mine.pipeline = $1) GROUP BY pipeline, topic"
                         " ORDER BY pipeline, topic",
                     {ingest.name});
    const config::TopicMatcher matcher(ingest.topic);
    std::vector<Finding> findings;
    for (std::size_t row = 0; row < others.rows.size(); ++row) {
        const std::string other = others.text(row, 0);
        if (!matcher.matches(others.text(row, 2))) continue;
        if (std::ranges::find(all, other, &config::Ingest::name) != all.end()) continue;
        findings.push_back(
            {Finding::Severity::warning, "ingest." + ingest.name,
             "it has no progress and will begin at its start, while a pipeline " +
                 config::in_quotes(other) + ", which is not configured here, has loaded " +
                 others.text(row, 1) + " offsets of topic " +
                 config::in_quotes(others.text(row, 2)),
             "if this is that one under another name, give it its name back: progress goes by the "
             "name, and all would be loaded again"});
    }
    return findings;
}

}  // namespace sluice
