#pragma once

#include <string>

namespace sluice {

/// A connection string as keywords and values, fit to be shown and stored.
struct PublicDsn {
    std::string text;
    bool left_out_a_password = false;
};

/// Throws WrongConfiguration when it is none. Its text does not hold what was given.
[[nodiscard]] PublicDsn public_dsn(const std::string& dsn);

}  // namespace sluice
