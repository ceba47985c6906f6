#pragma once

#include "sinks/load/loader.h"
#include "sinks/load/merge/merge_rounds.h"
#include "sinks/load/sql/sql_load.h"
#include "sinks/load/staging.h"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice {

/// Brings a table's rows to what changes say of them. Of each key only the last change of the batch
/// goes to the database, to a temporary table of the session first, and from there to the
/// target by statements. Where SQL says what rows hold, it stands between the two; `where` is
/// judged before, of every change that brings a row. Loaders of one table take turns with these,
/// whichever pipeline or daemon they belong to. A change that the database refuses leaves its row
/// as the changes before it say. Needs the right to create temporary tables.
class MergeLoader : public Loader {
public:
    /// The session must outlive it.
    MergeLoader(Session& session, MergeTarget target, const StagingWay& way);

    [[nodiscard]] std::string target() const override;
    [[nodiscard]] bool expects_refusals(const TargetRows& rows) const override;
    void look(const TargetRows& rows, bool has_failed) override;
    [[nodiscard]] ExpectedTable expects() const override { return {statements_.target().table}; }
    /// In what they are staged with the types of before, and what no change speaks of is, too.
    [[nodiscard]] bool could_be_misread(const TargetRows&) const override { return true; }
    [[nodiscard]] const WithoutEffect& without_effect() const override { return without_effect_; }
    /// Folds, where no `where` decides what is folded.
    [[nodiscard]] std::unique_ptr<PreparedRows> prepare(const TargetRows& rows) const override;
    void take_turn() override { session_.run(statements_.take_turn()); }
    [[nodiscard]] TakenAway take_away(const TargetRows& rows) override;
    [[nodiscard]] TakenAway take_away_isolated(const TargetRows& rows,
                                               const std::set<RecordLog::Index>* only) override;

private:
    class FoldedRows;

    void put(const TargetRows& rows, const TakenAway& gone,
             std::unique_ptr<PreparedRows> prepared) override;
    [[nodiscard]] std::vector<Reject> separate(const TargetRows& rows, Alike alike,
                                               const TakenAway& gone) override;

    static void set_gone(const TakenAway& gone, const OrderedChanges& changes,
                         std::vector<Fate>& fates);

    [[nodiscard]] std::vector<bool> not_computed(const MergeStep& step) const;
    void make_staging();
    void copy(const StagedChanges& staged);
    [[nodiscard]] std::vector<RefusedNumber> copy_isolated(const StagedChanges& staged);
    [[nodiscard]] bool has_where() const;
    static void supersede_before(RecordLog::Index record, const OrderedChanges& changes,
                                 std::vector<Fate>& fates);
    /// Why not; nullopt: it is empty.
    [[nodiscard]] std::optional<DatabaseError> try_to_empty();
    void empty_isolated(const TargetRows& rows, const OrderedChanges& changes, MergeRounds& rounds);
    void filter(const OrderedChanges& changes, const TargetRows& rows, std::vector<Fate>& fates);
    void filter_isolated(const OrderedChanges& changes, const TargetRows& rows,
                         MergeRounds& rounds);
    void make_changes(const StagedChanges& staged, std::vector<Fate>& fates);
    [[nodiscard]] std::set<std::size_t> leave_out_older();
    [[nodiscard]] StagedChanges stage_round(const OrderedChanges& changes, const TargetRows& rows,
                                            MergeRounds& rounds);
    [[nodiscard]] MergeRounds::Found look_at_places(const std::vector<std::size_t>& which,
                                                    const NumberedRows& places);
    void make_round(const StagedChanges& staged, MergeRounds& rounds);
    void tell_without_effect(const OrderedChanges& changes, const std::vector<Fate>& fates);

    const MergeStatements statements_;
    Staging staging_;
    std::optional<Staging> places_;  ///< where there is an order: keys and places alone
    std::optional<SqlLoad> sql_;
    MergeIsolation isolation_;
    WithoutEffect without_effect_;
    bool refused_lately_ = false;
    std::optional<std::map<std::string, std::string>> types_;  ///< behind domains, by column
};

[[nodiscard]] MakeLoader merge_loader(const MergeTarget& target, const StagingWay& way);

}  // namespace sluice
