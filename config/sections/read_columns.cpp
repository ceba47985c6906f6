#include "config/column_source.h"
#include "config/sections/sections.h"
#include "config/text/sql_names.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace sluice::config {
namespace {

using Kind = Source::Kind;

/// Kafka always has these: nothing to convert, nothing to replace.
bool is_always_there(Kind kind) {
    return kind == Kind::topic || kind == Kind::partition || kind == Kind::offset;
}

bool takes_conversion(Kind kind) {
    return !is_always_there(kind) && kind != Kind::timestamp && kind != Kind::headers;
}

/// Reads one entry of [ingest.NAME.columns] or [ingest.NAME.fields].
class ColumnReader {
public:
    /// `what` the entry is: "column". `type`: of a field, which may say it; else null.
    ColumnReader(const Entry& entry, RecordShape shape, const Scope& scope,
                 const std::string& what = "column", std::string* type = nullptr)
        : entry_(entry),
          format_(shape.format),
          envelope_(shape.envelope),
          scope_(scope),
          name_(what + " " + in_quotes(entry.key)),
          type_(type) {
        mapping_.column = entry.key;
    }

    ColumnMapping read() {
        check_name();
        const auto* table = std::get_if<TomlTable>(&entry_.value.value);
        if (table == nullptr || is_reference(entry_.value)) {
            read_source(entry_.value, entry_.key);
        } else {
            read_long_form(*table);
        }
        return std::move(mapping_);
    }

private:
    void check_name() {
        constexpr std::size_t longest = 63;
        if (!entry_.key.empty() && entry_.key.size() <= longest) return;
        scope_.problems.add(entry_.at, "a column's name has 1 to 63 bytes; " +
                                           in_quotes(entry_.key) + " cannot be one");
    }

    void read_source(const Node& node, std::string_view key) {
        std::variant<Source, std::string> parsed;
        if (const auto* position = std::get_if<std::int64_t>(&node.value)) {
            parsed = parse_source(*position, format_);
        } else {
            const auto text =
                resolve_text(node, key, format_ == Format::csv ? "1" : "\"@value\"", scope_);
            if (!text) return;
            parsed = parse_source(text->text, format_);
            if (text->secret) hide(parsed, text->shown);
        }
        if (auto* problem = std::get_if<std::string>(&parsed)) {
            scope_.problems.add(node.at, name_ + ": " + *problem);
        } else {
            mapping_.source = std::get<Source>(std::move(parsed));
            has_source_ = true;
            if (mapping_.source.kind == Kind::envelope && envelope_ == Envelope::none)
                scope_.problems.add(node.at, name_ + ": " + in_quotes(mapping_.source.text) +
                                                 " is of a change event; add envelope = "
                                                 "\"debezium\"");
        }
    }

    /// What came from the environment or a file does not appear in messages.
    static void hide(std::variant<Source, std::string>& parsed, const std::string& shown) {
        if (auto* source = std::get_if<Source>(&parsed)) {
            source->text = shown;
        } else {
            parsed = shown +
                     " is not a source of this format; write a field, a JSON Pointer, a "
                     "CSV field number or \"@…\"";
        }
    }

    void read_long_form(const TomlTable& table) {
        TableReader section(table, entry_.value.at, name_, scope_);
        section.may_be("from", Shape::Kind::text);
        section.may_be("from", Shape::Kind::whole);
        section.may_be("default", Shape::Kind::anything);
        if (const Entry* from = section.take("from")) {
            read_source(from->value, "from");
        } else {
            section.problem(entry_.at, section.section() +
                                           " has no \"from\"; add from = \"field\" (a column "
                                           "with a dot in its name is written in quotes)");
        }
        if ((section.has("as") || section.notes_shapes()) && !read_decimal(section))
            section.choice<Conversion>("as",
                                       {{"epoch_s", Conversion::epoch_s},
                                        {"epoch_ms", Conversion::epoch_ms},
                                        {"epoch_us", Conversion::epoch_us},
                                        {"epoch_ns", Conversion::epoch_ns},
                                        {"epoch_days", Conversion::epoch_days},
                                        {"time_ms", Conversion::time_ms},
                                        {"time_us", Conversion::time_us},
                                        {"time_ns", Conversion::time_ns},
                                        {"base64", Conversion::base64},
                                        {"hex", Conversion::hex},
                                        {"json", Conversion::json},
                                        {"sha256", Conversion::sha256}},
                                       mapping_.as);
        read_salt(section);
        read_mask(section);
        read_drop(section);
        if (const Entry* value = section.take("default")) read_default(value->value);
        if (type_ != nullptr)
            if (auto type = section.text("type", "\"numeric(10,2)\""))
                *type_ = std::move(type->text);
        section.finish();
        if (has_source_) check_fit(section);
    }

