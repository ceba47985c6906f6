#include "config/sections/read_names.h"
#include "config/sections/sections.h"
#include "config/table_pattern.h"

#include <algorithm>

namespace sluice::config {
namespace {

constexpr std::string_view example_list = "[\"orders\", \"returns\"]";
constexpr std::string_view example_regex = "'shop\\..+'";

void read_topic_list(TableReader& section, Topics& target) {
    for (const Text& topic : section.texts("topic", example_list)) {
        if (!check_topic_name(section, "topic", topic)) continue;
        if (std::ranges::find(target.names, topic.text) != target.names.end()) {
            section.problem(topic.at, "\"topic\" names " + topic.shown + " twice; remove one");
        } else {
            target.names.push_back(topic.text);
        }
    }
    std::ranges::sort(target.names);
}

void read_topic_regex(TableReader& section, Topics& target) {
    auto table = section.table("topic", "topic = { regex = 'shop\\..+' }");
    if (!table) return;
    if (const auto regex = table->required_text("regex", example_regex)) {
        const std::string wrong = wrong_with_topic_regex(regex->text);
        if (wrong.empty()) target.regex = regex->text;
        if (!wrong.empty()) table->problem(regex->at, "\"regex\" " + wrong);
    }
    table->finish();
}

}  // namespace

void read_topics(TableReader& section, Topics& target) {
    section.may_be("topic", Shape::Kind::texts);
    if (section.notes_shapes()) read_topic_regex(section, target);
    const Entry* const entry = section.take("topic");
    if (entry != nullptr && std::holds_alternative<TomlArray>(entry->value.value))
        return read_topic_list(section, target);
    const bool is_table = entry != nullptr && std::holds_alternative<TomlTable>(entry->value.value);
    if (is_table && !is_reference(entry->value)) return read_topic_regex(section, target);
    const auto topic = section.required_text("topic", "\"orders\"");
    if (!topic) return;
    target = topic->text;
    check_topic_name(section, "topic", *topic);
}

void read_target_table(TableReader& section, Ingest& ingest) {
    const Entry* const entry = section.take("table");
    const auto* written =
        entry == nullptr ? nullptr : std::get_if<std::string>(&entry->value.value);
    if (written == nullptr || written->find('{') == std::string::npos)
        return read_table_name(section, "\"public.orders\"", "public.\"Order Items\"",
                               ingest.table);
    // Which groups there are is not known of an expression that is none.
    constexpr std::size_t any = 99;
    const bool known = !ingest.topic.names.empty() || !ingest.topic.regex.empty();
    auto parsed = TablePattern::parse(*written, known ? TopicMatcher(ingest.topic).groups() : any);
    if (const auto* wrong = std::get_if<std::string>(&parsed))
        return section.problem(entry->value.at, "\"table\": " + in_quotes(*written) + " " + *wrong);
    const auto& pattern = std::get<TablePattern>(parsed);
    ingest.table = *written;
    const std::string* const only = ingest.topic.only();
    ingest.tables_by_topic = only == nullptr && !pattern.is_constant();
    if (ingest.tables_by_topic) return;
    // Of one topic it is as if the name had been written down.
    const auto name = pattern.name({only != nullptr ? *only : ""}, {});
    if (const auto* const none = std::get_if<TablePattern::NoName>(&name))
        return section.problem(entry->value.at,
                               "\"table\": " + in_quotes(*written) + ": " + none->why);
    ingest.table = std::get<std::string>(name);
}

}  // namespace sluice::config
