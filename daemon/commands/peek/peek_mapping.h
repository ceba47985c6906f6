#pragma once

#include "config/config.h"
#include "daemon/commands/peek/peek_output.h"
#include "daemon/commands/terminal/shown_rows.h"
#include "pipeline/batch.h"
#include "pipeline/mapping/record_router.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// What a pipeline would make of records, one at a time: of all of its topics, or of one that has
/// targets of its own.
class PeekMapping {
public:
    /// `topic`: whose targets; nullopt: the pipeline has one for all. Asks the database for its
    /// tables. Throws DatabaseError, WrongConfiguration.
    PeekMapping(const config::Config& config, const config::Ingest& ingest,
                const std::optional<std::string>& topic,
                const std::shared_ptr<SchemaSource>& registry);

    /// Of one target.
    [[nodiscard]] std::vector<std::string> columns() const;
    [[nodiscard]] bool has_several_tables() const { return several_; }
    /// What there is to say of all rows that were shown.
    [[nodiscard]] std::string notes() const;

    void show(const Record& record, PeekOutput& output);

private:
    void show(RowMapper::Outcome outcome, const Record& record, PeekOutput& output);
    void show_row(const Record& record, TargetId target, PeekOutput& output);
    void add(const Targets::Target& target, const std::shared_ptr<SchemaSource>& registry);

    const bool several_;
    std::optional<RecordRouter> router_;
    std::vector<ShownRows> shown_;  // by target, as the next two
    std::vector<std::string> names_;
    std::vector<std::vector<std::string>> columns_;
    Batch batch_;
};

}  // namespace sluice
