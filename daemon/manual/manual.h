#pragma once

#include "daemon/commands/command_line.h"

#include <span>
#include <string>
#include <string_view>

/// What a package carries beside the program, written from what the program says of itself.
namespace sluice {

/// sluice(1), in the macros of man(7).
[[nodiscard]] std::string man_page(std::span<const CommandSyntax> commands,
                                   std::string_view version);
/// And that of one command: sluice-peek(1).
[[nodiscard]] std::string man_page_of(const CommandSyntax& command, std::string_view version);

/// For bash, zsh and fish. Words that are names of pipelines come from the configuration at hand.
[[nodiscard]] std::string bash_completion(std::span<const CommandSyntax> commands);
[[nodiscard]] std::string zsh_completion(std::span<const CommandSyntax> commands);
[[nodiscard]] std::string fish_completion(std::span<const CommandSyntax> commands);

}  // namespace sluice
