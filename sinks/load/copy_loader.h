#pragma once

#include "sinks/load/loader.h"

#include <string>
#include <vector>

namespace sluice {

/// Loads a table by COPY, rows in binary first. Binary is the form to make rows in wherever it can
/// be: COPY reads it in half the time.
class CopyLoader : public Loader {
public:
    /// `table`: as the mapping saw it. `columns`: RowMapper::columns(). The session must outlive
    /// it.
    CopyLoader(Session& session, Table table, std::vector<std::string> columns,
               config::OnInvalid on_invalid);

    [[nodiscard]] std::string target() const override;
    [[nodiscard]] std::optional<std::string> waits_for_keys_of() const override;
    [[nodiscard]] bool expects_refusals(const TargetRows& rows) const override;
    void look(const TargetRows& rows, bool has_failed) override;
    [[nodiscard]] bool has_left_others() const override {
        return binary_.isolation.has_left_others() && text_.isolation.has_left_others();
    }
    [[nodiscard]] ExpectedTable expects() const override { return {table_, &columns_}; }
    [[nodiscard]] std::string copies(const TargetRows& rows) const override;

private:
    /// One of the two forms of COPY.
    struct Form {
        Form(Session& session, const RowIsolation::Shared& shared, IsolationOptions options);

        CopyStatement copy;
        RowIsolation isolation;
        std::optional<DatabaseError> failed{};  ///< what the latest COPY of all rows failed with
        RowIsolation::Known known{};            ///< of the rows that isolate() is about
    };

    void put(const TargetRows& rows, const TakenAway&, std::unique_ptr<PreparedRows>) override;
    void feed(const TargetRows& rows) override;
    [[nodiscard]] std::vector<Reject> separate(const TargetRows& rows, Alike alike,
                                               const TakenAway&) override;
    void forget_earlier();
    void feed_form(Form& form, const EncodedRows& rows);

    const Table table_;
    const std::vector<std::string> columns_;
    ConstraintJudge judge_;
    ServerSideLoad server_side_;
    Blame blame_;
    Form binary_;
    Form text_;
};

[[nodiscard]] MakeLoader copy_loader(const Table& table, const std::vector<std::string>& columns,
                                     config::OnInvalid on_invalid);

}  // namespace sluice
