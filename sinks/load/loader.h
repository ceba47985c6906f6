#pragma once

#include "pipeline/batch.h"
#include "pipeline/mapping/targets.h"
#include "sinks/load/drift.h"
#include "sinks/load/isolation/row_isolation.h"
#include "sinks/session/session.h"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// What of a target's changes was made before the rest.
struct TakenAway {
    bool emptied = false;              ///< the table, by the latest truncation
    std::set<std::size_t> removals{};  ///< by their places in OrderedChanges
    std::set<std::size_t> older{};     ///< of these, what the table has newer rows than
};

/// What a loader has made of rows beforehand, for itself.
class PreparedRows {
public:
    virtual ~PreparedRows() = default;
};

/// How rows get into one target, within a transaction that others begin and end: by COPY, by a
/// merge, straight into the segments. Knows nothing of progress, books and COMMIT. One per target
/// and session, used by the session's thread, save prepare(); remembers how loads went. Throws
/// DatabaseError, and TroubleOfTheWorld when the target has changed since it was looked up: what
/// loads rows asks for that itself, so that nobody can leave it out.
class Loader {
public:
    explicit Loader(Session& session) : session_(session) {}
    virtual ~Loader() = default;

    /// For messages: "table public.orders".
    [[nodiscard]] virtual std::string target() const = 0;
    /// The table, qualified, whose loads may wait for keys of each other; nullopt: they do not, or
    /// take turns as they are.
    [[nodiscard]] virtual std::optional<std::string> waits_for_keys_of() const {
        return std::nullopt;
    }
    /// Some row of so many will very likely be refused: isolate() at once.
    [[nodiscard]] virtual bool expects_refusals(const TargetRows& rows) const = 0;

    /// Of loaders that take turns: before any of several targets is changed in this transaction, in
    /// the same order by all who change them.
    virtual void take_turn() {}
    /// What is gone in the end, before the rest: rows of other targets refer to it no more, once
    /// theirs are gone, too.
    [[nodiscard]] virtual TakenAway take_away(const TargetRows&) { return {}; }
    /// The same, as far as the database lets it; of `only` these records.
    [[nodiscard]] virtual TakenAway take_away_isolated(const TargetRows&,
                                                       const std::set<RecordLog::Index>*) {
        return {};
    }
    /// What of load() needs no database, for rows that are complete and may still lose some. From
    /// any thread, also while the loader is used. Null: nothing.
    [[nodiscard]] virtual std::unique_ptr<PreparedRows> prepare(const TargetRows&) const {
        return nullptr;
    }
    /// All rows at once, which nearly always works. After an error that may be a row's, isolate().
    void load(const TargetRows& rows, const TakenAway& gone = {}) {
        if (load_without_look(rows, gone)) refuse_drift();
    }
    /// The same for who loads several targets, and looks at all of them at once: whether what this
    /// one expects() is to be looked at before COMMIT. `prepared`: of these rows, or null.
    [[nodiscard]] bool load_without_look(const TargetRows& rows, const TakenAway& gone,
                                         std::unique_ptr<PreparedRows> prepared = nullptr) {
        put(rows, gone, std::move(prepared));
        return could_be_misread(rows);
    }
    /// Where load_without_look() is COPYs and nothing else: their statements, each with a semicolon
    /// behind it, for a message that may have those of other loaders, too; empty: it is more.
    [[nodiscard]] virtual std::string copies(const TargetRows&) const { return {}; }
    /// load_without_look(), when the session has got copies(), and those before them are done.
    [[nodiscard]] bool feed_without_look(const TargetRows& rows) {
        feed(rows);
        return could_be_misread(rows);
    }
    /// What of isolate() has to happen outside of a transaction. It may be left out. `has_failed`:
    /// a load of these very rows, with what others have, has just failed. Who calls it loads the
    /// rows that isolate() leaves once more where those behind savepoints are not safe: not all of
    /// them need have been tried then.
    virtual void look(const TargetRows& rows, bool has_failed) = 0;
    /// Loads the rows that the database takes, and finds those that it does not. Constraints must
    /// be IMMEDIATE. Throws RefusedAlike unless those are to be refused, too.
    [[nodiscard]] std::vector<Reject> isolate(const TargetRows& rows, Alike alike,
                                              const TakenAway& gone = {}) {
        std::vector<Reject> refused = separate(rows, alike, gone);
        // Rows that no longer fit are not the data's fault.
        if (!refused.empty() || could_be_misread(rows)) refuse_drift();
        return refused;
    }
    /// The latest isolate() has put no row into the target, and left them all to look()'s caller.
    [[nodiscard]] virtual bool has_left_others() const { return false; }
    /// Of the latest load() or isolate().
    [[nodiscard]] virtual const WithoutEffect& without_effect() const {
        static const WithoutEffect none;
        return none;
    }
    /// What the rows were made for; valid as long as the loader.
    [[nodiscard]] virtual ExpectedTable expects() const = 0;
    /// Whether the target still is that; in a transaction or outside.
    void refuse_drift() { refuse_drift_of(session_, expects()); }

protected:
    Session& session_;

private:
    virtual void put(const TargetRows& rows, const TakenAway& gone,
                     std::unique_ptr<PreparedRows> prepared) = 0;
    virtual void feed(const TargetRows&) {}
    [[nodiscard]] virtual std::vector<Reject> separate(const TargetRows& rows, Alike alike,
                                                       const TakenAway& gone) = 0;
    /// Eight bytes that were a bigint are a double precision as well: in binary they would be
    /// loaded as another value, and no error would say so.
    [[nodiscard]] virtual bool could_be_misread(const TargetRows& rows) const {
        return !rows.binary.rows.empty();
    }
};

/// Makes the loader of a target for the session that it is to use.
using MakeLoader = std::function<std::unique_ptr<Loader>(Session& session)>;
/// The same of several targets.
using MakeLoaderOf = std::function<MakeLoader(TargetId target)>;

}  // namespace sluice
