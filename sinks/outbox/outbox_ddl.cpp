#include "sinks/outbox/outbox_ddl.h"

#include "sinks/session/sql_text.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace sluice {
namespace {

/// Columns in order, each once: the first one to want it says what it is.
class Columns {
public:
    void add(const std::optional<std::string>& configured, const char* default_name,
             const char* definition) {
        add(configured.value_or(default_name), definition);
    }
    void add(const std::string& name, const char* definition) {
        if (name.empty() || std::ranges::find(all_, name, &Column::first) != all_.end()) return;
        all_.emplace_back(name, definition);
    }
    [[nodiscard]] std::string text() const {
        std::size_t widest = 0;
        for (const Column& column : all_) {
            widest = std::max(widest, quote_identifier(column.first).size());
        }
        std::string text;
        for (const auto& [name, definition] : all_) {
            std::string quoted = quote_identifier(name);
            quoted.resize(widest, ' ');
            text += (text.empty() ? "    " : ",\n    ") + quoted + " " + definition;
        }
        return text;
    }

private:
    using Column = std::pair<std::string, const char*>;
    std::vector<Column> all_;
};

/// As PostgreSQL names the sequence of a bigserial.
std::string sequence_of(const config::Outbox& outbox) {
    std::string name = outbox.table;
    const bool quoted = name.ends_with('"');
    if (quoted) name.pop_back();
    return name + "_" + outbox.columns.id + "_seq" + (quoted ? "\"" : "");
}

}  // namespace

std::string outbox_ddl(const config::Outbox& outbox, Family family) {
    constexpr const char* text = "text";
    constexpr const char* now = "timestamptz NOT NULL DEFAULT clock_timestamp()";
    const config::OutboxColumns& named = outbox.columns;
    Columns columns;
    columns.add(named.id, "bigserial PRIMARY KEY");
    for (const config::TopicPiece& piece : outbox.topic) {
        if (piece.kind == config::TopicPiece::Kind::column)
            columns.add(piece.text, "text NOT NULL");
    }
    if (outbox.topic.empty()) columns.add(named.topic, "topic", "text NOT NULL");
    columns.add(named.partition, "partition", "int");
    columns.add(named.key, "key", text);
    for (const std::string& part : outbox.value_columns) columns.add(part, text);
    if (outbox.value_columns.empty()) columns.add(named.value, "payload", text);
    columns.add(named.headers, "headers", "jsonb");
    columns.add(named.timestamp, "", now);
    columns.add(outbox.order, now);
    for (const config::HeaderFromColumn& header : outbox.headers) columns.add(header.column, text);
    if (outbox.order.empty() && !named.timestamp) columns.add("created_at", now);
    std::string ddl =
        "CREATE TABLE IF NOT EXISTS " + outbox.table + " (\n" + columns.text() + "\n)";
    if (is_mpp(family)) {
        ddl += " WITH (appendonly=false)\nDISTRIBUTED BY (" + quote_identifier(named.id) + ")";
        // It may be 20 there: numbers that sessions draw ahead say nothing of who came first.
        ddl += ";\nALTER SEQUENCE IF EXISTS " + sequence_of(outbox) + " CACHE 1";
    }
    return ddl + ";\n-- for who writes events: GRANT INSERT ON " + outbox.table +
           " TO …; GRANT USAGE ON SEQUENCE " + sequence_of(outbox) +
           " TO …;\n-- for Sluice, unless it owns the table: GRANT SELECT, DELETE ON " +
           outbox.table + " TO …;\n";
}

bool has_table(Session& session, const config::Outbox& outbox) {
    return session.exec("SELECT to_regclass($1) IS NOT NULL", {outbox.table}).text(0, 0) == "t";
}

}  // namespace sluice
