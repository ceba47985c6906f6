#pragma once

#include "tests/bench/stage.h"

#include <cstdint>
#include <string>

/// A table of 7 columns with table_rows() rows, and changes of it.
namespace sluice::bench {

constexpr std::int64_t hot_keys = 1000;
constexpr const char* changed_columns =
    "id bigint, customer text, birthday date, ordered_at timestamp, amount numeric(10,2), "
    "city text, note text";

/// Every other record is an update of a row that is there, the others are new rows; their order is
/// not the table's. No key comes twice while there are at most twice as many changes as rows.
void append_change(std::int64_t i, std::string& to);
/// The same as a line for COPY.
void append_change_line(std::int64_t i, std::string& to);
/// Changes of `hot_keys` rows only.
void append_hot_change(std::int64_t i, std::string& to);
/// What tells change `i` from the row that it found: a condition, with the key.
[[nodiscard]] std::string is_changed(std::int64_t i);

/// The table "base", for fresh_target().
void fill_base(Stage& stage);
/// A table of this name as `base`, with a primary key, vacuumed.
void fresh_target(Stage& stage, const std::string& table);

}  // namespace sluice::bench
