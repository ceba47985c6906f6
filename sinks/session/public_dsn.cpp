#include "sinks/session/public_dsn.h"

#include "config/text/words.h"
#include "pipeline/errors.h"

#include <libpq-fe.h>

#include <memory>
#include <string_view>
#include <vector>

namespace sluice {
namespace {

struct FreeOptions {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

std::string quoted_where_needed(std::string_view value) {
    if (!value.empty() && value.find_first_of(" '\\") == std::string_view::npos) {
        return std::string(value);
    }
    std::string text = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') text += '\\';
        text += c;
    }
    return text + "'";
}

/// "; it has no option "hst"; did you mean "host"?", where libpq says so. What it quotes may be a
/// piece of the password, so that only what is nearly the name of an option is told.
std::string misspelt_option(const std::string& said) {
    const std::size_t open = said.find('"');
    const std::size_t close = said.find('"', open + 1);
    const bool is_about_one = said.find("invalid connection option") != std::string::npos ||
                              said.find("invalid URI query parameter") != std::string::npos;
    if (!is_about_one || open == std::string::npos || close == std::string::npos) return {};
    const std::string name = said.substr(open + 1, close - open - 1);
    const std::unique_ptr<PQconninfoOption, FreeOptions> known{PQconninfoParse("", nullptr)};
    std::vector<std::string_view> options;
    for (const auto* each = known.get(); each != nullptr && each->keyword != nullptr; ++each)
        options.emplace_back(each->keyword);
    const std::string meant = config::suggestion(name, options);
    return meant.empty() ? "" : "; it has no option " + config::in_quotes(name) + meant;
}

}  // namespace

PublicDsn public_dsn(const std::string& dsn) {
    char* message = nullptr;
    const std::unique_ptr<PQconninfoOption, FreeOptions> options{
        PQconninfoParse(dsn.c_str(), &message)};
    const std::string said = message == nullptr ? "" : message;
    PQfreemem(message);
    if (options == nullptr) {
        const std::string meant = misspelt_option(said);
        throw WrongConfiguration(
            "not a connection string that libpq understands" +
            (meant.empty() ? "; write \"host=… dbname=… user=…\" or \"postgresql://…\"" : meant));
    }
    PublicDsn result;
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val == nullptr) continue;
        const std::string_view keyword = option->keyword;
        // What libpq marks so is not to be shown, whatever its name is in later versions.
        if (std::string_view(option->dispchar) == "*") {
            result.left_out_a_password = true;
            continue;
        }
        if (!result.text.empty()) result.text += ' ';
        result.text.append(keyword).append("=").append(quoted_where_needed(option->val));
    }
    return result;
}

}  // namespace sluice
