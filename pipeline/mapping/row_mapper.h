#pragma once

#include "config/config.h"
#include "pipeline/decode/schema_source.h"
#include "pipeline/ingest/batch.h"
#include "pipeline/mapping/table.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

enum class CopyForm { binary, text };

/// Turns records into rows of one table, as one [ingest.NAME] says: finds the columns' values
/// (RecordReader), judges and encodes them (RowEncoder). One per lane, used by its thread only.
class RowMapper {
public:
    /// What became of a record.
    enum class Outcome { row, filtered, rejected };

    /// Throws WrongConfiguration when the mapping and the table do not fit; the text lists all of
    /// it. `registry`: null where none is configured.
    RowMapper(const config::Ingest& ingest, const Table& table,
              const std::shared_ptr<SchemaSource>& registry = nullptr);
    ~RowMapper();
    RowMapper(RowMapper&&) noexcept;
    RowMapper& operator=(RowMapper&&) = delete;

    /// What rows hold, in the order of the encoded values: columns of the table, then fields that
    /// SQL reads.
    [[nodiscard]] const std::vector<std::string>& columns() const;
    /// Those that tell rows apart; empty: each record adds a row.
    [[nodiscard]] const std::vector<std::string>& key() const;
    /// binary: rows go to TargetRows::binary, unless only the database can judge one of its values;
    /// those go to TargetRows::text. text: all rows go there.
    [[nodiscard]] CopyForm form() const;

    /// Appends a row, those of its elements, or a reject to the batch for the record at `index` of
    /// its log. Leaves the
    /// slices alone: counting is the caller's.
    ///
    /// Throws TroubleOfTheWorld while the record's schema cannot be had, and WrongConfiguration
    /// where it is one that the registry does not know and that is to stop: nothing is appended.
    Outcome map(RecordLog::Index index, Batch& batch);
    /// What the last map() that appended a row put into the last one, by column, as text that the
    /// database's input function takes; bytes as bytea's own text.
    [[nodiscard]] std::vector<std::optional<std::string>> values_as_text() const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace sluice
