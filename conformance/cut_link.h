#pragma once

#include <memory>
#include <string>

namespace sluice::conformance {

/// A way to the database that breaks where it is told to: sessions that take it lose their
/// connection from their own side, which a server has to bear. Reads along, so there is no TLS on
/// it. Has a thread of its own; to be used by one other.
class CutLink {
public:
    /// Throws Skipped where the server cannot be reached without TLS, DatabaseError where it cannot
    /// be reached.
    explicit CutLink(const std::string& dsn);
    ~CutLink();
    CutLink(const CutLink&) = delete;
    CutLink& operator=(const CutLink&) = delete;

    /// The same database by this way.
    [[nodiscard]] const std::string& dsn() const { return dsn_; }

    enum class At {
        nothing,
        rows,           ///< in the midst of them: after the first message of a COPY's data
        before_commit,  ///< the server never hears of it
        after_commit,   ///< the server has it, and its answer gets lost
    };
    /// Cuts once, when that passes by next.
    void cut_at(At what);
    /// Whether that has happened.
    [[nodiscard]] bool has_cut() const;

private:
    class Relay;
    std::unique_ptr<Relay> relay_;
    std::string dsn_;
};

}  // namespace sluice::conformance
