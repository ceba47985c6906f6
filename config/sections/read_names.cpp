#include "config/sections/read_names.h"

#include "config/text/names.h"
#include "config/text/words.h"

namespace sluice::config {

void check_pipeline_name(const TableReader& section, const std::string& name, Place at) {
    if (is_pipeline_name(name)) return;
    section.problem(at, "a pipeline cannot be called " + in_quotes(name) +
                            "; use up to 63 letters, digits, \"_\" and \"-\"");
}

bool check_topic_name(const TableReader& section, std::string_view key, const Text& topic) {
    if (is_topic_name(topic.text)) return true;
    section.problem(topic.at, in_quotes(key) + ": " + topic.shown +
                                  " is not a name that Kafka takes; use up to 249 letters, "
                                  "digits, \".\", \"_\" and \"-\"");
    return false;
}

void read_table_name(TableReader& section, std::string_view example, std::string_view unusual,
                     std::string& target) {
    const auto table = section.required_text("table", example);
    if (!table) return;
    target = table->text;
    if (is_table_name(table->text)) return;
    section.problem(table->at, "\"table\": " + table->shown +
                                   " is not a table's name; write table or schema.table, unusual "
                                   "parts in double quotes: '" +
                                   std::string(unusual) + "'");
}

}  // namespace sluice::config
