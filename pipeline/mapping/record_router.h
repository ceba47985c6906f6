#pragma once

#include "pipeline/mapping/row_mapper.h"
#include "pipeline/mapping/schema_growth.h"
#include "pipeline/mapping/targets.h"

#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace sluice {

/// Which targets a record goes to, and its rows there: those of its topic that do not filter it, or
/// the only one that the pipeline has. All of them have its rows, or it is one reject. One per
/// lane, used by its thread only.
class RecordRouter {
public:
    /// All records go to target 0.
    RecordRouter(RowMapper mapper);
    /// Each goes to those of its topic, which are known before its first record comes. A target's
    /// mapper is made with the first record that may go there. `registry`: null where none is
    /// configured.
    /// `growth`: null where no table follows the schemas of its records.
    RecordRouter(std::shared_ptr<const Targets> targets, std::shared_ptr<SchemaSource> registry,
                 std::shared_ptr<SchemaGrowth> growth = nullptr);

    /// RowMapper::set_most_bytes(), of all of them.
    void set_most_bytes(std::size_t most);

    /// Appends the record's rows to those of its targets in the batch, or a reject. Leaves the
    /// slices alone. Throws what RowMapper::map() throws; and FieldsWithoutColumn, before anything
    /// is appended or rejected, where grow() is to be called first.
    RowMapper::Outcome map(RecordLog::Index index, Batch& batch);
    /// SchemaGrowth::grow().
    [[nodiscard]] std::string grow(const FieldsWithoutColumn& lacking) {
        return growth_->grow(lacking.topic, lacking.target, *lacking.fields);
    }

    /// Of a target that has got rows by map().
    [[nodiscard]] const RowMapper& mapper(TargetId target) const { return *mappers_[target]; }

private:
    [[nodiscard]] const std::vector<TargetId>& targets_of(const TopicPartition& from);
    RowMapper& mapper_of(TargetId target);
    void demand_columns(TargetId target, RecordLog::Index index, const Batch& batch);
    RowMapper::Outcome map_to(const std::vector<TargetId>& targets, RecordLog::Index index,
                              Batch& batch, Rejection& why);

    std::shared_ptr<const Targets> targets_;  // null: there is one
    std::shared_ptr<SchemaSource> registry_;
    std::shared_ptr<SchemaGrowth> growth_;
    std::vector<std::optional<RowMapper>> mappers_;  // by target
    std::optional<std::size_t> most_bytes_;          // nullopt: as the mappers have it
    /// By target, of which schemas' fields its table has all that it is to have.
    struct Covered {
        std::shared_ptr<const schemas::RowFields> latest;  ///< records of one follow each other
        std::set<std::shared_ptr<const schemas::RowFields>> all;
    };
    std::vector<Covered> covered_;
    std::vector<std::vector<TargetId>>
        of_partition_;  // by id, as of version_; empty: not asked for
    std::size_t version_ = 0;
    std::vector<std::pair<TargetId, TargetRows::Extent>> before_;  // of the record at hand
};

}  // namespace sluice
