#include "daemon/imports/gpss_rows.h"

#include "config/text/sql_names.h"
#include "daemon/imports/connection_text.h"
#include "daemon/imports/toml_text.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace sluice {
namespace {

/// A column, with where its value comes from: a source, or SQL.
struct Filled {
    std::string column;
    std::optional<GpssSource> source;
    std::string sql;
    int line = 0;
};

std::string from_of(const std::string& text, bool is_number) {
    return is_number ? text : toml_text::quoted(text);
}

/// In the long form where there is more to say of it.
std::string entry_of(const std::string& text, bool is_number, bool never_null) {
    const std::string from = from_of(text, is_number);
    return never_null ? "{ from = " + from + ", default = \"\" }" : from;
}

class RowsOfTarget {
public:
    RowsOfTarget(const GpssJob& job, const GpssTarget& target, const std::vector<GpssInput>& inputs,
                 config::RecordShape shape, std::vector<GpssNote>& notes)
        : job_(job), target_(target), inputs_(inputs), shape_(shape), notes_(notes) {
        std::ranges::transform(target.match_columns, std::back_inserter(key_),
                               [](const YamlText& each) { return folded(each.text); });
        for (const GpssInput& input : inputs) names_.push_back(input.name);
    }

    GpssRows read(const std::string& filter) {
        const std::string schema = target_.schema.is_there() ? target_.schema.text : "public";
        line("table", toml_text::quoted(sql_name(folded(schema)) + "." +
                                        sql_name(folded(target_.table.text))));
        read_mapping();
        read_filters(filter);
        read_mode();
        keep_names_apart();
        return {.lines = lines_, .columns = columns_text(), .fields = fields_text()};
    }

private:
    void line(std::string_view name, const std::string& value) {
        lines_.append(name).append(" = ").append(value).append("\n");
    }
    void note(int at, std::string text) { notes_.push_back({at, std::move(text)}); }

    [[nodiscard]] bool merges() const {
        return target_.mode.text == "merge" || target_.mode.text == "update";
    }
    [[nodiscard]] bool is_key(const std::string& column) const {
        return std::ranges::find(key_, column) != key_.end();
    }
    /// Something of it is nowhere to be had.
    [[nodiscard]] bool reads_nothing(const std::string& sql) const {
        const auto used = config::names_used_in(sql, names_);
        return std::ranges::any_of(used, [&](std::size_t index) {
            return inputs_[index].kind == GpssInput::Kind::nowhere ||
                   inputs_[index].kind == GpssInput::Kind::places;
        });
    }

    /// Without a mapping, columns of the table have the names of the message's.
    void read_mapping() {
        std::vector<GpssMapping> mapping = target_.mapping;
        if (mapping.empty())
            for (const GpssInput& input : inputs_)
                mapping.push_back({.column = quote_identifier(input.name),
                                   .expression = quote_identifier(input.name),
                                   .line = target_.table.line});
        for (const GpssMapping& each : mapping) add(each);
    }

    void add(const GpssMapping& mapping) {
        const std::string column = folded(mapping.column);
        const std::vector<YamlText>& updated = target_.update_columns;
        const bool is_updated =
            updated.empty() || std::ranges::any_of(updated, [&](const YamlText& each) {
                return folded(each.text) == column;
            });
        if (target_.mode.text == "update" && !is_updated && !is_key(column) && order() != column)
            return note(mapping.line,
                        "column " + column + " is not in UPDATE_COLUMNS, and left out");
        Filled filled{.column = column,
                      .source = source_of(mapping.expression, inputs_),
                      .sql = mapping.expression,
                      .line = mapping.line};
        if (!filled.source && reads_nothing(mapping.expression))
            return note(mapping.line, "TO DO: column " + column + " = " + mapping.expression +
                                          " reads what records have not here: the place of a "
                                          "record is \"@topic\", \"@partition\" and \"@offset\"");
        if (!filled.source && is_key(column))
            return note(mapping.line, "TO DO: column " + column + " = " + mapping.expression +
                                          " is SQL, and by the key rows are told apart before any: "
                                          "it has to be a field of the record");
        if (filled.source && filled.source->keeps_json)
            note(mapping.line, "column " + column +
                                   ": where it is of a type of text, a string is stored without "
                                   "the quotes of JSON");
        if (merges() && target_.mode.text == "merge" && !is_updated && !is_key(column))
            note(mapping.line, "TO DO: column " + column +
                                   " is not in UPDATE_COLUMNS and was set by inserts alone; here a "
                                   "merge sets it, too");
        filled_.push_back(std::move(filled));
    }

    /// What Sluice's own language says is cheaper, the rest is the database's.
    void read_filters(const std::string& of_all) {
        std::vector<std::string> conditions;
        if (!of_all.empty()) conditions.push_back(of_all);
        for (const YamlText* each : {&job_.filter, &target_.filter}) {
            if (!each->is_there()) continue;
            if (auto condition = condition_of(each->text, inputs_, shape_)) {
                conditions.push_back(std::move(*condition));
            } else if (reads_nothing(each->text)) {
                note(each->line, "TO DO: the filter " + each->text +
                                     " reads what records have not here, and is left out");
            } else {
                where_ += where_.empty() ? each->text : ") and (" + each->text;
                if (merges() && target_.delete_condition.is_there())
                    note(each->line, "where is not asked of records that delete: filter would be");
            }
        }
        if (where_.find(") and (") != std::string::npos) where_ = "(" + where_ + ")";
        std::string filter;
        for (const std::string& each : conditions)
            filter +=
                conditions.size() == 1 ? each : (filter.empty() ? "(" : " and (") + each + ")";
        if (!filter.empty()) line("filter", toml_text::quoted(filter));
        if (!where_.empty()) line("where", toml_text::quoted(where_));
    }

