#pragma once

#include "pipeline/batch.h"
#include "pipeline/mapping/preparer.h"

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice {

/// Judges the values of a row, as on_missing and on_invalid say, and appends it to those of its
/// target. One per mapper, used by its thread only; `columns` outlive it.
class RowEncoder {
public:
    RowEncoder(const config::Ingest& ingest, std::span<const ColumnPlan> columns,
               bool session_is_utc);

    /// Whether every column has a binary form; else all rows go as text.
    [[nodiscard]] bool is_binary() const { return binary_; }
    /// `values`, by column, become what the row holds, valid until the next call. Of a row that is
    /// to be removed only the key is looked at. False: nothing was appended, and `why` has a reason
    /// for every column that is wrong, behind those that it had.
    [[nodiscard]] bool encode(RecordLog::Index index, std::span<Value> values, Change change,
                              TargetRows& rows, Rejection& why);

private:
    /// Of a table whose rows have a key.
    Verdict encode_column(std::size_t column, Value& value, Change change);
    Verdict encode_value(const ColumnPlan& plan, Value& value);
    Verdict take_key(const ColumnPlan& plan, Verdict verdict, std::string_view field);
    Verdict take_order(const ColumnPlan& plan, Verdict verdict, std::string_view field);
    Verdict append_comparable(std::string& to, const ColumnPlan& plan, Verdict verdict,
                              std::string_view field, const std::string& what);
    void refuse_unjudgeable(Rejection& why) const;
    [[nodiscard]] std::uint16_t kept_set(TargetRows& rows, Rejection& why);
    Verdict append_null(const ColumnPlan& plan);
    Verdict invalid(const ColumnPlan& plan, Value& value);
    [[nodiscard]] std::string complaint(const Value& value) const;

    const std::span<const ColumnPlan> columns_;
    const config::OnMissing on_missing_;
    const config::OnInvalid on_invalid_;
    const bool binary_;
    const bool has_key_;
    /// What SQL there is, and which columns and fields it reads.
    struct Expression {
        std::string column;  ///< empty: `where`
        std::vector<std::size_t> reads;
    };
    std::vector<Expression> expressions_;
    Preparer preparer_;
    Encoding encoding_;
    RowBuffer row_;           // in binary, be it only to judge its values
    std::string key_;         // of the row that is encoded
    std::string order_;       // its place in the order; empty: there is none
    std::vector<bool> kept_;  // its columns of which the change says nothing; empty: none
    /// Where in TargetRows::kept each may be.
    std::unordered_map<std::vector<bool>, std::size_t> kept_sets_;
};

}  // namespace sluice
