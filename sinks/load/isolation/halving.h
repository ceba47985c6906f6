#pragma once

#include "sinks/load/isolation/blame.h"
#include "sinks/load/staging.h"

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

[[nodiscard]] RefusedNumber refused_by(std::size_t number, const DatabaseError& error);

/// Does to numbered rows what a statement does, and finds those that it cannot be done to, inside
/// the session's open transaction, with savepoints: a piece that fails is halved, down to one row,
/// which is refused if Blame proves it. Used inside one transaction after the other.
class Halving : private Trial {
public:
    class Work {
    public:
        virtual ~Work() = default;
        /// Does it to [begin, end), perhaps to none, and sends `before` first. Throws
        /// DatabaseError.
        virtual void make(const std::string& before, std::size_t begin, std::size_t end) = 0;
        /// The same, of whatever rows could come, where it will be undone.
        virtual void attempt(const std::string& before, std::size_t begin, std::size_t end) {
            make(before, begin, end);
        }
        /// Whether it has sent `before` and then looked which rows of a piece that failed had
        /// better not be tried: these are absent from now on.
        [[nodiscard]] virtual bool takes_out(const std::string& /*before*/, const DatabaseError&,
                                             std::size_t /*begin*/, std::size_t /*end*/) {
            return false;
        }
        /// Whether a row that is to blame is somebody else's to care for.
        [[nodiscard]] virtual bool sets_aside(std::size_t, const DatabaseError&) { return false; }
        /// What it is to do it to none, for messages: "a change of no row".
        [[nodiscard]] virtual std::string none() const = 0;
    };
    /// Of numbers: those to work on, and up to where others may come.
    struct Range {
        std::size_t begin = 0;
        std::size_t end = 0;
        std::size_t last = 0;
    };

    explicit Halving(Session& session) : session_(session), blame_(session) {}

    void begin_load(Alike alike) { blame_.begin_load(alike); }
    /// `absent`: numbers without a row. Throws DatabaseError for trouble of the world and for
    /// trouble that no row is to blame for, RefusedAlike as Blame does. Leaves a savepoint open.
    void run(Work& work, const Range& range, const std::set<std::size_t>& absent);
    void note_taken(std::size_t rows) { blame_.note_taken(rows); }
    /// Of run(), or what came after it.
    void end_savepoint();
    [[nodiscard]] std::vector<RefusedNumber> take_refused() { return std::move(refused_); }
    /// Throws RefusedAlike.
    void end_load() const { blame_.end_load(); }

private:
    void offer(std::size_t number) override;
    void offer_none() override;
    [[nodiscard]] std::vector<std::size_t> rest() const override;
    [[nodiscard]] std::string none() const override { return work_->none(); }

    [[nodiscard]] std::size_t count(std::size_t begin, std::size_t end) const;
    void on_failure(std::size_t number, const DatabaseError& error);

    Session& session_;
    Blame blame_;

    // Of the run() that goes on:
    Work* work_ = nullptr;
    Range range_;
    const std::set<std::size_t>* absent_ = nullptr;
    std::vector<std::pair<std::size_t, std::size_t>> open_;  ///< the next piece is the last
    const char* before_ = "";  ///< what brings the savepoint in order for the next statement
    std::vector<RefusedNumber> refused_;
};

}  // namespace sluice
