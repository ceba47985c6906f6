#pragma once

#include <optional>
#include <string>

namespace sluice {

/// Writes a configuration that an import has made to `file`, which must not be there, or to
/// standard output, and says on standard error what a person still has to do in it. `from` stands
/// for a file without a name. Throws WrongConfiguration.
void hand_out(const std::string& toml, const std::optional<std::string>& file,
              const std::string& from);

}  // namespace sluice
