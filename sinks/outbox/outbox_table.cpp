#include "sinks/outbox/outbox_table.h"

#include "pipeline/errors.h"
#include "pipeline/values/binary_copy.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/copy/copy_rows.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <cstring>

namespace sluice {
namespace {

/// Turns what is configured into SQL, against what the catalogue says.
class OutboxColumnsReader {
public:
    OutboxColumnsReader(const config::Outbox& outbox, const Table& table)
        : outbox_(outbox), table_(table) {}

    /// The column, if there is one: a configured one must be.
    [[nodiscard]] const Column* find(const std::optional<std::string>& configured,
                                     const char* default_name, const char* what) const {
        if (configured && configured->empty()) return nullptr;
        const std::string name = configured.value_or(default_name);
        const auto found = std::ranges::find(table_.columns, name, &Column::name);
        if (found != table_.columns.end()) return &*found;
        if (!configured) return nullptr;
        throw wrong(what, "there is no column " + quote_identifier(name));
    }
    [[nodiscard]] const Column& need(const std::string& name, const char* what) const {
        return *find(name, "", what);
    }

    [[nodiscard]] WrongConfiguration wrong(const std::string& what, const std::string& why) const {
        return WrongConfiguration("[outbox." + outbox_.name + "] " + what + ": table " +
                                  outbox_.table + ": " + why + "; see columns");
    }

    [[nodiscard]] std::string topic() const {
        std::string sql;
        for (const config::TopicPiece& piece : outbox_.topic) {
            if (!sql.empty()) sql += " || ";
            sql += piece.kind == config::TopicPiece::Kind::text
                       ? quote_literal(piece.text) + "::text"
                       : text_of(&need(piece.text, "topic"));
        }
        if (!sql.empty()) return sql;
        const Column* column = find(outbox_.columns.topic, "topic", "columns.topic");
        if (column == nullptr) {
            throw wrong("topic",
                        "no column holds the topic; write topic = \"…\", or columns = { "
                        "topic = \"…\" }");
        }
        return text_of(column);
    }

    [[nodiscard]] std::string partition() const {
        const Column* column = find(outbox_.columns.partition, "partition", "columns.partition");
        if (column == nullptr) return "NULL::int";
        const std::string name = "o." + quote_identifier(column->name);
        switch (column->type) {
            case ColumnType::int2:
            case ColumnType::int4:
                return name + "::int";
            case ColumnType::int8:
                // What no partition can be stays out of range.
                // NULL stays NULL, for Kafka to choose: least() and greatest() would pass over it.
                return "CASE WHEN " + name + " IS NOT NULL THEN greatest(least(" + name +
                       ", 2147483647), -2)::int END";
            default:
                throw wrong("columns.partition", "column " + quote_identifier(column->name) +
                                                     " is " + column->type_name +
                                                     ", not an integer");
        }
    }

    [[nodiscard]] std::string timestamp() const {
        const Column* column = find(outbox_.columns.timestamp, "", "columns.timestamp");
        if (column == nullptr) return "NULL::bigint";
        const std::string name = "o." + quote_identifier(column->name);
        switch (column->type) {
            case ColumnType::int8:
                return name;
            case ColumnType::timestamp:
            case ColumnType::timestamptz:
                return "CASE WHEN isfinite(" + name + ") THEN round(extract(epoch FROM " + name +
                       ") * 1000)::bigint END";
            default:
                throw wrong("columns.timestamp", "column " + quote_identifier(column->name) +
                                                     " is " + column->type_name +
                                                     ", neither a timestamp nor a bigint of "
                                                     "milliseconds since 1970");
        }
    }

