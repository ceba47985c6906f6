#include "daemon/commands/where_option.h"

#include "pipeline/errors.h"

#include <string>
#include <utility>
#include <variant>

namespace sluice {

std::optional<config::Condition> where_of(const CommandLine& line,
                                          const std::vector<config::Field>& fields) {
    const auto text = line.option("--where");
    if (!text) return std::nullopt;
    auto parsed = config::parse_where(*text, fields);
    if (const auto* problem = std::get_if<std::string>(&parsed)) {
        throw WrongConfiguration("--where: " + *problem);
    }
    return std::get<config::Condition>(std::move(parsed));
}

}  // namespace sluice
