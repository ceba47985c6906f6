#include "config/sections/read_pem.h"

namespace sluice::config {

Secret read_pem(TableReader& section, std::string_view key, std::string_view example,
                const Scope& scope) {
    constexpr std::string_view mark = "-----BEGIN ";
    const auto found = section.text(key, example);
    if (!found) return {};
    if (found->text.find(mark) != std::string::npos) return {found->text, true};
    const Node file{
        .at = found->at,
        .value = TomlTable{.entries = {{.key = "file",
                                        .at = found->at,
                                        .value = {.at = found->at, .value = found->text}}},
                           .is_inline = true}};
    const auto content = found->secret ? std::nullopt : resolve_text(file, key, example, scope);
    if (content && content->text.find(mark) != std::string::npos) return {content->text, true};
    if (content || found->secret)
        section.problem(found->at, in_quotes(key) + ": " +
                                       (content ? "file " + in_quotes(found->text) : found->shown) +
                                       " is not PEM, which begins with -----BEGIN");
    return {};
}

void refuse_half_of(TableReader& section) {
    if (section.has("certificate") != section.has("key"))
        section.problem(section.at(section.has("key") ? "key" : "certificate"),
                        "\"certificate\" and \"key\" belong together; add the other one");
}

}  // namespace sluice::config
