#pragma once

#include <string>
#include <string_view>

/// What names of the outside world look like.
namespace sluice::config {

[[nodiscard]] bool is_pipeline_name(std::string_view name);
/// What Kafka takes for a topic's name.
[[nodiscard]] bool is_topic_name(std::string_view name);
[[nodiscard]] bool has_control_character(std::string_view text);
/// "table" or "schema.table", parts plain or in double quotes.
[[nodiscard]] bool is_table_name(std::string_view text);
/// The name of a table as the catalogue has it: Users and "users" are users. With the schema in
/// front if it is named; which one is meant without, the database knows.
[[nodiscard]] std::string folded_table_name(std::string_view text);

}  // namespace sluice::config