    /// as = { decimal = 2 }; false: "as" is no table.
    bool read_decimal(TableReader& section) {
        const bool is_table =
            std::ranges::any_of(section.content().entries, [](const Entry& entry) {
                return entry.key == "as" && std::holds_alternative<TomlTable>(entry.value.value);
            });
        if (!is_table && !section.notes_shapes()) return false;
        auto table = section.table("as", "as = { decimal = 2 }");
        if (!table->has("decimal"))
            table->problem(table->at(), section.section() +
                                            ": as = { … } has no \"decimal\", such as as = { "
                                            "decimal = 2 }");
        std::int64_t scale = 0;
        constexpr std::int64_t largest_scale = 16383;
        table->integer("decimal", "2", {0, largest_scale}, scale);
        table->finish();
        mapping_.as = Conversion::decimal;
        mapping_.scale = static_cast<std::int32_t>(scale);
        return is_table;
    }

    /// Who could try all phone numbers would find the one, but for the salt.
    void read_salt(TableReader& section) {
        const auto salt = section.text("salt", "{ env = \"SLUICE_SALT\" }");
        const bool is_hash = mapping_.as == Conversion::sha256;
        if (salt) mapping_.salt = salt->text;
        if (is_hash && mapping_.salt.empty() && (salt || !section.has("salt")))
            section.problem(section.at("as"),
                            section.section() +
                                ": as = \"sha256\" has no salt, and short values could be found by "
                                "trying; add salt = { env = \"SLUICE_SALT\" }");
        if (!is_hash && section.has("salt"))
            section.problem(section.at("salt"),
                            section.section() + ": \"salt\" is for as = \"sha256\"; remove it");
    }

    /// mask = 4
    void read_mask(TableReader& section) {
        std::int64_t shown = 0;
        constexpr std::int64_t most = 1000;
        section.integer("mask", "4", {0, most}, shown);
        if (!section.has("mask")) return;
        if (section.has("as"))
            section.problem(section.at("mask"), section.section() +
                                                    ": \"mask\" and \"as\" are two ways to "
                                                    "understand the value; remove one");
        mapping_.as = Conversion::mask;
        mapping_.scale = static_cast<std::int32_t>(shown);
    }

    /// drop = ["/card/number", "cvv"]
    void read_drop(TableReader& section) {
        for (const Text& path : section.texts("drop", "[\"/card/number\"]")) {
            const auto parsed = parse_source(path.text, Format::json);
            const auto* source = std::get_if<Source>(&parsed);
            if (source != nullptr && source->kind == Kind::field && !source->path.empty())
                mapping_.drop.push_back(source->path);
            else
                section.problem(path.at, section.section() +
                                             ": \"drop\" names fields of the JSON, "
                                             "such as \"/card/number\", not " +
                                             path.shown);
        }
        if (!mapping_.drop.empty() && mapping_.as != Conversion::none &&
            mapping_.as != Conversion::json)
            section.problem(section.at("drop"), section.section() +
                                                    ": \"drop\" leaves JSON, of which " +
                                                    in_quotes(name_of(mapping_.as)) +
                                                    " makes something else; remove one");
    }

    void read_default(const Node& node) {
        if (const auto* integer = std::get_if<std::int64_t>(&node.value)) {
            mapping_.default_value = std::to_string(*integer);
        } else if (const auto* number = std::get_if<double>(&node.value)) {
            std::array<char, 32> buffer;
            const auto [end, error] =
                std::to_chars(buffer.data(), buffer.data() + buffer.size(), *number);
            mapping_.default_value = std::string(buffer.data(), end);
        } else if (const auto* boolean = std::get_if<bool>(&node.value)) {
            mapping_.default_value = *boolean ? "true" : "false";
        } else if (const auto* time = std::get_if<TomlTime>(&node.value)) {
            mapping_.default_value = time->text;
        } else if (const auto text = resolve_text(node, "default", "\"now\"", scope_)) {
            mapping_.default_value = text->text;
        }
    }

