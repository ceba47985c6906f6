#pragma once

#include "sinks/load/isolation/row_arrays.h"
#include "sinks/load/staged_rows.h"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice {

/// A row that breaks a constraint of its table.
struct Offender {
    std::size_t row = 0;
    Reason reason;
    /// The row of the same rows that has the unique key first: if that one is not loaded for some
    /// other reason, this one is none.
    std::optional<std::size_t> duplicate_of;
};

/// Finds all rows that break a CHECK, a unique key or a foreign key, or that no partition takes, by
/// queries about the columns that these are about: COPY stops at each of them. The columns are
/// parameters where it is about CHECKs and partitions alone, and the rows in binary; else they are
/// copied into a temporary table. What its queries cannot tell for certain is for COPY to find.
/// judge() goes by the constraints as last read: until still_holds() was asked, in the same
/// transaction, a row that it found may be one that the table takes by now. A staging table needs
/// no such question, which is why Staging does not ask: it has no constraints, so no row of it is
/// ever found. One per sink, used inside its transactions. Needs the right to create temporary
/// tables, but for what it asks by parameters, and SELECT on the columns of a unique key, or on
/// those that a foreign key refers to.
class ConstraintJudge {
public:
    /// `columns`: of the rows, in their order.
    ConstraintJudge(Session& session, std::string qualified_table,
                    std::vector<std::string> columns);

    /// The transaction is a new one: nothing was judged in it.
    void begin() { has_judged_ = false; }
    /// COPY ran into something: if that is a constraint, judge() looks for rows that break it from
    /// now on. Which one, its name tells. Errors of an MPP database's segments lose that on their
    /// way, so what the text mentions comes next, and then each that the code can be about. False:
    /// it is none.
    [[nodiscard]] bool suspect(const DatabaseError& error);
    void clear_suspects() {
        suspects_.clear();
        clues_.clear();
    }

    /// Of the rows [begin, end), as `changes` leave them, those that break a suspected constraint;
    /// nullopt: no suspected constraint is one that can be judged. Throws DatabaseError.
    [[nodiscard]] std::optional<std::vector<Offender>> judge(const EncodedRows& rows, CopyForm form,
                                                             std::size_t begin, std::size_t end,
                                                             const RowChanges& changes);
    /// Whether the table is as judge() took it to be, which need not have asked. With rows in the
    /// table by this transaction the answer holds to its end.
    [[nodiscard]] bool still_holds();

private:
    struct Constraint {
        enum class Kind { check, unique, reference };
        std::string name;  ///< empty: that some partition takes the row
        Kind kind = Kind::check;
        std::string text;                  ///< a CHECK's condition; the table that is referred to
        std::vector<std::string> columns;  ///< that it is about; of a key: the key
        std::vector<std::string> keys;     ///< that the columns refer to, one each
        bool is_volatile = false;          ///< a CHECK that calls something that is
        bool operator==(const Constraint&) const = default;
    };
    using Kind = Constraint::Kind;
    /// What errors said since judge() has last asked which constraints there are.
    struct Clues {
        std::set<std::string> names;
        std::string message;  ///< the latest of those that named none

        [[nodiscard]] bool point_to(const Constraint& constraint) const;
    };

    [[nodiscard]] std::vector<Constraint> read_constraints();
    void know(std::vector<Constraint> constraints);
    void forget_columns();
    void follow_clues();
    void read_rows_of(const std::string& sql, Kind kind, std::vector<Constraint>& to);
    [[nodiscard]] std::vector<const Constraint*> suspected(Kind kind) const;
    [[nodiscard]] std::vector<std::size_t> columns_of(
        const std::vector<const Constraint*>& constraints) const;
    [[nodiscard]] std::optional<std::vector<Offender>> judge_suspected(const EncodedRows& rows,
                                                                       CopyForm form,
                                                                       std::size_t begin,
                                                                       std::size_t end,
                                                                       const RowChanges& changes);
    [[nodiscard]] bool can_be_parameters(const std::vector<const Constraint*>& checks,
                                         CopyForm form);
    void judge_by_queries(const EncodedRows& rows, CopyForm form, std::size_t begin,
                          std::size_t end, const RowChanges& changes, std::vector<Offender>& found);
    void stage(const EncodedRows& rows, CopyForm form, std::size_t begin, std::size_t end,
               const RowChanges& changes);
    void judge_checks(const std::vector<const Constraint*>& checks, std::vector<Offender>& found);
    void judge_parameters(const std::vector<const Constraint*>& checks, const EncodedRows& rows,
                          std::size_t begin, std::size_t end, const RowChanges& changes,
                          std::vector<Offender>& found);
    /// `source`: that broken_among() was about.
    template <typename Source>
    void note_broken(const Rows& broken, const std::vector<const Constraint*>& checks,
                     const Source& source, std::vector<Offender>& found);
    void judge_reference(const Constraint& key, std::vector<Offender>& found);
    void judge_against_table(const Constraint& key, std::vector<Offender>& found);
    [[nodiscard]] Rows look_up(const std::string& query);
    void judge_among_themselves(const Constraint& key, const EncodedRows& rows, CopyForm form,
                                std::size_t begin, std::size_t end, const RowChanges& changes,
                                std::vector<Offender>& found);

    /// Where duplicates were found lately: elsewhere they are not looked for, until COPY runs into
    /// one.
    struct Duplicates {
        bool in_table = true;
        bool among_themselves = true;
    };

    Session& session_;
    const std::string target_;
    const std::vector<std::string> columns_;
    StagedRows staged_;
    RowArrays arrays_;
    bool has_judged_ = false;              ///< in this transaction
    std::vector<Constraint> constraints_;  ///< as last read
    bool knows_ = false;                   ///< nothing says that they are others now
    std::map<Kind, Clues> clues_;
    std::set<std::string> suspects_;
    bool staged_fits_ = false;  ///< it has the columns that suspects are about
    /// The same; nullopt: nobody has looked; false: it cannot have them.
    std::optional<bool> arrays_fit_;
    Duplicates duplicates_;
};

}  // namespace sluice
