#pragma once

#include "sinks/session/session.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// Every row is refused alike, or one now and then, by an error whose code does not say that it is
/// about the data: that cannot be told from trouble of the world.
class RefusedAlike : public DatabaseError {
public:
    RefusedAlike(const DatabaseError& error, const char* seen)
        : DatabaseError(error), seen_(seen) {}
    /// What speaks for the rows: "it refuses every row alike".
    [[nodiscard]] const char* seen() const { return seen_; }

private:
    const char* seen_;
};

/// What to do with rows that are refused so: RefusedAlike, as soon as that shows, or blame them.
enum class Alike { wait, refuse };

/// Whether an error of loading rows may be about one of them.
[[nodiscard]] bool may_be_a_rows(const Session& session, const DatabaseError& error);

/// Whether it is about another row: a duplicate of a unique key, or of an exclusion constraint.
[[nodiscard]] bool overlaps(const DatabaseError& error);

/// A way of loading, as Blame tries it: rows by their numbers, one at a time, behind those that are
/// taken. What an offer does is undone, whatever comes of it. Throws what the database says.
class Trial {
public:
    virtual ~Trial() = default;
    virtual void offer(std::size_t row) = 0;
    virtual void offer_none() = 0;
    /// Rows that are still to be loaded.
    [[nodiscard]] virtual std::vector<std::size_t> rest() const = 0;
    /// What offer_none() is, for messages: "a COPY of no rows".
    [[nodiscard]] virtual std::string none() const = 0;
};

/// Who is to blame for an error. A row that fails alone, behind those before it, is, if the same
/// statement about no row works. Where the error's code does not say that it is about data, the row
/// has to fail once more after that, and some other row of the load has to be taken. One per
/// target, used inside the session's open transactions; ways of loading it may share one.
class Blame {
public:
    explicit Blame(const Session& session) : session_(session) {}

    void begin_load(Alike alike);
    /// What comes is loaded by another statement, of which it is not known whether it works.
    void begin_statement() {
        statement_works_ = false;
        turns_ = 0;
    }
    void note_taken(std::size_t rows) { took_some_ |= rows > 0; }
    /// Whether a row that has just failed alone is to blame; if not, it was taken when it was tried
    /// once more. Throws DatabaseError for what no row is to blame for, and RefusedAlike for a row
    /// that fails and is taken in turns.
    [[nodiscard]] bool is_on(std::size_t row, const DatabaseError& error, Trial& trial);
    /// The row is refused for good. Throws RefusedAlike as soon as it shows that all are.
    void note_refused(const DatabaseError& error, Trial& trial);
    /// Throws RefusedAlike.
    void end_load() const;

private:
    void prove_that_statement_works(Trial& trial);
    [[nodiscard]] bool takes(std::size_t row, Trial& trial) const;
    [[nodiscard]] bool takes_any_of(const std::vector<std::size_t>& rows, Trial& trial) const;

    const Session& session_;
    Alike alike_ = Alike::refuse;
    bool statement_works_ = false;
    bool took_some_ = false;
    /// The latest error of a refused row whose code does not say that it is about the data.
    std::optional<DatabaseError> unclear_;
    std::size_t unclear_refusals_ = 0;
    /// The row that was taken when it was tried once more, so many times in a row.
    std::size_t turning_ = 0;
    std::size_t turns_ = 0;
};

}  // namespace sluice
