#pragma once

#include "conformance/certify.h"

#include <string>
#include <variant>
#include <vector>

/// What is typed, and what is answered to it.
namespace sluice::conformance {

struct Words {
    std::string dsn;
    std::string only;
    std::string segments;
};
/// Of --help, --version, --list and --manual: to be printed, and that is all.
struct Text {
    std::string text;
};
/// Or what is wrong, and what to write instead.
[[nodiscard]] std::variant<Words, Text, std::string> read_words(
    const std::vector<std::string>& arguments);

enum ExitCode : int {
    certified = 0,
    differs = 1,       ///< or something was left behind, or it was stopped
    used_wrongly = 2,  ///< or it could not begin
};
[[nodiscard]] ExitCode exit_code_of(const Certificate& certificate, bool stopped);

}  // namespace sluice::conformance
