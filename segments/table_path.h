#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// How a table of SQL names what it reads or writes, and shows that it may: "/sql/PIPELINE/TABLE/
/// TOKEN" reads a pipeline's topics, "/write/TOPIC/TABLE/TOKEN" writes to a topic. The token is
/// made of a secret and of all the rest, so that nothing has to be kept anywhere, and a token of
/// one table, or one to read by, is none of another.
namespace sluice::segments {

// What all of these paths begin with.
inline constexpr const char* table_root = "/sql";
inline constexpr const char* writable_root = "/write";

/// `table`: as SQL names it.
[[nodiscard]] std::string table_path(std::string_view secret, std::string_view pipeline,
                                     std::string_view table);
[[nodiscard]] std::string writable_path(std::string_view secret, std::string_view topic,
                                        std::string_view table);

/// The pipeline, or the topic, of a path that was made so with this secret; nullopt: it was not.
/// Takes as long for a token that is nearly right as for any other.
[[nodiscard]] std::optional<std::string> pipeline_of(std::string_view path,
                                                     std::string_view secret);
[[nodiscard]] std::optional<std::string> topic_of(std::string_view path, std::string_view secret);

/// Behind a writable path, from "?" on: the table's columns, in their order, and the pipeline by
/// which rows become messages; empty: none.
[[nodiscard]] std::string writing_query(std::string_view pipeline,
                                        const std::vector<std::string>& columns);
struct WrittenRows {
    std::string pipeline;
    std::vector<std::string> columns;
};
/// nullopt: it is no such query.
[[nodiscard]] std::optional<WrittenRows> read_writing_query(std::string_view query);

/// As it may stand in a URL.
[[nodiscard]] std::string percent_encoded(std::string_view text);
/// "a=1&b=2", decoded. nullopt: it is none, or has a name twice.
[[nodiscard]] std::optional<std::map<std::string, std::string>> read_query(std::string_view query);

}  // namespace sluice::segments
