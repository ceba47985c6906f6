#pragma once

#include <string_view>

namespace sluice {

/// The page at "/", one self-contained document, made of daemon/status_page/ when Sluice is built.
/// "@nonce@" in it stands for what its content security policy names.
extern const std::string_view status_page;

}  // namespace sluice
