#include "daemon/commands/where_option.h"

#include "pipeline/errors.h"

#include <string>
#include <utility>
#include <variant>

namespace sluice {

std::optional<query::Condition> where_of(const CommandLine& line,
                                         const std::vector<query::Field>& fields) {
    const auto text = line.option("--where");
    if (!text) return std::nullopt;
    auto parsed = query::parse_where(*text, fields);
    if (const auto* problem = std::get_if<std::string>(&parsed)) {
        throw WrongConfiguration("--where: " + *problem);
    }
    return std::get<query::Condition>(std::move(parsed));
}

}  // namespace sluice
