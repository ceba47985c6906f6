#pragma once

#include "sinks/dead_letters/open_dead_letters.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

struct DeadLetterCounts {
    std::int64_t loaded = 0;
    std::int64_t filtered = 0;
    std::int64_t discarded = 0;
    std::int64_t rejected = 0;  ///< again

    [[nodiscard]] std::int64_t all() const { return loaded + filtered + discarded + rejected; }
    DeadLetterCounts& operator+=(const DeadLetterCounts& other);
};

struct DeadLetterPassOptions {
    DeadLetterQuery query;
    DecidedBy by;
    std::int64_t rows_per_batch = 5000;
    std::size_t bytes_per_batch = 16u << 20;
};

/// Takes up the open dead letters that a query names, each once, in the order of their positions,
/// a transaction for each batch: what is done with them and the note of it commit together. Several
/// passes over the same letters may run at once, beside the pipeline that writes them: nothing here
/// locks a table against INSERT or COPY. docs/exactly-once.md has the proof.
///
/// Used by one thread; the session must outlive it.
class DeadLetterPass {
public:
    /// Decides about a batch, in the session's open transaction; one outcome each.
    using Decide = std::function<std::vector<DeadLetterOutcome>()>;
    /// Looks at a batch while no transaction is open: it may ask others than the database, and take
    /// its time. What it returns may be called once, or not at all.
    using Prepare = std::function<Decide(const std::vector<WholeDeadLetter>& letters)>;

    DeadLetterPass(Session& session, DeadLetterPassOptions options, Prepare prepare)
        : session_(session), options_(std::move(options)), prepare_(std::move(prepare)) {}

    /// The next batch, of at most so many; nullopt: none is left. Tries again for a while when the
    /// database is away or somebody is in the way. Throws DatabaseError or TroubleOfTheWorld; what
    /// was counted so far has happened, and a new pass goes on with the rest.
    std::optional<DeadLetterCounts> next(std::int64_t most);

private:
    std::optional<DeadLetterCounts> attempt(std::int64_t most);
    /// nullopt: somebody else was faster with these letters.
    std::optional<DeadLetterCounts> settle_page(const std::vector<WholeDeadLetter>& letters,
                                                const Decide& decide);
    std::optional<DeadLetterCounts> settle();
    void take_turns();

    Session& session_;
    const DeadLetterPassOptions options_;
    const Prepare prepare_;
    std::optional<DeadLetter> behind_;  ///< the last one that was taken up
    /// A batch whose COMMIT was not answered.
    struct Doubt {
        DeadLetter first;
        DeadLetter last;
        DeadLetterCounts counts;
    };
    std::optional<Doubt> in_doubt_;
};

}  // namespace sluice
