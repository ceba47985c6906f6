#pragma once

#include "daemon/commands/command_line.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// What a shell can offer for the words behind a command, read from how the help writes them:
/// "list|show|retry|discard [NAME]"; COMMAND stands for each of `commands`.
struct OfferedWords {
    std::vector<std::string> literal{};  ///< "list", "show", …
    bool pipelines = false;              ///< NAME, or OUTBOX
    bool files = false;                  ///< FILE
};
[[nodiscard]] OfferedWords words_of(const CommandSyntax& command,
                                    std::span<const CommandSyntax> commands);

/// And for the value of an option: "table|json".
[[nodiscard]] OfferedWords words_of(const OptionSyntax& option);

/// "a b c"
[[nodiscard]] std::string joined(const std::vector<std::string>& words);
/// With each of `special` behind `mark`: what it means to a shell is taken from it.
[[nodiscard]] std::string marked(std::string_view text, std::string_view special,
                                 std::string_view mark);

}  // namespace sluice
