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

OfferedWords words_of(const CommandSyntax& command) {
    return words_in(command.words);
}

OfferedWords words_of(const OptionSyntax& option) {
    OfferedWords offered = words_in(option.value);
    offered.pipelines = false;
    return offered;
}

std::vector<OptionSyntax> all_options_of(const CommandSyntax& command) {
    std::vector<OptionSyntax> all = command.options;
    for (const OptionSyntax& option : options_everywhere()) {
        if (std::ranges::find(all, option.name, &OptionSyntax::name) == all.end())
            all.push_back(option);
    }
    return all;
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
