#include "config/sections/sections.h"
#include "config/text/words.h"

#include <algorithm>

namespace sluice::config {
namespace {

/// Which names such an option can have: "compresstype", "toast.autovacuum_enabled".
bool is_option_name(std::string_view name) {
    return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") ==
                                std::string_view::npos;
}

std::optional<std::string> text_of(const Node& node) {
    if (const auto* text = std::get_if<std::string>(&node.value)) return *text;
    if (const auto* number = std::get_if<std::int64_t>(&node.value)) return std::to_string(*number);
    if (const auto* truth = std::get_if<bool>(&node.value)) return *truth ? "true" : "false";
    return std::nullopt;
}

void read_storage(TableReader& section, Ingest& target) {
    auto table = section.table("storage", "storage = { appendoptimized = true }");
    if (!table) return;
    if (table->notes_shapes()) return static_cast<void>(table->any_key(Shape::Kind::anything));
    target.storage.clear();
    for (const Entry& entry : table->content().entries) {
        table->take(entry.key);
        const auto value = text_of(entry.value);
        if (!is_option_name(entry.key) || !value)
            table->problem(entry.at, in_quotes(entry.key) +
                                         " is no storage option; write such as appendoptimized = "
                                         "true or fillfactor = 70");
        else
            target.storage.emplace_back(entry.key, *value);
    }
    table->finish();
}

/// Whether schemas say what the fields of such records are.
bool has_types(const Ingest& target) {
    if (target.format != Format::json)
        return target.format == Format::avro || target.format == Format::protobuf;
    // Events bring their schema along.
    const bool in_registry = target.schema.from == Schema::From::registry;
    return in_registry != (target.envelope != Envelope::none);
}

/// Of what is written in the section itself, or else of what it has from the pipeline.
void refuse(const TableReader& section, std::string_view key, const std::string& why) {
    section.problem(section.at(key), why);
}

}  // namespace

void read_growth(TableReader& section, Ingest& target) {
    section.truth("create", target.create);
    read_storage(section, target);
}

void check_growth(const TableReader& section, const Ingest& target) {
    if (!target.create && !target.storage.empty() && section.has("storage"))
        refuse(section, "storage",
               "\"storage\" is of a table that create = true makes; add that or remove it");
    const bool adds = target.on_extra == OnExtra::add_column;
    if (!target.grows()) return;
    const std::string_view key = adds ? "on_extra" : "create";
    const std::string shown = adds ? "on_extra = \"add_column\"" : "create = true";
    if (!has_types(target))
        return refuse(section, key,
                      shown +
                          " needs schemas that say what fields are: Avro, Protobuf, JSON with "
                          "schema = \"registry\", or change events of envelope = \"debezium\"");
    if (adds && !target.implies_columns())
        return refuse(section, key,
                      shown + " fills columns by the names of fields, and " +
                          section.within("columns") +
                          " says which columns there are; remove one of the two");
    if (target.create && target.schema.from == Schema::From::none)
        return refuse(section, "create",
                      "create = true needs the schema before the first record is read, and events "
                      "in JSON bring theirs along; create the table yourself");
    if (target.create && !target.computed.empty())
        return refuse(section, "create",
                      "create = true cannot tell the types of columns that SQL fills; create the "
                      "table yourself: sluice plan --ddl prints the rest");
    if (target.create && target.explode)
        refuse(section, "create",
               "create = true cannot tell the types of what the elements of an array hold; create "
               "the table yourself");
}

}  // namespace sluice::config
