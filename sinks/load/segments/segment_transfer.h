#pragma once

#include "pipeline/batch.h"
#include "segments/channel.h"
#include "sinks/session/session.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// How rows of a pipeline get past the coordinator, if they do.
struct SegmentRoute {
    /// What becomes of rows that segments do not fetch: they wait for that, go by COPY, or are of
    /// no pipeline, and whoever tries it is told alone.
    enum class Unfetched { wait, copy, say };

    segments::Server* server = nullptr;  ///< null: they do not
    std::string pipeline{};
    std::size_t least_rows = 0;  ///< fewer of them go by COPY
    Unfetched unfetched = Unfetched::wait;
    /// Where it is COPY: how long a segment may be missing and nothing happen. Longer than a lock
    /// is waited for, where nobody has set another lock_timeout.
    std::chrono::milliseconds patience = std::chrono::seconds(45);

    [[nodiscard]] bool is_for(std::size_t rows) const {
        return server != nullptr && rows >= least_rows;
    }
};

/// The segments do not fetch, as may_go() says from now on, or the table is none for them; to load
/// the same again, in another transaction, is to do it by COPY.
class SegmentsClosed : public DatabaseError {
    using DatabaseError::DatabaseError;
};

/// What to do where segments do not reach the server.
[[nodiscard]] std::string remedy_of_way(const segments::Server& server);
/// What to do where the database lets nobody, or not this role, make an external table.
[[nodiscard]] std::string remedy_of_rights(const std::string& role);
inline constexpr const char* no_segments =
    "the database has no segments that could fetch rows, as Cloudberry and Greenplum have";

/// Rows into a relation by INSERT … SELECT from an external table of the session, whose rows the
/// database's segments fetch from this process. docs/exactly-once.md has the proof. One per loader,
/// used inside the session's open transactions. Needs the right to create external tables.
class SegmentTransfer {
public:
    struct Into {
        std::string relation{};              ///< as SQL names it
        std::vector<std::string> columns{};  ///< in the order of the rows' fields
    };
    SegmentTransfer(Session& session, SegmentRoute route, Into into);

    /// Whether so many rows are to go by insert() now, and not by COPY. Asked once for each load.
    [[nodiscard]] bool may_go(std::size_t rows) {
        return route_.is_for(rows) && counts_->way.may_go();
    }
    /// Rows in COPY's text form, which are not empty; returns how many the relation took. Throws
    /// DatabaseError, also where segments have not read them all, once each, and SegmentsClosed.
    std::int64_t insert(const EncodedRows& rows);

private:
    void prepare();
    [[nodiscard]] std::string definition();
    [[nodiscard]] std::int64_t run_insert(const EncodedRows& rows);
    void make_table();
    struct Attempt;
    [[nodiscard]] DatabaseError what_went_wrong(const DatabaseError& error, const Attempt& attempt,
                                                const segments::Delivery& delivery) const;
    [[noreturn]] void give_up(const DatabaseError& error, const std::string& remedy);
    [[nodiscard]] bool goes_by_copy_after(const DatabaseError& error) const;
    [[noreturn]] void close_way(const DatabaseError& error, const std::string& remedy);
    [[nodiscard]] DatabaseError without_secrets(const DatabaseError& error) const;

    Session& session_;
    const SegmentRoute route_;
    const Into into_;
    const std::shared_ptr<segments::Server::Counts> counts_;  ///< null: without a route
    std::string table_;     ///< the external one; empty: none was made yet
    std::string location_;  ///< where it reads
    std::optional<segments::Channel> channel_;
    std::size_t most_segments_ = 0;  ///< that read one external table, by the database's setting
    bool limits_time_ = false;       ///< of the transaction's statements, since nobody else does
};

}  // namespace sluice
