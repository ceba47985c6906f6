#include "config/column_source.h"
#include "config/sections/sections.h"
#include "config/table_choice.h"
#include "config/text/names.h"
#include "config/text/sql_names.h"
#include "config/text/words.h"

#include <algorithm>
#include <utility>

namespace sluice::config {
namespace {

/// What belongs to a table and its rows, and to no pipeline of several.
constexpr std::string_view of_rows[] = {"table", "tables",  "filter",      "columns",
                                        "where", "fields",  "mode",        "key",
                                        "order", "explode", "delete_when", "on_truncate"};

/// What of a pipeline, or of one of its targets, makes rows of records.
void read_rows(TableReader& section, std::optional<Format> format, const Scope& scope,
               Ingest& target) {
    if (const auto filter = section.text("filter", "\"@headers/region = 'eu' and amount > 10\""))
        read_condition(section, "filter", *filter, {target.format, target.envelope}, target.filter);
    if (auto columns = section.table("columns", "columns = { id = \"id\" }")) {
        if (format) read_columns(*columns, {*format, target.envelope}, scope, target);
    }
    if (auto where = section.text("where", "\"balance is not null\"")) {
        if (const std::string wrong = wrong_with_sql(where->text); !wrong.empty())
            section.problem(where->at, "\"where\": " + wrong);
        target.where = std::move(where->text);
    }
    if (auto fields = section.table("fields", "fields = { price = \"price\" }")) {
        if (format) read_fields(*fields, {*format, target.envelope}, scope, target);
    }
    read_mode(section, target);
    read_explode(section, target);
    if (format) check_growth(section, target);
}

void read_on_unrouted(TableReader& section, Ingest& ingest) {
    // A record that names a table that it may not name went astray.
    if (section.has("tables")) ingest.on_unrouted = OnUnrouted::reject;
    section.choice<OnUnrouted>("on_unrouted",
                               {{"filter", OnUnrouted::filter}, {"reject", OnUnrouted::reject}},
                               ingest.on_unrouted);
    if (section.has("on_unrouted") && !section.has("into") && !section.has("tables"))
        section.problem(section.at("on_unrouted"),
                        "\"on_unrouted\" is of several targets; add [[ingest." + ingest.name +
                            ".into]] or remove it");
}

/// Both have to be true.
std::optional<Filter> both(const std::optional<Filter>& filter, Filter other, RecordShape shape) {
    if (!filter) return other;
    auto parsed = parse_filter("(" + other.text + ") and (" + filter->text + ")", shape);
    return std::get<Filter>(std::move(parsed));
}

/// One target for each of the tables that records may name, alike in all else.
void read_tables(TableReader& section, std::optional<Format> format, const Scope& scope,
                 Ingest& ingest) {
    const auto table = section.required_text("table", "\"public.{@headers/type}\"");
    const auto tables = section.texts("tables", "[\"public.clicks\", \"public.orders\"]");
    Ingest target = ingest;
    read_rows(section, format, scope, target);
    if (!table || !format) return;
    const RecordShape shape{*format, ingest.envelope};
    const auto parsed = TableChoice::parse(table->text, shape);
    if (const auto* wrong = std::get_if<std::string>(&parsed))
        return section.problem(table->at, "\"table\": " + table->shown + " " + *wrong);
    for (const Text& each : tables) {
        auto filter = std::get<TableChoice>(parsed).filter_of(each.text, shape);
        const auto* wrong = std::get_if<std::string>(&filter);
        const bool is_known =
            std::ranges::find(ingest.into, each.text, &Ingest::table) != ingest.into.end();
        if (wrong != nullptr || !is_table_name(each.text) || is_known) {
            section.problem(
                each.at,
                "\"tables\": " + (is_known           ? each.shown + " is there twice"
                                  : wrong != nullptr ? *wrong
                                                     : each.shown + " is not a table's name"));
            continue;
        }
        Ingest& one = ingest.into.emplace_back(target);
        one.table = each.text;
        one.choice = std::get<Filter>(std::move(filter));
        one.filter = both(target.filter, *one.choice, shape);
    }
}

void read_into(TableReader& section, std::optional<Format> format, const Scope& scope,
               Ingest& ingest) {
    const std::string header = "[" + section.within("into") + "]";
    for (const std::string_view key : of_rows)
        if (const Entry* const entry = section.take(key))
            section.problem(entry->at, in_quotes(key) + " is of one target, and there are " +
                                           header + "; move it there");
    const Ingest of_all = ingest;
    for (TableReader& one : section.tables("into", header + " with table = \"public.clicks\"")) {
        Ingest target = of_all;
        read_target_table(one, target);
        read_reactions_to_rows(one, format, target);
        read_rows(one, format, scope, target);
        one.finish();
        ingest.into.push_back(std::move(target));
    }
}

/// Folded apart, their changes would have no order. What only the database knows to be one table,
/// with its schema and without, read_targets() refuses.
void refuse_shared_tables(const TableReader& section, const Ingest& ingest) {
    for (auto target = ingest.into.begin(); target != ingest.into.end(); ++target)
        for (auto other = ingest.into.begin(); other != target; ++other)
            if (!target->table.empty() &&
                folded_table_name(target->table) == folded_table_name(other->table) &&
                (target->mode != Mode::append || other->mode != Mode::append))
                return section.problem(
                    section.at("into"),
                    "two targets are table " + target->table +
                        ", and changes that reach it by two have no order; make one of them, or "
                        "append rows in both");
}

}  // namespace

void read_reactions_to_rows(TableReader& section, std::optional<Format> format, Ingest& target) {
    section.choice<OnMissing>("on_missing",
                              {{"null", OnMissing::null}, {"reject", OnMissing::reject}},
                              target.on_missing);
    section.choice<OnEmpty>("on_empty", {{"reject", OnEmpty::reject}, {"load", OnEmpty::load}},
                            target.on_empty);
    section.choice<OnExtra>("on_extra",
                            {{"ignore", OnExtra::ignore},
                             {"reject", OnExtra::reject},
                             {"add_column", OnExtra::add_column}},
                            target.on_extra);
    read_growth(section, target);
    section.choice<OnInvalid>("on_invalid",
                              {{"reject", OnInvalid::reject}, {"null", OnInvalid::null}},
                              target.on_invalid);
    section.choice<OnTombstone>("on_tombstone",
                                {{"filter", OnTombstone::filter}, {"reject", OnTombstone::reject}},
                                target.on_tombstone);
    if (target.envelope != Envelope::none && section.has("on_extra") &&
        target.on_extra == OnExtra::reject)
        section.problem(
            section.at("on_extra"),
            "on_extra = \"reject\" cannot be told of rows within an envelope; remove it");
    if (!format || names_fields(*format) || *format == Format::csv) return;
    // What could have no effect is a mistake, not something to pass over.
    for (const Entry& entry : section.content().entries) {
        const bool of_fields = entry.key == "on_extra" || entry.key == "on_empty";
        if (entry.key != "on_tombstone" && !of_fields) continue;
        section.problem(entry.at,
                        in_quotes(entry.key) +
                            " has no meaning for format = " + in_quotes(name_of(*format)) +
                            (of_fields ? ", whose records have no fields; remove it"
                                       : ", where a NULL value is loaded as NULL; remove it"));
    }
}

void read_targets(TableReader& section, std::optional<Format> format, const Scope& scope,
                  Ingest& ingest) {
    read_on_unrouted(section, ingest);
    if (section.has("into") || section.notes_shapes()) {
        read_into(section, format, scope, ingest);
        refuse_shared_tables(section, ingest);
        if (!section.notes_shapes()) return;
        section.may_be("table", Shape::Kind::text);
        static_cast<void>(section.texts("tables", "[\"public.clicks\"]"));
    } else if (section.has("tables")) {
        section.take("into");
        return read_tables(section, format, scope, ingest);
    } else {
        section.take("into");
        section.take("tables");
        read_target_table(section, ingest);
    }
    read_rows(section, format, scope, ingest);
}

}  // namespace sluice::config
