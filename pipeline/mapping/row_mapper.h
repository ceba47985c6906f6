#pragma once

#include "config/config.h"
#include "pipeline/batch.h"
#include "pipeline/decode/registry/schema_source.h"
#include "pipeline/table.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::schemas {
struct RowFields;
}

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

    /// What the rows of one record's elements may take: this, as batch.bytes counts, or so many
    /// times the record's own bytes. batch.bytes, until somebody says otherwise.
    void set_most_bytes(std::size_t most);
    static constexpr std::size_t times_the_record = 16;

    /// Appends a row, or those of its elements, for the record at `index` of the batch's log, to
    /// those of this target; or tells why it has none. Leaves the slices alone: counting is the
    /// caller's.
    ///
    /// Throws TroubleOfTheWorld while the record's schema cannot be had, and WrongConfiguration
    /// where it is one that the registry does not know and that is to stop: nothing is appended.
    Outcome map(RecordLog::Index index, Batch& batch, std::size_t target, Rejection& why);
    /// The same of the only target, where a record that has no row is a reject of the batch.
    Outcome map(RecordLog::Index index, Batch& batch);
    /// Of the latest record, Decoder::fields_by_schema(); only of formats that have fields.
    [[nodiscard]] const std::shared_ptr<const schemas::RowFields>& fields_by_schema() const;
    /// RecordReader::kept_out().
    [[nodiscard]] bool kept_out() const;
    /// What the last map() that appended a row put into the last one, by column, as text that the
    /// database's input function takes; bytes as bytea's own text.
    [[nodiscard]] std::vector<std::optional<std::string>> values_as_text() const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace sluice
