#include "sinks/verify/verify.h"

#include "pipeline/errors.h"
#include "sinks/catalogue/finding.h"
#include "sinks/session/sql_text.h"
#include "sinks/verify/verify_books.h"
#include "sinks/verify/verify_keys.h"
#include "sinks/verify/verify_target.h"

#include <algorithm>

namespace sluice {
namespace {

void note_rewinds(PartitionBooks& partition) {
    std::vector<std::string>& notes = partition.verified.notes;
    const std::vector<Offset> begins = partition.begins_by_incarnation();
    for (const auto& [incarnation, end] : partition.rewound) {
        const auto next = static_cast<std::size_t>(incarnation) + 1;
        if (next >= begins.size()) continue;
        notes.push_back(
            "rewound to " + std::to_string(begins[next]) + ", so offsets " +
            std::to_string(begins[next]) + " to " + std::to_string(end - 1) +
            " are read once more: the same records, or others where the log was cut off");
    }
    if (const std::int64_t rows = partition.verified.before_rewind; rows > 0) {
        notes.push_back(std::to_string(rows) + " rows from before a rewind are still there");
    }
}

/// All that is missing at once, with what to do about it.
void require_books(Session& session, const std::string& schema) {
    std::vector<Need> needs;
    for (const char* table : {"progress", "ledger", "open_dead_letter", "dead_letter_history"})
        needs.push_back({schema, table, "SELECT"});
    std::string text;
    for (const Finding& finding : lacking(session, "verify", needs))
        text += (text.empty() ? "" : "\n") + to_string(finding);
    if (!text.empty()) throw TroubleOfTheWorld(text);
}

}  // namespace

bool Verification::fine() const {
    if (keys && keys->doubled > 0) return false;
    return std::all_of(partitions.begin(), partitions.end(),
                       [](const VerifiedPartition& p) { return p.problems.empty(); });
}

Verification verify(Session& session, const VerifyOptions& options) {
    return verify(session, {&options, 1});
}

Verification verify(Session& session, std::span<const VerifyOptions> tables) {
    require_books(session, tables.front().schema);
    Transaction transaction(session, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    AllBooks books = verify_books(session, tables.front());
    Verification verification;
    for (const VerifyOptions& options : tables) {
        std::string not_compared = verify_target(session, options, books);
        if (!not_compared.empty() && tables.size() > 1)
            not_compared = "topic " + to_string(options.topics) + ": " + not_compared;
        if (verification.not_compared.empty()) verification.not_compared = std::move(not_compared);
        const auto add_keys = [&](const VerifyOptions& of) {
            const auto keys = verify_keys(session, of);
            if (!keys) return;
            if (!verification.keys) verification.keys.emplace();
            verification.keys->rows += keys->rows;
            verification.keys->doubled += keys->doubled;
        };
        add_keys(options);
        std::ranges::for_each(options.beside, add_keys);
    }
    for (auto& [key, partition] : books) {
        note_rewinds(partition);
        verification.partitions.push_back(std::move(partition.verified));
    }
    return verification;
}

}  // namespace sluice
