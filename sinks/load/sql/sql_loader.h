#pragma once

#include "sinks/load/loader.h"
#include "sinks/load/sql/sql_load.h"

namespace sluice {

/// Adds rows of which SQL says what they hold, or which ones there are: records go to a temporary
/// table of the session, as typed fields, and from there to the target by INSERT … SELECT.
/// Needs the right to create temporary tables.
class SqlLoader : public Loader {
public:
    /// The session must outlive it.
    SqlLoader(Session& session, const SqlTarget& target, const StagingWay& way);

    [[nodiscard]] std::string target() const override;
    [[nodiscard]] std::optional<std::string> waits_for_keys_of() const override;
    [[nodiscard]] bool expects_refusals(const TargetRows&) const override {
        return refused_lately_;
    }
    void look(const TargetRows&, bool) override {}
    [[nodiscard]] ExpectedTable expects() const override {
        return {load_.target().table, &load_.target().columns};
    }
    /// In what they are staged with the types of before.
    [[nodiscard]] bool could_be_misread(const TargetRows&) const override { return true; }
    [[nodiscard]] const WithoutEffect& without_effect() const override { return without_effect_; }

private:
    void put(const TargetRows& rows, const TakenAway&, std::unique_ptr<PreparedRows>) override;
    [[nodiscard]] std::vector<Reject> separate(const TargetRows& rows, Alike alike,
                                               const TakenAway&) override;
    void tell_filtered(const TargetRows& rows, const std::set<std::size_t>& filtered);

    SqlLoad load_;
    WithoutEffect without_effect_;
    bool refused_lately_ = false;
};

}  // namespace sluice
