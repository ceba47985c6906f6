#pragma once

#include "pipeline/values/json_cursor.h"
#include "pipeline/values/json_index.h"
#include "pipeline/values/scratch.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Leaves fields out of JSON. A path is names from the outside in; a list on the way stands for
/// each of its elements. One thread.
class JsonOmission {
public:
    explicit JsonOmission(std::vector<std::vector<std::string>> paths);

    [[nodiscard]] bool empty() const { return paths_.empty(); }
    /// The text without them, however often one is there; what is left is as it was, save blanks.
    /// Views into `scratch`. nullopt: it is not JSON, and nobody can tell what is in it. `index` is
    /// overwritten.
    [[nodiscard]] std::optional<std::string_view> apply(std::string_view text, JsonIndex& index,
                                                        Scratch& scratch) const;

private:
    using Path = std::span<const std::string>;
    class Writer;

    std::vector<std::vector<std::string>> paths_;
};

}  // namespace sluice
