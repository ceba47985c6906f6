#pragma once

#include "daemon/commands/command_line.h"
#include "sinks/dead_letters/dead_letter_pass.h"
#include "sinks/dead_letters/open_dead_letters.h"

#include <cstdint>
#include <string>
#include <vector>

/// How `sluice dead-letters` prints, for people or machines.
namespace sluice {

/// What `list` found.
struct DeadLetterList {
    std::vector<DeadLetter> letters;
    std::int64_t all = 0;  ///< how many there are, shown or not
    std::vector<AlikeDeadLetters> by_reason;
};
/// One line each, and below how many there are for which reason.
void print_list(const DeadLetterList& list, CommandLine::Output output);
/// In full; `all` as above; bytes that are no text as hex.
void print_whole(const std::vector<WholeDeadLetter>& letters, std::int64_t all,
                 CommandLine::Output output);

/// What a retry or a discard has done to one pipeline's dead letters.
struct DeadLetterResult {
    std::string pipeline;
    DeadLetterCounts counts;
    std::int64_t of_other_topics = 0;  ///< which the pipeline does not read any more: left alone
};
void print_results(const std::vector<DeadLetterResult>& results, CommandLine::Output output);

}  // namespace sluice