    void check_fit(const TableReader& section) {
        const Source& source = mapping_.source;
        if (mapping_.as != Conversion::none && !takes_conversion(source.kind)) {
            const bool is_mask = mapping_.as == Conversion::mask;
            section.problem(section.at(is_mask ? "mask" : "as"),
                            section.section() + ": " +
                                (is_mask ? "mask" : "as = " + in_quotes(name_of(mapping_.as))) +
                                " cannot convert " + in_quotes(source.text) + "; remove it");
        }
        const bool of_value = source.kind == Kind::field || source.kind == Kind::value;
        const bool has_fields = (of_value && names_fields(format_)) || source.kind == Kind::key ||
                                source.kind == Kind::key_field || source.kind == Kind::envelope ||
                                source.kind == Kind::headers;
        if (!mapping_.drop.empty() && !has_fields)
            section.problem(section.at("drop"), section.section() + ": " + in_quotes(source.text) +
                                                    " has no fields to leave out; remove \"drop\"");
        if (mapping_.default_value && is_always_there(source.kind)) {
            section.problem(section.at("default"), section.section() + ": " +
                                                       in_quotes(source.text) +
                                                       " is never missing; remove the default");
        }
    }

    const Entry& entry_;
    Format format_;
    Envelope envelope_;
    const Scope& scope_;
    const std::string name_;  // for messages
    std::string* const type_;
    ColumnMapping mapping_;
    bool has_source_ = false;
};

bool is_sql(const Entry& entry) {
    const auto* table = std::get_if<TomlTable>(&entry.value.value);
    return table != nullptr &&
           std::ranges::any_of(table->entries, [](const Entry& each) { return each.key == "sql"; });
}

SqlColumn read_sql(const Entry& entry, const Scope& scope) {
    SqlColumn column{.column = entry.key, .sql = {}};
    TableReader section(std::get<TomlTable>(entry.value.value), entry.value.at,
                        "column " + in_quotes(entry.key), scope);
    if (auto sql = section.text("sql", "\"price * 1.2\"")) {
        if (sql->text.empty())
            section.problem(sql->at, section.section() + ": sql is empty; write an expression");
        if (const std::string wrong = wrong_with_sql(sql->text); !wrong.empty())
            section.problem(sql->at, section.section() + ": " + wrong);
        column.sql = std::move(sql->text);
    }
    section.finish();
    return column;
}

/// One entry stands for all, in each of its forms.
template <typename ReadLong>
void note_shape_of_entries(const TableReader& section, ReadLong read_long) {
    if (!section.notes_shapes()) return;
    static_cast<void>(section.any_key(Shape::Kind::text));
    static_cast<void>(section.any_key(Shape::Kind::whole));
    read_long(Entry{.key = "NAME", .at = {}, .value = {.at = {}, .value = TomlTable{}}});
}

}  // namespace

void read_columns(const TableReader& section, RecordShape shape, const Scope& scope,
                  Ingest& ingest) {
    note_shape_of_entries(section, [&](const Entry& entry) {
        ColumnReader(entry, shape, section.any_key(Shape::Kind::table)).read();
        static_cast<void>(read_sql(entry, section.any_key(Shape::Kind::table)));
    });
    for (const Entry& entry : section.content().entries) {
        if (is_sql(entry))
            ingest.computed.push_back(read_sql(entry, scope));
        else
            ingest.columns.push_back(ColumnReader(entry, shape, scope).read());
    }
}

void read_fields(const TableReader& section, RecordShape shape, const Scope& scope,
                 Ingest& ingest) {
    note_shape_of_entries(section, [&](const Entry& entry) {
        std::string type;
        ColumnReader(entry, shape, section.any_key(Shape::Kind::table), "field", &type).read();
    });
    for (const Entry& entry : section.content().entries) {
        SqlField& field = ingest.fields.emplace_back();
        field.mapping = ColumnReader(entry, shape, scope, "field", &field.type).read();
        const bool mapped = std::ranges::find(ingest.columns, entry.key, &ColumnMapping::column) !=
                            ingest.columns.end();
        if (mapped)
            section.problem(entry.at, "field " + in_quotes(entry.key) +
                                          " has the name of a column that is mapped, which SQL "
                                          "may use as well; remove one");
    }
    if (!ingest.asks_sql())
        section.problem(section.at(),
                        "\"fields\" are what SQL is about, and this pipeline has "
                        "none; add columns such as total = { sql = \"price * 1.2\" } "
                        "or where = \"…\", or remove them");
}

}  // namespace sluice::config
