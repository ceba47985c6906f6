#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

/// What may stand in a configuration file, for those who check or complete one without loading it.
namespace sluice::config {

/// What may stand in one place.
struct Shape {
    enum class Kind {
        anything,
        text,
        texts,     ///< a list of them
        whole,     ///< from `least` to `most`
        size,      ///< a whole number, or a text such as "16MiB"
        duration,  ///< a text such as "30s"
        truth,     ///< true or false
        word,      ///< one of `words`
        table,
        tables,  ///< a list of them
    };
    std::string key{};  ///< empty: of the user's own choice
    Kind kind = Kind::anything;
    std::int64_t least = 0;
    std::int64_t most = 0;
    std::vector<std::string> words{};
    bool required = false;
    /// Of a table, or of each in the list. One key may be there several times: each is permitted.
    /// Addresses stay.
    std::list<Shape> entries{};
};

/// Of a whole file. It is what the readers of the sections ask for: they are run over a file in
/// which everything is empty, and what they would take is noted.
[[nodiscard]] Shape shape_of_file();

}  // namespace sluice::config
