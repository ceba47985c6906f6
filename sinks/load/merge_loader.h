#pragma once

#include "pipeline/ingest/change_fold.h"
#include "sinks/load/loader.h"
#include "sinks/load/merge_isolation.h"
#include "sinks/load/merge_statements.h"
#include "sinks/load/sql_load.h"
#include "sinks/load/staging.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice {

/// Brings a table's rows to what changes say of them. Of each key only the last change of the batch
/// goes to the database, to a temporary table of the session first, by COPY, and from there to the
/// target by statements. Where SQL says what rows hold, it stands between the two; `where` is
/// judged before, of every change that brings a row. Loaders of one table take turns with these,
/// whichever pipeline or daemon they belong to. A change that the database refuses leaves its row
/// as the changes before it say. Needs the right to create temporary tables.
class MergeLoader : public Loader {
public:
    /// The session must outlive it.
    MergeLoader(Session& session, MergeTarget target, config::OnInvalid on_invalid);

    [[nodiscard]] std::string target() const override;
    [[nodiscard]] bool expects_refusals(const TargetRows& rows) const override;
    void look(const TargetRows& rows) override;
    void refuse_drift() override;
    [[nodiscard]] const WithoutEffect& without_effect() const override { return without_effect_; }

private:
    /// Changes that go to the database, and in which order.
    struct Staged {
        NumberedRows rows;
        std::vector<MergeStep> steps;
        std::vector<FoldedChange> changes;  ///< by number
    };
    /// What became of a change; `open`: a later one took its place.
    enum class Fate : std::uint8_t { open, made, unmatched, older, filtered, refused };
    /// What an isolated load has found so far.
    struct Isolated {
        std::vector<Fate> fates;  ///< by change
        std::vector<Reject> rejects;

        void refuse(const OrderedChanges& changes, std::size_t change, std::vector<Reason> reasons);
    };

    void put(const TargetRows& rows) override;
    [[nodiscard]] std::vector<Reject> separate(const TargetRows& rows, Alike alike) override;

    [[nodiscard]] Staged stage(const OrderedChanges& changes, const TargetRows& rows,
                               const std::vector<std::size_t>& candidates) const;
    [[nodiscard]] std::vector<bool> kept_columns(const std::vector<bool>& kept) const;
    [[nodiscard]] std::vector<bool> not_computed(const MergeStep& step) const;
    void make_staging();
    void copy(const Staged& staged);
    [[nodiscard]] bool has_where() const;
    [[nodiscard]] static std::vector<std::size_t> open_changes(const std::vector<Fate>& fates);
    [[nodiscard]] static NumberedRows rows_to_judge(const OrderedChanges& changes,
                                                    const TargetRows& rows);
    static void supersede_before(RecordLog::Index record, const OrderedChanges& changes,
                                 std::vector<Fate>& fates);
    void empty_isolated(const TargetRows& rows, const OrderedChanges& changes, Isolated& so_far);
    void filter(const OrderedChanges& changes, const TargetRows& rows, std::vector<Fate>& fates);
    void filter_isolated(const OrderedChanges& changes, const TargetRows& rows, Isolated& so_far);
    void make_changes(const Staged& staged, std::vector<Fate>& fates);
    std::set<std::size_t> leave_out_older();
    void copy_isolated(const Staged& staged, const OrderedChanges& changes, Isolated& so_far);
    void make_changes_isolated(const Staged& staged, const OrderedChanges& changes,
                               Isolated& so_far);
    [[nodiscard]] static std::vector<std::size_t> before_refused(
        const OrderedChanges& changes, const std::vector<std::size_t>& candidates,
        const std::vector<Fate>& fates);
    void tell_without_effect(const OrderedChanges& changes, const std::vector<Fate>& fates);

    Session& session_;
    const MergeStatements statements_;
    Staging staging_;
    std::optional<SqlLoad> sql_;
    MergeIsolation isolation_;
    WithoutEffect without_effect_;
    bool refused_lately_ = false;
    std::optional<bool> mpp_;  ///< whether the database is one
};

[[nodiscard]] MakeLoader merge_loader(const MergeTarget& target, config::OnInvalid on_invalid);

}  // namespace sluice
