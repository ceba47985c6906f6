#pragma once

#include "sinks/session/session.h"

#include <string>
#include <vector>

namespace sluice {

/// One thing that `sluice check` has to say.
struct Finding {
    enum class Severity { hint, warning, error };
    Severity severity = Severity::error;
    std::string where;  ///< "ingest.orders: table "public"."orders""
    std::string text;
    std::string remedy{};
    std::string place{};  ///< "sluice.toml:12:3", of what it is about, where that is known

    [[nodiscard]] bool is_error() const { return severity == Severity::error; }
};
/// "place: where: text; remedy".
[[nodiscard]] std::string to_string(const Finding& finding);

/// Who would be granted what is missing: the session's role, quoted.
[[nodiscard]] std::string role_of(Session& session);

/// A right to a table that somebody needs, and with it USAGE on the schema.
struct Need {
    std::string schema;
    std::string table;
    std::string privilege;
};
/// An error for each that this role has not got, the schemas' first. Throws DatabaseError.
[[nodiscard]] std::vector<Finding> lacking(Session& session, const std::string& where,
                                           const std::vector<Need>& needs);

}  // namespace sluice
