#include "sinks/catalogue/history_view.h"

#include "pipeline/errors.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <functional>

namespace sluice {
namespace {

using config::ColumnMapping;
using config::Source;

bool is_operation(const Source& source) {
    return source.kind == Source::Kind::envelope && source.path == std::vector<std::string>{"op"};
}

bool is_offset(const Source& source) {
    return source.kind == Source::Kind::offset;
}

bool is_topic(const Source& source) {
    return source.kind == Source::Kind::topic;
}

/// "@source/ts_ms" and "@ts_ms" are when it happened, "@timestamp" is when it was sent.
bool is_time(const Source& source) {
    const bool of_event = source.kind == Source::Kind::envelope && !source.path.empty() &&
                          source.path.back().starts_with("ts_");
    return of_event || source.kind == Source::Kind::timestamp;
}

/// "public.customers" → "public.customers_history", the last part perhaps in quotes.
std::string name_of_view(std::string table) {
    const bool quoted = table.ends_with('"');
    table.insert(table.size() - (quoted ? 1 : 0), "_history");
    return table;
}

class HistoryView {
public:
    HistoryView(const config::Ingest& ingest, const std::vector<std::string>& key)
        : ingest_(ingest), key_(key) {}

    std::string ddl() {
        const std::string operation = column(is_operation, "\"@op\"");
        const std::string time = column(is_time, "\"@source/ts_ms\" or \"@timestamp\"");
        const std::string offset = column(is_offset, "\"@offset\"");
        // Offsets of two topics have no order.
        const bool several = ingest_.topic.only() == nullptr;
        const std::string topic = several ? column(is_topic, "\"@topic\"") : "";
        check();
        std::string columns;
        for (const ColumnMapping& mapping : ingest_.columns)
            if (const std::string name = quote_identifier(mapping.column);
                name != operation && name != time && name != offset)
                columns += name + ", ";
        for (const config::SqlColumn& computed : ingest_.computed)
            columns += quote_identifier(computed.column) + ", ";
        return "-- What each row was, and from when until when; NULL: it still is. A key's "
               "changes\n"
               "-- are in the order of their offsets, so they have to be in one partition of one\n"
               "-- topic that was never made anew. A truncation of the source is no row, and ends\n"
               "-- nothing.\n"
               "CREATE VIEW " +
               name_of_view(ingest_.table) + " AS\nSELECT " + columns + time +
               " AS valid_from, valid_to\nFROM (SELECT *, lead(" + time + ") OVER (PARTITION BY " +
               identifier_list(key_) + (several ? ", " + topic : "") + " ORDER BY " + offset +
               ") AS valid_to\n      FROM " + ingest_.table + ") AS changes\nWHERE " + operation +
               " IS DISTINCT FROM 'd';\n";
    }

private:
    std::string column(const std::function<bool(const Source&)>& is, const std::string& source) {
        const auto found = std::ranges::find_if(
            ingest_.columns, [&](const ColumnMapping& mapping) { return is(mapping.source); });
        if (found != ingest_.columns.end()) return quote_identifier(found->column);
        lacking_ += "; map a column to " + source;
        return {};
    }

    void check() {
        if (ingest_.mode != config::Mode::append || ingest_.envelope == config::Envelope::none)
            lacking_ += "; a history is kept by mode = \"append\" with envelope = \"debezium\"";
        if (key_.empty()) lacking_ += "; say what tells its rows apart: --key id";
        for (const std::string& name : key_)
            if (std::ranges::find(ingest_.columns, name, &ColumnMapping::column) ==
                ingest_.columns.end())
                lacking_ += "; no column " + quote_identifier(name) + " is mapped";
        if (lacking_.empty()) return;
        throw WrongConfiguration("ingest." + ingest_.name + " keeps no history" + lacking_);
    }

    const config::Ingest& ingest_;
    const std::vector<std::string>& key_;
    std::string lacking_;
};

}  // namespace

std::string history_view_ddl(const config::Ingest& ingest, const std::vector<std::string>& key) {
    return HistoryView(ingest, key).ddl();
}

}  // namespace sluice
