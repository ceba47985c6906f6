#pragma once

#include "config/pipeline.h"
#include "daemon/supervisor/sparing_subjects.h"
#include "pipeline/mapping/schema_growth.h"
#include "pipeline/mapping/targets.h"
#include "pipeline/outside_wait.h"
#include "registry/registry_client.h"
#include "schemas/row_fields.h"
#include "sinks/books/identity.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/catalogue/finding.h"
#include "sinks/session/session.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// Finds the tables that each topic of a pipeline goes to, and tries whether the mapping fits them;
/// where they follow their records' schemas, makes them and adds columns first. From the pipeline's
/// control thread and, of SchemaGrowth, its lanes: one of them at a time asks the database.
class TopicTargets : public SchemaGrowth {
public:
    /// `registry`: null where none is configured. `wait` is told that a search goes on.
    TopicTargets(const config::Pipeline& pipeline, PipelineIdentity identity,
                 const std::shared_ptr<registry::StoppableRegistry>& registry,
                 const std::shared_ptr<OutsideWait>& wait);

    /// IngestParts::find_targets.
    [[nodiscard]] std::map<std::string, std::string> find(const std::vector<std::string>& topics);
    [[nodiscard]] const std::shared_ptr<Targets>& targets() const { return targets_; }

    [[nodiscard]] bool wants_column(const Targets::Target& target,
                                    const schemas::RowFields& fields) override;
    [[nodiscard]] std::string grow(const std::string& topic, TargetId target,
                                   const schemas::RowFields& fields) override;

private:
    // All with mutex_ held.
    /// What is looked for once more need not be what the session was begun with: its time zone.
    void begin_anew_for(const std::vector<std::string>& topics);
    [[nodiscard]] TablesByName read_together(const std::vector<std::string>& topics);
    /// `known`: tables that were just read. Why its targets take no rows; empty: they do.
    [[nodiscard]] std::string look_for(const std::string& topic, const TablesByName& known);
    void read_targets_of(const std::string& topic, const TablesByName& known);
    void grow_targets_of(const std::string& topic);
    void create(const config::Ingest& target, const std::string& topic);
    void refuse_where_rows_were(const config::Ingest& target);
    void add_columns(const config::Ingest& target, const schemas::RowFields& rows);
    void say(const std::vector<Finding>& findings);

    const config::Ingest ingest_;
    const PipelineIdentity identity_;
    const std::shared_ptr<SchemaSource> registry_;
    const std::shared_ptr<Targets> targets_ = std::make_shared<Targets>();

    std::mutex mutex_;  // guards what follows
    std::optional<SparingSubjects> subjects_;
    Session session_;
    /// What records of a topic have asked for, by their target's table, until it has it.
    std::map<std::pair<std::string, std::string>, std::vector<schemas::RowFields>> demanded_;

    std::mutex told_mutex_;  // guards told_; taken alone, or last
    std::set<std::string> told_;
};

}  // namespace sluice