    /// Bytes as they are, anything else as its text, which is what binary COPY sends of a text.
    [[nodiscard]] static std::string bytes_of(const Column* column) {
        if (column == nullptr) return "NULL::text";
        const std::string name = "o." + quote_identifier(column->name);
        return column->type == ColumnType::bytea ? name : name + "::text";
    }
    /// What the row's value is made of.
    [[nodiscard]] std::string value() const {
        if (outbox_.value_columns.empty()) {
            const Column* column = find(outbox_.columns.value, "payload", "columns.value");
            if (column != nullptr || outbox_.columns.value) return bytes_of(column);
            throw wrong("columns.value", "there is no column \"payload\"");
        }
        std::string fields;
        for (const std::string& name : outbox_.value_columns) {
            const Column& column = need(name, "value_columns");
            if (!fields.empty()) fields += ", ";
            fields += quote_literal(column.name) + ", o." + quote_identifier(column.name);
        }
        return "json_build_object(" + fields + ")::text";
    }
    [[nodiscard]] static std::string text_of(const Column* column) {
        return column == nullptr ? "NULL::text" : "o." + quote_identifier(column->name) + "::text";
    }

private:
    const config::Outbox& outbox_;
    const Table& table_;
};

/// Takes fields off one row.
class FieldReader {
public:
    explicit FieldReader(std::string_view bytes) : rest_(bytes) {}

    template <typename Int>
    Int number() {
        Int value{};
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return binary_copy::big_endian(value);
    }
    std::optional<std::string_view> field() {
        const auto size = number<std::int32_t>();
        if (size < 0) return std::nullopt;
        return take(static_cast<std::size_t>(size));
    }
    template <typename Int>
    std::optional<Int> number_field() {
        const auto size = number<std::int32_t>();
        if (size < 0) return std::nullopt;
        if (size != sizeof(Int)) throw TroubleOfTheWorld("the database sent a row of another form");
        return number<Int>();
    }
    std::string_view take(std::size_t size) {
        if (rest_.size() < size) throw TroubleOfTheWorld("the database sent half a row");
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

private:
    std::string_view rest_;
};

constexpr std::size_t fixed_columns = 7;

}  // namespace

OutboxTable read_outbox_table(Session& session, const config::Outbox& outbox) {
    const Table found = read_table(session, outbox.table);
    const OutboxColumnsReader reader(outbox, found);
    const Column& id = reader.need(outbox.columns.id, "columns.id");
    if (!id.not_null) {
        throw reader.wrong("columns.id", "column " + quote_identifier(id.name) +
                                             " may hold NULL, and such a row could not be claimed; "
                                             "make it NOT NULL, better the primary key");
    }
    OutboxTable table;
    table.name = found.schema + "." + found.name;
    table.qualified = sluice::qualified(found);
    table.id = quote_identifier(id.name);
    table.id_type = id.type_name;
    table.order = "o." + table.id;
    if (!outbox.order.empty()) {
        const Column& order = reader.need(outbox.order, "order");
        table.order = "o." + quote_identifier(order.name) + ", " + table.order;
    }
    const auto column = [&](const std::optional<std::string>& configured, const char* name,
                            const char* what) { return reader.find(configured, name, what); };
    table.select = "o." + table.id + "::text, " + reader.topic() + ", " + reader.partition() +
                   ", " + reader.bytes_of(column(outbox.columns.key, "key", "columns.key")) + ", " +
                   reader.value() + ", " +
                   reader.text_of(column(outbox.columns.headers, "headers", "columns.headers")) +
                   ", " + reader.timestamp();
    for (const auto& header : outbox.headers) {
        table.select += ", " + reader.bytes_of(&reader.need(header.column, "headers"));
        table.headers.push_back(header.header);
    }
    return table;
}

bool append_event(std::string_view message, const std::vector<std::string>& headers,
                  EventBatch& batch) {
    if (message.starts_with(copy_header())) message.remove_prefix(copy_header().size());
    if (message.empty() || message == copy_trailer()) return false;
    FieldReader row(batch.keep(message));
    if (row.number<std::int16_t>() != static_cast<std::int16_t>(fixed_columns + headers.size())) {
        throw TroubleOfTheWorld("the database sent a row of another form");
    }
    OutboxEvent& event = batch.add();
    event.place = static_cast<int>(batch.events().size()) - 1;
    event.id = row.field().value_or("");
    event.topic = row.field();
    event.partition = row.number_field<std::int32_t>();
    event.key = row.field();
    event.value = row.field();
    event.headers_json = row.field();
    event.timestamp_ms = std::max<std::int64_t>(row.number_field<std::int64_t>().value_or(-1), -1);
    for (const std::string& name : headers) event.headers.push_back({name, row.field()});
    return true;
}

}  // namespace sluice
