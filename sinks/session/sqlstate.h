#pragma once

#include <string>
#include <string_view>

namespace sluice {

/// What kind of trouble an error of the database is. One table (sqlstate.cpp) decides it for every
/// statement. What follows is the caller's: a batch becomes rejects by `data`, ends its pipeline by
/// `wrong`, and is offered again with back-off by all others; commands and upkeep go on after
/// `again`; a COMMIT that ends in `world` may have taken effect.
enum class Trouble {
    world,   ///< something outside broke
    again,   ///< another transaction was in the way
    person,  ///< stays until somebody does something; see remedy()
    data,    ///< this row, and no other time will help
    wrong,   ///< the statement itself cannot work
};

/// `sqlstate` is empty where the server gave none: the connection broke. `message` is looked at
/// where the code alone says too little.
[[nodiscard]] Trouble classify(std::string_view sqlstate, std::string_view message);

/// Whether an error of loading a row can be about the row, as far as its code goes: a type's input
/// function, a trigger or an extension may raise nearly any. Only an experiment tells: the row
/// fails alone, others do not. False: it is the world's, whatever a row does.
[[nodiscard]] bool may_be_the_datas(std::string_view sqlstate);

/// Whether it is what the whole database lacks or cannot do now, and so no one table's trouble.
/// What may be either, such as a file that cannot be read, is taken for the table's: others are
/// tried without it.
[[nodiscard]] bool is_everybodys(std::string_view sqlstate);

/// SQL for whether a SQLSTATE, an expression of type text, is one of trouble of the data.
[[nodiscard]] std::string sql_is_data(const std::string& sqlstate);

/// What to do about trouble of a person's kind; empty where the message says it all.
[[nodiscard]] std::string_view remedy(std::string_view sqlstate);

}  // namespace sluice
