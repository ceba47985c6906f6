#include "daemon/manual/words_of.h"

#include <algorithm>

namespace sluice {
namespace {

OfferedWords words_in(std::string_view syntax) {
    OfferedWords offered;
    while (!syntax.empty()) {
        const auto end = std::min(syntax.find_first_of(" |[]="), syntax.size());
        const std::string word(syntax.substr(0, end));
        syntax.remove_prefix(std::min(end + 1, syntax.size()));
        if (word.empty() || word.starts_with("-")) continue;
        if (word.starts_with("NAME") || word.starts_with("OUTBOX")) {
            offered.pipelines = true;
        } else if (word == "FILE") {
            offered.files = true;
        } else if (std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; })) {
            offered.literal.push_back(word);
        }
    }
    return offered;
}

}  // namespace

OfferedWords words_of(const CommandSyntax& command, std::span<const CommandSyntax> commands) {
    OfferedWords offered = words_in(command.words);
    if (command.words.find("COMMAND") == std::string_view::npos) return offered;
    for (const CommandSyntax& each : commands) offered.literal.emplace_back(each.name);
    return offered;
}

OfferedWords words_of(const OptionSyntax& option) {
    OfferedWords offered = words_in(option.value);
    offered.pipelines = false;
    return offered;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

std::string marked(std::string_view text, std::string_view special, std::string_view mark) {
    std::string quoted;
    for (const char c : text) {
        if (special.find(c) != std::string_view::npos) quoted += mark;
        quoted += c;
    }
    return quoted;
}

}  // namespace sluice
