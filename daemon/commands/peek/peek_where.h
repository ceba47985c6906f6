#pragma once

#include "config/config.h"
#include "pipeline/decode/registry/schema_source.h"
#include "pipeline/record.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// What peek's --where asks of records: of their own (partition, offset, timestamp, key, value)
/// and, with the same grammar as `filter`, of the fields that they hold. Used by one thread.
class PeekWhere {
public:
    /// `ingest`: whose records they are; of a topic alone one with its defaults. Throws
    /// WrongConfiguration for what is no condition.
    PeekWhere(const std::string& text, const config::Ingest& ingest,
              std::shared_ptr<SchemaSource> registry);
    ~PeekWhere();
    PeekWhere(PeekWhere&&) noexcept;
    PeekWhere& operator=(PeekWhere&&) noexcept;

    /// Over query::record_fields(): what fulfils the whole fulfils this, which says nothing of
    /// other fields.
    [[nodiscard]] const config::Condition& of_records() const { return of_records_; }
    /// Whatever it names, their own and others.
    [[nodiscard]] const std::vector<config::Source>& asked() const { return asked_; }
    /// What cannot be read or compared so is not what was asked for.
    [[nodiscard]] bool matches(const Record& record);
    /// Of how many records nobody can tell, and why of the first; empty: of none.
    [[nodiscard]] std::string not_told() const;

private:
    struct Fields;

    config::Condition of_records_;
    std::vector<config::Source> asked_;
    std::unique_ptr<Fields> fields_;  ///< null: it asks for none
    std::int64_t not_told_ = 0;
    std::string first_not_told_;
};

}  // namespace sluice
