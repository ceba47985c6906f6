#include "sinks/dead_letters/dead_letter_pass.h"

#include "config/text/hash.h"
#include "pipeline/backoff.h"
#include "pipeline/errors.h"
#include "pipeline/fail_point.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using Kind = DeadLetterOutcome::Kind;

constexpr auto pass_patience = 60s;
constexpr BackoffLimits between_tries{100ms, 5s};

/// Somebody else has decided about letters of the batch meanwhile.
class Collision {};

DeadLetterCounts count(const std::vector<DeadLetterOutcome>& outcomes) {
    DeadLetterCounts counts;
    for (const DeadLetterOutcome& outcome : outcomes) {
        counts.loaded += outcome.kind == Kind::loaded;
        counts.filtered += outcome.kind == Kind::filtered;
        counts.discarded += outcome.kind == Kind::discarded;
        counts.rejected += outcome.kind == Kind::rejected;
    }
    return counts;
}

/// The same lock for all passes over one pipeline's letters.
std::int64_t lock_key(const DeadLetterQuery& query) {
    config::Fnv1a hash;
    hash.bytes("sluice.dead_letter " + query.schema + " " + query.pipeline);
    return static_cast<std::int64_t>(hash.value());
}

}  // namespace

DeadLetterCounts& DeadLetterCounts::operator+=(const DeadLetterCounts& other) {
    loaded += other.loaded;
    filtered += other.filtered;
    discarded += other.discarded;
    rejected += other.rejected;
    return *this;
}

std::optional<DeadLetterCounts> DeadLetterPass::next(std::int64_t most) {
    const auto give_up = std::chrono::steady_clock::now() + pass_patience;
    Backoff backoff{between_tries};
    for (;;) {
        std::string trouble;
        try {
            if (const auto settled = settle()) return settled;
            return attempt(most);
        } catch (const Collision&) {
            trouble = "somebody else retries or discards the same dead letters";
        } catch (const OutcomeUnknown& error) {
            trouble = std::string("the answer to COMMIT was lost: ") + error.what();
        } catch (const DatabaseError& error) {
            if (error.trouble() != Trouble::again && error.trouble() != Trouble::world) throw;
            trouble = error.what();
        }
        if (std::chrono::steady_clock::now() > give_up)
            throw TroubleOfTheWorld(trouble + "; run it again for the rest");
        std::this_thread::sleep_for(backoff.next());
    }
}

/// Two passes that go over the same letters would do all work twice, and on an MPP database their
/// waits for each other's keys could close a circle across segments that nobody detects. What
/// decides is the primary key all the same.
void DeadLetterPass::take_turns() {
    session_.exec("SELECT pg_advisory_xact_lock($1::bigint)",
                  {std::to_string(lock_key(options_.query))});
}

std::optional<DeadLetterCounts> DeadLetterPass::attempt(std::int64_t most) {
    for (;;) {
        const std::vector<WholeDeadLetter> letters =
            read_dead_letters(session_, options_.query,
                              {.after = behind_ ? &*behind_ : nullptr,
                               .limit = std::min(most, options_.rows_per_batch),
                               .bytes = options_.bytes_per_batch});
        if (letters.empty()) return std::nullopt;
        SLUICE_FAIL_POINT("letters_read");
        if (const auto counts = settle_page(letters, prepare_(letters))) return counts;
    }
}

std::optional<DeadLetterCounts> DeadLetterPass::settle_page(
    const std::vector<WholeDeadLetter>& letters, const Decide& decide) {
    // Deferred constraints would blame the transaction; this way they blame the statement.
    Transaction transaction(session_, "SET CONSTRAINTS ALL IMMEDIATE");
    take_turns();
    // The first one tells of most pages that they are somebody else's by now, before they are
    // loaded in vain.
    if (is_decided(session_, options_.query.schema, letters.front())) return std::nullopt;
    const std::vector<DeadLetterOutcome> outcomes = decide();
    SLUICE_FAIL_POINT("letters_loaded");
    if (!note_outcomes(session_, options_.query.schema, options_.by, letters, outcomes))
        throw Collision();
    const DeadLetterCounts counts = count(outcomes);
    SLUICE_FAIL_POINT("letters_noted");
    try {
        transaction.commit();
    } catch (const OutcomeUnknown&) {
        in_doubt_ = {letters.front(), letters.back(), counts};
        throw;
    }
    SLUICE_FAIL_POINT("letters_committed");
    behind_ = letters.back();
    return counts;
}

/// The old transaction holds the lock until it has ended, either way: what is read behind it is the
/// truth.
std::optional<DeadLetterCounts> DeadLetterPass::settle() {
    if (!in_doubt_) return std::nullopt;
    Transaction transaction(session_);
    take_turns();
    const bool committed =
        has_noted(session_, options_.query.schema, options_.by, in_doubt_->first);
    transaction.commit();
    const Doubt doubt = *std::exchange(in_doubt_, std::nullopt);
    if (!committed) return std::nullopt;
    behind_ = doubt.last;
    return doubt.counts;
}

}  // namespace sluice
