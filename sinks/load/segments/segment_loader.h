#pragma once

#include "sinks/load/copy_loader.h"
#include "sinks/load/segments/segment_transfer.h"

namespace sluice {

/// Loads a table by its database's segments, which fetch the rows; what one of them cannot be
/// loaded for is found by COPY, and a table with rules for INSERT is loaded by that alone. Rows
/// have to be in COPY's text form.
class SegmentLoader : public Loader {
public:
    struct Target {
        Table table;
        std::vector<std::string> columns;  ///< RowMapper::columns()
        config::OnInvalid on_invalid = config::OnInvalid::reject;
    };
    /// The session must outlive it.
    SegmentLoader(Session& session, const Target& target, const SegmentRoute& route);

    [[nodiscard]] std::string target() const override { return copy_.target(); }
    [[nodiscard]] std::optional<std::string> waits_for_keys_of() const override {
        return copy_.waits_for_keys_of();
    }
    [[nodiscard]] bool expects_refusals(const TargetRows& rows) const override {
        return copy_.expects_refusals(rows);
    }
    [[nodiscard]] bool has_left_others() const override { return copy_.has_left_others(); }
    void look(const TargetRows& rows, bool has_failed) override { copy_.look(rows, has_failed); }
    [[nodiscard]] ExpectedTable expects() const override { return copy_.expects(); }

private:
    void put(const TargetRows& rows, const TakenAway&, std::unique_ptr<PreparedRows>) override;
    [[nodiscard]] std::vector<Reject> separate(const TargetRows& rows, Alike alike,
                                               const TakenAway&) override;
    /// The external table has the types of before, and what it reads is cast to those of now.
    [[nodiscard]] bool could_be_misread(const TargetRows& rows) const override {
        return route_.is_for(rows.size());
    }

    /// That INSERT obeys, and COPY does not.
    [[nodiscard]] bool has_rules();

    CopyLoader copy_;
    const SegmentRoute route_;
    SegmentTransfer transfer_;
    bool takes_rows_ = false;  ///< the table, from INSERT, without an error
    bool has_had_rules_ = false;
};

[[nodiscard]] MakeLoader segment_loader(const SegmentLoader::Target& target,
                                        const SegmentRoute& route);

}  // namespace sluice
