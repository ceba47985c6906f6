#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a server says in words, in whatever language. Records can write into these texts: COPY
/// quotes the value that it stopped at. So what is read here is where to look first, and no more;
/// no row is refused, and no value made NULL, for it.
namespace sluice {

/// From CONTEXT: "COPY orders, line 12, column ts: …", "COPY orders, Zeile 12, Spalte ts: »…«".
struct CopyHint {
    std::optional<std::size_t> line;  ///< from 1 on
    std::string column;
};
/// `relation`: the name of what COPY writes to. `columns`: those of the COPY.
[[nodiscard]] CopyHint copy_hint(std::string_view context, std::string_view relation,
                                 const std::vector<std::string>& columns);

/// Whether a name stands in a text by itself, not within a longer one.
[[nodiscard]] bool mentions(std::string_view text, std::string_view name);

/// Which parameter a value was, from 0 on: "unnamed portal parameter $12 = '…'". Servers before
/// PostgreSQL 14 do not say.
[[nodiscard]] std::optional<std::size_t> parameter_hint(std::string_view context);

}  // namespace sluice
