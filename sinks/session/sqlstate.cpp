#include "sinks/session/sqlstate.h"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

struct Entry {
    std::string_view prefix;  // of the SQLSTATE: a class (2), or a code (5)
    Trouble trouble;
    std::string_view remedy;
};

// Codes stand before their class: the first match decides.
constexpr std::array entries = {
    Entry{"08", Trouble::world, ""},     // the connection
    Entry{"57014", Trouble::world, ""},  // cancelled: a timeout, or somebody; see classify()
    Entry{"57", Trouble::world, ""},     // shutdown, crash, starting up, segment restarted
    Entry{"58", Trouble::world, ""},     // disk and network errors; 58M01: a segment is gone
    Entry{"25006", Trouble::world, ""},  // read-only: a standby that is being promoted
    Entry{"25", Trouble::world, ""},     // 25P03: the server ended our idle transaction
    Entry{"40003", Trouble::world, ""},  // completion unknown
    Entry{"40002", Trouble::data, ""},   // a constraint checked at COMMIT
    Entry{"40", Trouble::again, ""},     // serialization failure, deadlock
    Entry{"55P03", Trouble::again, ""},  // lock_timeout
    Entry{"XX001", Trouble::person, "the database reports corrupted data; check its storage"},
    Entry{"XX002", Trouble::person, "the database reports a corrupted index; REINDEX it"},
    Entry{"53100", Trouble::person, "make room on the database's disk"},
    Entry{"53200", Trouble::person, "the database is out of memory"},
    Entry{"53300", Trouble::person, "raise max_connections or lower lanes"},
    Entry{"53", Trouble::person, "the database lacks resources"},
    Entry{"28", Trouble::person, "check user, password and pg_hba.conf"},
    Entry{"0P", Trouble::person, "check the database role"},
    Entry{"3D000", Trouble::person, "check dbname in cloudberry.dsn"},
    Entry{"3F000", Trouble::person, "the schema is gone; run sluice check"},
    Entry{"42501", Trouble::person, "grant the permission; sluice check lists what is needed"},
    Entry{"42P01", Trouble::person, "the table is gone; run sluice check"},
    Entry{"42703", Trouble::person, "the column is gone; run sluice check"},
    Entry{"55", Trouble::person, "run sluice check"},
    Entry{"22", Trouble::data, ""},  // a value its type does not take
    Entry{"23", Trouble::data, ""},  // a constraint
    Entry{"44", Trouble::data, ""},  // WITH CHECK OPTION of a view
    Entry{"P0", Trouble::data, ""},  // RAISE EXCEPTION in a trigger
    Entry{"09", Trouble::data, ""},  // a trigger's own trouble with this row, and so on:
    Entry{"20", Trouble::data, ""},
    Entry{"21", Trouble::data, ""},
    Entry{"27", Trouble::data, ""},
    Entry{"2F", Trouble::data, ""},
    Entry{"38", Trouble::data, ""},
    Entry{"39", Trouble::data, ""},
    Entry{"54000", Trouble::data, ""},  // a row or index entry that is too large
    Entry{"54001", Trouble::data, ""},  // JSON nested deeper than the server's stack
    Entry{"0A", Trouble::wrong, ""},    // not supported
    Entry{"2B", Trouble::wrong, ""},
    Entry{"42", Trouble::wrong, ""},  // syntax, types, names
    Entry{"54", Trouble::wrong, ""},
};

/// So that a class of data is one whatever stands before it.
constexpr bool data_is_told_by_its_prefix() {
    for (std::size_t i = 0; i < entries.size(); ++i)
        for (std::size_t before = 0; before < i; ++before)
            if (entries[i].trouble == Trouble::data && entries[before].trouble != Trouble::data &&
                entries[before].prefix.starts_with(entries[i].prefix))
                return false;
    return true;
}
static_assert(data_is_told_by_its_prefix());

const Entry* find(std::string_view sqlstate) {
    for (const Entry& entry : entries)
        if (sqlstate.substr(0, entry.prefix.size()) == entry.prefix) return &entry;
    return nullptr;
}

}  // namespace

Trouble classify(std::string_view sqlstate, std::string_view message) {
    // Cloudberry's global deadlock detector cancels its victims as a user would.
    if (sqlstate == "57014" && message.find("deadlock detector") != std::string_view::npos)
        return Trouble::again;
    const Entry* entry = find(sqlstate);
    // What nobody thought of is no reason to give up a record: trouble of the world.
    return entry == nullptr ? Trouble::world : entry->trouble;
}

bool may_be_the_datas(std::string_view sqlstate) {
    // A value in binary that a column of another type reads: the connection is none the worse.
    if (sqlstate == "08P01") return true;
    constexpr std::array of_the_world = {"08", "25", "28",    "3D",    "40",    "53",
                                         "57", "58", "55P03", "55006", "XX001", "XX002"};
    if (sqlstate.empty()) return false;
    const Entry* entry = find(sqlstate);
    if (entry != nullptr && entry->trouble == Trouble::data) return true;
    return std::ranges::none_of(of_the_world,
                                [&](const char* prefix) { return sqlstate.starts_with(prefix); });
}

bool is_everybodys(std::string_view sqlstate) {
    constexpr std::array classes = {"08", "25", "40", "53", "57", "58M"};  // 58M01: a segment
    const auto is_of = [&](const char* begin) { return sqlstate.starts_with(begin); };
    return sqlstate.empty() || (sqlstate != "57014" && std::ranges::any_of(classes, is_of));
}

std::string sql_is_data(const std::string& sqlstate) {
    std::string sql;
    for (const Entry& entry : entries) {
        if (entry.trouble != Trouble::data) continue;
        sql += sql.empty() ? "" : " OR ";
        sql.append(sqlstate).append(" LIKE '").append(entry.prefix).append("%'");
    }
    return sql;
}

std::string_view remedy(std::string_view sqlstate) {
    const Entry* entry = find(sqlstate);
    return entry == nullptr ? "" : entry->remedy;
}

}  // namespace sluice
