#include "sinks/session/public_dsn.h"

#include "pipeline/errors.h"

#include <libpq-fe.h>

#include <memory>
#include <string_view>

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

}  // namespace

PublicDsn public_dsn(const std::string& dsn) {
    char* message = nullptr;
    const std::unique_ptr<PQconninfoOption, FreeOptions> options{
        PQconninfoParse(dsn.c_str(), &message)};
    PQfreemem(message);  // may quote a piece of the password
    if (options == nullptr) {
        throw WrongConfiguration(
            "not a connection string that libpq understands; write \"host=… dbname=… user=…\" or "
            "\"postgresql://…\"");
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
