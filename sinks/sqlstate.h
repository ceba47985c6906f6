#pragma once

#include <string_view>

namespace sluice {

/// What an error of the database asks for. One table (sqlstate.cpp) decides it for every statement.
enum class Trouble {
    world,   ///< something outside broke: the same again, later, with back-off
    again,   ///< another transaction was in the way: the same again, soon
    person,  ///< stays until somebody does something: the same again, slowly, and say what to do
    data,    ///< this row, and no other time will help: a reject
    wrong,   ///< the statement itself cannot work: wrong configuration
};

/// `sqlstate` is empty where the server gave none: the connection broke. `message` is looked at
/// where the code alone says too little.
[[nodiscard]] Trouble classify(std::string_view sqlstate, std::string_view message);

/// What to do about trouble of a person's kind; empty where the message says it all.
[[nodiscard]] std::string_view remedy(std::string_view sqlstate);

}  // namespace sluice
