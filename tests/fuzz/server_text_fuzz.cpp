#include "sinks/session/server_text.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

using namespace sluice;

/// Whatever a server says: hints that point at something, and no more than what was said.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string_view relation = text.substr(0, text.find('\n'));
    const std::string_view said = text.substr(std::min(relation.size() + 1, size));
    const std::vector<std::string> columns = {"ts", "the city", "a: b", std::string(relation)};
    const CopyHint hint = copy_hint(said, relation, columns);
    if (hint.line && *hint.line == 0) std::abort();
    if (!hint.line && !hint.column.empty()) std::abort();
    if (!hint.column.empty() && std::ranges::find(columns, hint.column) == columns.end())
        std::abort();
    if (parameter_hint(said) && said.find('$') == std::string_view::npos) std::abort();
    std::size_t bytes = 0;
    for (const std::string& element : parse_array(said)) bytes += element.size();
    if (bytes > said.size()) std::abort();
    const std::vector<std::string> texts = {std::string(relation), std::string(said), ""};
    if (parse_array(array_literal(texts)) != texts) std::abort();
    return 0;
}
