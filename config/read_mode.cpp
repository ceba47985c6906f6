#include "config/sections.h"
#include "config/words.h"

#include <algorithm>

namespace sluice::config {
namespace {

constexpr std::string_view example_key = "[\"id\"]";

void read_key(TableReader& section, Ingest& ingest) {
    std::vector<std::string_view> mapped;
    for (const ColumnMapping& mapping : ingest.columns) mapped.push_back(mapping.column);
    for (const Text& column : section.texts("key", example_key)) {
        if (std::ranges::find(ingest.key, column.text) != ingest.key.end()) {
            section.problem(column.at,
                            "\"key\" names column " + column.shown + " twice; remove one");
        } else if (!mapped.empty() && std::ranges::find(mapped, column.text) == mapped.end()) {
            const std::string meant = suggestion(column.text, mapped);
            section.problem(column.at, "\"key\": no line of [ingest." + ingest.name +
                                           ".columns] fills column " + column.shown +
                                           (meant.empty() ? "; add one" : meant));
        }
        ingest.key.push_back(column.text);
    }
}

void read_delete_when(TableReader& section, Ingest& ingest) {
    const auto when = section.text("delete_when", "\"@tombstone\"");
    if (!when) return;
    if (when->text != "@tombstone") {
        section.problem(when->at, "\"delete_when\" must be \"@tombstone\", not " + when->shown +
                                      "; conditions on fields are not supported by this version");
        return;
    }
    ingest.delete_when = DeleteWhen::tombstone;
    if (!section.has("on_tombstone")) return;
    section.problem(section.at("on_tombstone"),
                    "\"on_tombstone\" has no meaning with delete_when = \"@tombstone\"; "
                    "remove one");
}

}  // namespace

void read_mode(TableReader& section, Ingest& ingest) {
    section.choice<Mode>(
        "mode", {{"append", Mode::append}, {"merge", Mode::merge}, {"update", Mode::update}},
        ingest.mode);
    section.not_yet("order",
                    "of a key's changes the last one in its partition wins; remove it, and let "
                    "the producer keep each key in one partition");
    read_key(section, ingest);
    read_delete_when(section, ingest);
    if (ingest.mode != Mode::append) return;
    for (const char* of_changes : {"key", "delete_when"}) {
        if (!section.has(of_changes)) continue;
        section.problem(section.at(of_changes),
                        in_quotes(of_changes) +
                            " has no meaning where rows are appended; add mode = \"merge\" or "
                            "remove it");
    }
}

}  // namespace sluice::config
