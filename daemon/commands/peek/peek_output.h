#pragma once

#include "daemon/commands/command_line.h"
#include "pipeline/batch.h"
#include "pipeline/record.h"

#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice {

/// A record, and what a pipeline would make of it.
struct Peeked {
    enum class As { raw, row, removal, truncation, rejected, filtered };
    As as = As::raw;
    const Record& record;
    std::span<const std::string> columns{};            ///< of a row, or one that goes
    std::vector<std::optional<std::string>> values{};  ///< by column
    std::string into{};                                ///< of several tables the row's
    std::span<const Reason> reasons{};                 ///< As::rejected
};

/// Prints records one after the other, holding few of them. Used by one thread.
class PeekOutput {
public:
    virtual ~PeekOutput() = default;
    virtual void show(const Peeked& peeked) = 0;
    /// Everything is out when it returns. More may follow.
    virtual void finish() {}
};

struct PeekOutputOptions {
    CommandLine::Output form = CommandLine::Output::table;
    bool to_terminal = false;  ///< nothing that a terminal would obey goes out, in no form
    std::optional<std::vector<std::string>> columns;  ///< of the rows; nullopt: records are raw
    bool several_topics = false;                      ///< a record's is said
    bool several_tables = false;  ///< each with columns of its own, which `columns` does not have
};

[[nodiscard]] std::unique_ptr<PeekOutput> make_peek_output(PeekOutputOptions options,
                                                           std::ostream& out);

}  // namespace sluice
