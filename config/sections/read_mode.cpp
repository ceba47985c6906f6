#include "config/column_source.h"
#include "config/sections/sections.h"
#include "config/text/words.h"

#include <algorithm>

namespace sluice::config {
namespace {

constexpr std::string_view example_key = "[\"id\"]";

/// Columns that changes are told by need a mapping, where there is any.
void refuse_unmapped(const TableReader& section, const Ingest& ingest, std::string_view key,
                     const Text& column) {
    if (std::ranges::find(ingest.computed, column.text, &SqlColumn::column) !=
        ingest.computed.end())
        return section.problem(column.at, in_quotes(key) + ": column " + column.shown +
                                              " is filled by SQL, which is judged behind what "
                                              "tells changes apart; map it to a field");
    std::vector<std::string_view> mapped;
    for (const ColumnMapping& mapping : ingest.columns) mapped.push_back(mapping.column);
    if (mapped.empty() || std::ranges::find(mapped, column.text) != mapped.end()) return;
    const std::string meant = suggestion(column.text, mapped);
    section.problem(column.at, in_quotes(key) + ": no line of " + section.within("columns") +
                                   " fills column " + column.shown +
                                   (meant.empty() ? "; add one" : meant));
}

void read_key(TableReader& section, Ingest& ingest) {
    for (const Text& column : section.texts("key", example_key)) {
        if (std::ranges::find(ingest.key, column.text) != ingest.key.end())
            section.problem(column.at,
                            "\"key\" names column " + column.shown + " twice; remove one");
        else
            refuse_unmapped(section, ingest, "key", column);
        ingest.key.push_back(column.text);
    }
}

void read_order(TableReader& section, Ingest& ingest) {
    const auto order = section.text("order", "\"updated_at\"");
    if (!order) return;
    ingest.order = order->text;
    refuse_unmapped(section, ingest, "order", *order);
}

/// `@value is null`, anywhere in it.
bool asks_for_tombstones(const Condition& condition, const std::vector<Source>& fields) {
    if (condition.kind == Condition::Kind::comparison)
        return condition.comparison.op == Operator::is_null &&
               fields[condition.comparison.field].kind == Source::Kind::value;
    return std::ranges::any_of(
        condition.parts, [&](const Condition& part) { return asks_for_tombstones(part, fields); });
}

void read_delete_when(TableReader& section, Ingest& ingest) {
    const auto when = section.text("delete_when", "\"@tombstone\" or \"deleted = true\"");
    if (!when) return;
    if (when->text != "@tombstone") {
        ingest.delete_when = DeleteWhen::condition;
        read_condition(section, "delete_when", *when, {ingest.format, ingest.envelope},
                       ingest.deletes);
        if (ingest.deletes &&
            asks_for_tombstones(ingest.deletes->condition, ingest.deletes->fields))
            section.problem(when->at,
                            "\"delete_when\": a record without a value is a tombstone, of which no "
                            "condition is asked; write delete_when = \"@tombstone\"");
        return;
    }
    ingest.delete_when = DeleteWhen::tombstone;
    if (!section.has("on_tombstone")) return;
    section.problem(section.at("on_tombstone"),
                    "\"on_tombstone\" has no meaning with delete_when = \"@tombstone\"; "
                    "remove one");
}

void read_on_truncate(TableReader& section, Ingest& ingest) {
    section.choice<OnTruncate>("on_truncate",
                               {{"reject", OnTruncate::reject},
                                {"ignore", OnTruncate::ignore},
                                {"apply", OnTruncate::apply}},
                               ingest.on_truncate);
    if (!section.has("on_truncate")) return;
    const auto problem = [&](const std::string& text) {
        section.problem(section.at("on_truncate"), "\"on_truncate\" " + text);
    };
    if (ingest.envelope == Envelope::none)
        return problem("is for change events; add envelope = \"debezium\" or remove it");
    if (ingest.on_truncate != OnTruncate::apply) return;
    if (ingest.mode == Mode::append)
        problem(
            "= \"apply\" is for tables that follow their topic; add mode = \"merge\" or "
            "choose \"ignore\" or \"reject\"");
    else if (!ingest.order.empty())
        problem("= \"apply\" has no place in the order of rows; remove one");
}

/// What an array's elements cannot be told for.
std::string why_not_exploded(const TableReader& section, const Ingest& ingest) {
    if (!names_fields(ingest.format)) return "needs a format whose fields have names";
    if (ingest.envelope != Envelope::none) return "cannot look into an envelope; remove one";
    if (ingest.mode != Mode::append) return "is for mode = \"append\"; remove one";
    if (ingest.on_extra == OnExtra::reject)
        return "cannot tell on_extra which fields of elements are too many; remove one";
    if (!section.has("columns"))
        return "needs " + section.within("columns") + ", such as sku = \"/items/sku\"";
    return "";
}

}  // namespace

void read_explode(TableReader& section, Ingest& ingest) {
    const auto path = section.text("explode", "\"/items\"");
    if (!path) return;
    const auto parsed = parse_source(path->text, Format::json);  // whose fields have names
    const auto* source = std::get_if<Source>(&parsed);
    std::string why = source == nullptr ? std::get<std::string>(parsed) : "";
    if (source != nullptr && (source->kind != Source::Kind::field || source->path.empty()))
        why = "must be a field with an array, such as \"/items\"";
    if (why.empty()) why = why_not_exploded(section, ingest);
    if (!why.empty()) return section.problem(path->at, "\"explode\" " + why);
    ingest.explode = *source;
}

void read_mode(TableReader& section, Ingest& ingest) {
    section.choice<Mode>(
        "mode", {{"append", Mode::append}, {"merge", Mode::merge}, {"update", Mode::update}},
        ingest.mode);
    read_key(section, ingest);
    read_order(section, ingest);
    read_delete_when(section, ingest);
    read_on_truncate(section, ingest);
    if (ingest.mode != Mode::append) return;
    for (const char* of_changes : {"key", "order", "delete_when"}) {
        if (!section.has(of_changes)) continue;
        section.problem(section.at(of_changes),
                        in_quotes(of_changes) +
                            " has no meaning where rows are appended; add mode = \"merge\" or "
                            "remove it");
    }
}

}  // namespace sluice::config