    [[nodiscard]] std::string order() const {
        return target_.order_columns.empty() ? "" : folded(target_.order_columns.front().text);
    }

    void read_mode() {
        if (!merges()) {
            if (target_.mode.is_there() && target_.mode.text != "insert")
                note(target_.mode.line, "TO DO: there is no mode " + target_.mode.text);
            return;
        }
        line("mode", toml_text::quoted(target_.mode.text));
        if (!key_.empty()) line("key", toml_text::list(key_));
        if (key_.empty())
            note(target_.mode.line, "no MATCH_COLUMNS: the table's primary key is the key");
        read_order();
        if (target_.update_condition.is_there())
            note(target_.update_condition.line,
                 "TO DO: UPDATE_CONDITION is not carried over: " + target_.update_condition.text +
                     ". order keeps older changes away, if it was about those; filter and where "
                     "look at records alone");
        if (target_.delete_condition.is_there()) read_delete_condition();
    }

    void read_order() {
        if (target_.order_columns.empty()) return;
        const int at = target_.order_columns.front().line;
        const auto filled = std::ranges::find(filled_, order(), &Filled::column);
        if (filled == filled_.end() || !filled->source)
            return note(at, "TO DO: ORDER_COLUMNS names " + order() +
                                ", which no field fills; without an order, of two changes of a key "
                                "the one that is read later wins");
        line("order", toml_text::quoted(order()));
        note(at, "order is compared with the table's rows, too: what is older changes nothing");
        if (target_.order_columns.size() > 1)
            note(at, "TO DO: ORDER_COLUMNS names several, and order is one column");
    }

    void read_delete_condition() {
        const YamlText& condition = target_.delete_condition;
        const auto translated = condition_of(condition.text, inputs_, shape_);
        if (!translated)
            return note(condition.line,
                        "TO DO: DELETE_CONDITION is not carried over, and nothing "
                        "is deleted: " +
                            condition.text + ". delete_when is a condition as filter is");
        const bool is_tombstone = *translated == "@value is null";
        line("delete_when", toml_text::quoted(is_tombstone ? "@tombstone" : *translated));
        const bool key_is_there = std::ranges::all_of(filled_, [&](const Filled& each) {
            return !is_key(each.column) || (each.source && each.source->text.starts_with('@'));
        });
        if (is_tombstone && !key_is_there)
            note(
                condition.line,
                "TO DO: a tombstone has only its record's key: the columns of the key have to come "
                "from \"@key\" or \"@key/…\"");
    }

    [[nodiscard]] std::vector<std::size_t> used_by_sql() const {
        std::string all = where_;
        for (const Filled& each : filled_)
            if (!each.source) all += " , " + each.sql;
        return config::names_used_in(all, names_);
    }

    /// SQL finds columns and fields under one roof: a column that is called as one of the message's
    /// and is filled by another is SQL itself.
    void keep_names_apart() {
        for (bool again = true; again;) {
            again = false;
            for (const std::size_t index : used_by_sql()) {
                const GpssInput& input = inputs_[index];
                const auto same = std::ranges::find(filled_, input.name, &Filled::column);
                if (same == filled_.end() || !same->source || is_whole(*same->source, input))
                    continue;
                if (is_key(same->column))
                    note(same->line, "TO DO: SQL that names " + input.name + " gets what column " +
                                         input.name +
                                         " of the key is filled with: rename it there");
                else
                    again = true;
                if (again) same->source.reset();
            }
        }
    }

    static bool is_whole(const GpssSource& source, const GpssInput& input) {
        return source.text == input.source && source.is_number == input.is_field;
    }

    [[nodiscard]] std::string columns_text() const {
        std::string text;
        for (const Filled& each : filled_)
            text += toml_text::key(each.column) + " = " +
                    (each.source ? entry_of(each.source->text, each.source->is_number,
                                            each.source->never_null)
                                 : "{ sql = " + toml_text::quoted(each.sql) + " }") +
                    "\n";
        return text;
    }

    [[nodiscard]] std::string fields_text() const {
        std::string text;
        for (const std::size_t index : used_by_sql()) {
            const GpssInput& input = inputs_[index];
            const auto same = std::ranges::find(filled_, input.name, &Filled::column);
            if (same != filled_.end() && same->source) continue;
            text += toml_text::key(input.name) +
                    " = { from = " + from_of(input.source, input.is_field) +
                    ", type = " + toml_text::quoted(input.type) +
                    (input.never_null ? ", default = \"\"" : "") + " }\n";
        }
        return text;
    }

    const GpssJob& job_;
    const GpssTarget& target_;
    const std::vector<GpssInput>& inputs_;
    const config::RecordShape shape_;
    std::vector<GpssNote>& notes_;
    std::vector<std::string> names_;  ///< of the inputs
    std::vector<std::string> key_;
    std::vector<Filled> filled_;
    std::string lines_;
    std::string where_;
};

}  // namespace

GpssRows rows_of(const GpssJob& job, const GpssTarget& target, const std::vector<GpssInput>& inputs,
                 const std::string& filter, config::RecordShape shape,
                 std::vector<GpssNote>& notes) {
    return RowsOfTarget(job, target, inputs, shape, notes).read(filter);
}

}  // namespace sluice
