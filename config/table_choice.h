#pragma once

#include "config/condition/filter.h"

#include <string>
#include <string_view>
#include <variant>

/// Tables that records name: "public.{@headers/type}".
namespace sluice::config {

/// The name of a table with one place in braces, which a record's header, key or field fills:
/// {@headers/type}, {@key/kind}, {/kind}.
class TableChoice {
public:
    /// What is wrong with the text, and what to write.
    [[nodiscard]] static std::variant<TableChoice, std::string> parse(const std::string& text,
                                                                      RecordShape shape);

    /// The condition that records fulfil which name this table; or why none could.
    [[nodiscard]] std::variant<Filter, std::string> filter_of(const std::string& table,
                                                              RecordShape shape) const;

private:
    std::string before_;
    std::string place_;  ///< as conditions name it
    std::string behind_;
};

}  // namespace sluice::config
