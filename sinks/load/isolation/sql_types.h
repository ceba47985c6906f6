#pragma once

#include "sinks/session/session.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sluice {

/// A column's type, as statements about values of it need it.
struct SqlType {
    std::string sql;        ///< with its modifier
    std::string collation;  ///< that the column has and its type has not; empty: none
    std::int64_t oid = 0;
    /// In SQL, of values that a cast to the type turns into what COPY makes of them; empty: no
    /// array has such values.
    std::string array;
    bool operator==(const SqlType&) const = default;
};
using SqlTypes = std::map<std::string, SqlType>;

/// Of these columns of a table, qualified and quoted, by their names, those that it has.
[[nodiscard]] SqlTypes sql_types(Session& session, const std::string& table,
                                 const std::vector<std::string>& columns);

}  // namespace sluice
