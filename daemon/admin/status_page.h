#pragma once

#include <string_view>

namespace sluice {

/// The page at "/", one self-contained document, made of status_page/ and the runbook of
/// docs/operations.md when Sluice is built.
/// "@nonce@" in it stands for what its content security policy names.
extern const std::string_view status_page;

}  // namespace sluice
