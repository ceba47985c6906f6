#include "conformance/check_list.h"
#include "conformance/feed.h"
#include "conformance/site.h"
#include "conformance/storage.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <utility>

/// Types of columns, in both of COPY's forms, and fetched by segments.
namespace sluice::conformance {
namespace {

struct Type {
    std::string sql;
    std::vector<std::string> values;
};

/// Those that Sluice writes in binary. @mood@: an enum that the case makes.
const std::vector<Type> binary_types{
    {"smallint", {"-32768", "0", "32767"}},
    {"integer", {"-2147483648", "7", "2147483647"}},
    {"bigint", {"-9223372036854775808", "9223372036854775807"}},
    {"numeric", {"0", "-12345678901234567890.000000001", "1e5", "NaN"}},
    {"numeric(10,2)", {"12345678.9", "0.005", "-1"}},
    {"real", {"1.5", "-3.4e38", "0.1", "NaN"}},
    {"double precision", {"0.1", "1e308", "-Infinity", "5e-324"}},
    {"boolean", {"true", "f", "yes"}},
    {"text", {"", "K\u00f6ln \U0001F986", "tab\tand\nline\\"}},
    {"varchar(5)", {"", "\u00e4\u00f6\u00fc", "12345"}},
    {"char(5)", {"a", "\u00e4\u00f6\u00fc", "12345"}},
    {"json", {"{\"a\":  [1, null]}", "\"text\""}},
    {"jsonb", {"{\"b\": 1.50, \"a\": {}}", "[]", "true"}},
    {"bytea", {"\\x", "\\x00ff5c0a"}},
    {"uuid", {"00112233-4455-6677-8899-aabbccddeeff", "{FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF}"}},
    {"date", {"2026-02-28", "0044-03-15 BC", "infinity"}},
    {"time", {"00:00:00", "23:59:59.999999", "24:00:00"}},
    {"timestamp", {"2026-02-28 12:30:00.123456", "1969-12-31 23:59:59", "-infinity"}},
    {"timestamptz", {"2026-02-28T12:30:00Z", "2026-07-01 00:00:00.5+02", "infinity"}},
    {"inet", {"10.0.0.1", "2001:db8::/32"}},
    {"@mood@", {"sad", "happy"}},
};
/// And those that only the server can read: one of them, and the whole row goes as text.
const std::vector<Type> text_types{
    {"interval", {"1 day 02:03:04.5", "-3 months"}},
    {"integer[]", {"{1,NULL,3}", "{}"}},
    {"text[]", {"{\"a\\\"b\",NULL,\"\"}"}},
    {"timetz", {"12:00:00+02"}},
    {"point", {"(1.5,-2)"}},
    {"bit(4)", {"1010"}},
    {"cidr", {"10.0.0.0/8"}},
    {"macaddr", {"08:00:2b:01:02:03"}},
    {"name", {"a name"}},
};

std::string csv_field(const std::string& text) {
    std::string field = "\"";
    for (const char c : text) field += c == '"' ? std::string("\"\"") : std::string(1, c);
    return field + "\"";
}

std::string column(std::size_t place) {
    return "c" + std::to_string(place);
}

enum class Way { binary_copy, text_copy, segments };

/// The types' values in as many rows as the longest list has, and a last one of NULLs: by Sluice,
/// and beside them as the server itself reads them.
class Comparison {
public:
    Comparison(Site& site, std::vector<Type> types, const Storage& storage)
        : site_(site), types_(std::move(types)), by_server_("public." + site.fresh_name("server")) {
        const std::string mood = "public." + site.fresh_name("mood");
        site.exec("CREATE TYPE " + mood + " AS ENUM ('sad', 'happy')");
        std::string columns = "id bigint";
        for (std::size_t i = 0; i < types_.size(); ++i) {
            if (types_[i].sql == "@mood@") types_[i].sql = mood;
            columns += ", " + column(i) + " " + types_[i].sql;
        }
        by_sluice_ = site.make_table(columns, storage.with);
        site.exec("CREATE TABLE " + by_server_ + " (" + columns + ")");
    }

    /// By Sluice, that way.
    void load(Way way) {
        const std::string keys = way == Way::segments ? "load = \"segments\"\n" : "";
        Feed feed(site_, {.table = by_sluice_, .keys = "format = \"csv\"\n" + keys});
        std::size_t rows = 0;
        for (const Type& type : types_) rows = std::max(rows, type.values.size());
        std::string inserts;
        for (std::size_t row = 0; row <= rows; ++row) {
            const auto value = [&](const Type& type) {
                return row == rows ? std::nullopt
                                   : std::optional(type.values[row % type.values.size()]);
            };
            std::string record = std::to_string(row);
            std::string literals = record;
            for (const Type& type : types_) {
                record += "," + (value(type) ? csv_field(*value(type)) : "");
                literals += "," + (value(type) ? quote_literal(*value(type)) : "NULL");
            }
            feed.add(record);
            inserts += "INSERT INTO " + by_server_ + " VALUES (" + literals + ");";
        }
        const TargetRows& made = feed.batch().targets.front();
        expect((way == Way::binary_copy) != made.binary.rows.empty(),
               "no row is in that form of COPY");
        site_.exec(inserts);
        feed.commit();
        expect_equal("loaded, superseded, filtered, rejected", feed.sums(),
                     std::to_string(rows + 1) + "|0|0|0");
    }

    void compare() {
        std::string wrong;
        for (std::size_t i = 0; i < types_.size(); ++i) {
            const std::string different =
                site_.value("SELECT count(*) FROM " + by_sluice_ + " a FULL JOIN " + by_server_ +
                            " b ON a.id = b.id WHERE row(a." + column(i) +
                            ")::text IS DISTINCT FROM row(b." + column(i) + ")::text");
            if (different != "0") wrong += " " + types_[i].sql;
        }
        expect(wrong.empty(), "other values arrive than the server itself reads:" + wrong);
    }

private:
    Site& site_;
    std::vector<Type> types_;
    std::string by_server_;
    std::string by_sluice_;
};

std::string compare_types(Site& site, const Storage& storage, Way way) {
    need(site, storage);
    if (way == Way::segments) static_cast<void>(site.segments());
    std::vector<Type> types = binary_types;
    if (way != Way::binary_copy) types.insert(types.end(), text_types.begin(), text_types.end());
    const std::string count = std::to_string(types.size());
    Comparison comparison(site, std::move(types), storage);
    comparison.load(way);
    comparison.compare();
    return count + " types";
}

}  // namespace

std::vector<Case> column_cases() {
    constexpr const char* group = "Values arrive as the server itself reads them";
    const std::pair<Way, const char*> ways[] = {{Way::binary_copy, ", binary COPY"},
                                                {Way::text_copy, ", text COPY"},
                                                {Way::segments, ", fetched by segments"}};
    std::vector<Case> cases;
    for (const Storage& storage : ways_to_store())
        for (const auto& [way, name] : ways)
            cases.push_back({group, storage.name + name, [=, way = way](Site& site) {
                                 return compare_types(site, storage, way);
                             }});
    return cases;
}

}  // namespace sluice::conformance
