#pragma once

#include "config/condition/filter.h"
#include "config/toml/reader.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The larger sections of the file; load.cpp reads the rest.
namespace sluice::config {

[[nodiscard]] Admin read_admin(TableReader section);
[[nodiscard]] Kafka read_kafka(TableReader section, const Scope& scope);
[[nodiscard]] Registry read_registry(TableReader section, const Scope& scope);
[[nodiscard]] Segments read_segments(TableReader section, const Scope& scope);
/// [ingest.NAME]; `name_at` is where NAME stands.
[[nodiscard]] Ingest read_ingest(TableReader section, const std::string& name, Place name_at,
                                 const Scope& scope);
/// Which topics it reads, its `topic`: a name, a list of them, or an expression.
void read_topics(TableReader& section, Topics& target);
/// Where its records go, a table or several targets, behind all that these depend on.
void read_targets(TableReader& section, std::optional<Format> format, const Scope& scope,
                  Ingest& ingest);
/// What becomes of records that do not fit: of a target, or of all that do not say it themselves.
void read_reactions_to_rows(TableReader& section, std::optional<Format> format, Ingest& target);
/// Whether its table follows the schemas of its records, beside on_extra.
void read_growth(TableReader& section, Ingest& target);
/// Whether it can, behind all else of its rows.
void check_growth(const TableReader& section, const Ingest& target);
/// Its `table`, behind its topics, which it may depend on.
void read_target_table(TableReader& section, Ingest& ingest);
/// What of it says how records change the table, behind its columns.
void read_mode(TableReader& section, Ingest& ingest);
/// Which array's elements become rows, behind its mode.
void read_explode(TableReader& section, Ingest& ingest);
/// [outbox.NAME]
[[nodiscard]] Outbox read_outbox(TableReader section, const std::string& name, Place name_at,
                                 const Scope& scope);
/// A condition that is the text of `key`.
void read_condition(TableReader& section, std::string_view key, const Text& text, RecordShape shape,
                    std::optional<Filter>& target);
/// [ingest.NAME.columns] of a pipeline with such records.
void read_columns(const TableReader& section, RecordShape shape, const Scope& scope,
                  Ingest& ingest);
/// [ingest.NAME.fields], behind the columns and `where`.
void read_fields(const TableReader& section, RecordShape shape, const Scope& scope, Ingest& ingest);

}  // namespace sluice::config
